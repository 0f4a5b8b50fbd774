package report

import (
	"bytes"
	_ "embed"
	"encoding/base64"
	"fmt"
	htmltemplate "html/template"
	"strings"
	"text/template"

	"github.com/swath-dev/swath/internal/training/manifest"
)

//go:embed card.md.tmpl
var cardText string

//go:embed report.html.tmpl
var pageText string

var cardTemplate = template.Must(template.New(CardName).Parse(cardText))

var pageTemplate = htmltemplate.Must(htmltemplate.New(PageName).Parse(pageText))

// view is what both templates see.
type view struct {
	*manifest.Manifest
	Title           string
	Headline        []pair
	Bands           string
	Figures         []figureRow
	HasIntervals    bool
	Classes         []classRow
	Hyperparameters []pair
	Segmentation    bool
	// AbsentClasses is how many classes do not occur in the data.
	AbsentClasses int
	Unit          string
	Normalised    string
	Curves        htmltemplate.URL
	Confusion     htmltemplate.URL
	Chips         htmltemplate.URL
}

func newView(in Input) (*view, error) {
	m := in.Manifest
	v := &view{Manifest: m, Title: "Swath model", Bands: strings.Join(m.Input.Bands, ", "), Figures: figureTable(m), Classes: classTable(in)}
	if m.ID != "" {
		v.Title = m.ID
	}
	v.Segmentation = m.Task == "segmentation"
	v.Unit = "chips"
	if v.Segmentation {
		v.Unit = "pixels"
	}
	v.Normalised = "mean and deviation of each band in the training data"
	if m.Input.Normalisation.Source == manifest.NormalisedByPlatform {
		v.Normalised = "the statistics of platform " + m.Input.Platform
	}
	v.AbsentClasses = m.NumClasses - len(v.Classes)
	v.HasIntervals = v.Figures[0].AccuracyInterval != "" || v.Figures[0].MeanIoUInterval != ""
	var err error
	v.Hyperparameters, err = hyperparameters(m.Training)
	v.Headline = headline(m, v.Figures[0])
	return v, err
}

// headline are the few figures that stand large at the top.
func headline(m *manifest.Manifest, model figureRow) []pair {
	where := "validation"
	if m.Metrics.Validation == nil {
		where = "training"
	}
	pairs := []pair{{where + " accuracy", model.Accuracy}}
	if m.Task == "segmentation" {
		pairs = []pair{{where + " mean IoU", model.MeanIoU}, {where + " pixel accuracy", model.Accuracy}}
	} else {
		pairs = append(pairs, pair{where + " macro F1", model.MacroF1})
	}
	chips := fmt.Sprint(m.Training.TrainingFile.Samples)
	return append(pairs, pair{"chips in the training file", chips}, pair{"classes", fmt.Sprint(m.NumClasses)})
}

// card makes the model card in Markdown.
func card(in Input) ([]byte, error) {
	v, err := newView(in)
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer
	if err := cardTemplate.Execute(&out, v); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}

// page makes the HTML page, with the pictures inside.
func page(in Input, files []File) ([]byte, error) {
	v, err := newView(in)
	if err != nil {
		return nil, err
	}
	for _, f := range files {
		// The text is ours alone: base64 of a picture.
		url := htmltemplate.URL("data:image/png;base64," + base64.StdEncoding.EncodeToString(f.Content))
		switch f.Name {
		case CurvesName:
			v.Curves = url
		case ConfusionName:
			v.Confusion = url
		case ChipsName, MistakesName:
			v.Chips = url
		}
	}
	var out bytes.Buffer
	if err := pageTemplate.Execute(&out, v); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}
