package report

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/swath-dev/swath/internal/training/manifest"
	"github.com/swath-dev/swath/internal/training/results"
)

// figureRow is a line of the table of figures: a model or a baseline.
type figureRow struct {
	Name                              string
	Accuracy, MacroF1, MeanIoU, Loss  string
	AccuracyInterval, MeanIoUInterval string
	Ours                              bool
}

// figureTable has the model first, then the last epoch where it was not chosen, then the baselines, the best first.
func figureTable(m *manifest.Manifest) []figureRow {
	v := m.Metrics.Validation
	if v == nil {
		found := m.Metrics.Training
		if m.Metrics.OnTraining != nil {
			found = *m.Metrics.OnTraining
		}
		row := figures("this model, on its training data", found)
		row.Ours = true
		return append([]figureRow{row}, baselineRows(m, ", on the training data")...)
	}
	model := figures(fmt.Sprintf("this model (epoch %d)", m.Metrics.Epoch), v.Evaluation)
	model.Ours = true
	model.AccuracyInterval, model.MeanIoUInterval = interval(v, "accuracy"), interval(v, "meanIoU")
	rows := []figureRow{model}
	if last := m.Metrics.LastEpoch; last.Validation != nil && last.Epoch != m.Metrics.Epoch {
		rows = append(rows, figures(fmt.Sprintf("last epoch (%d)", last.Epoch), *last.Validation))
	}
	return append(rows, baselineRows(m, "")...)
}

// baselineRows are the baselines, the best by the task's figure first.
func baselineRows(m *manifest.Manifest, where string) []figureRow {
	score := func(name string) float64 {
		e := m.Metrics.Baselines[name]
		if Score(m.Task) == "meanIoU" {
			return e.MeanIoU
		}
		return e.Accuracy
	}
	names := slices.SortedFunc(maps.Keys(m.Metrics.Baselines), func(a, b string) int {
		return cmp.Or(cmp.Compare(score(b), score(a)), strings.Compare(a, b))
	})
	var rows []figureRow
	for _, name := range names {
		rows = append(rows, figures("baseline: "+baselineTitle(name)+where, m.Metrics.Baselines[name]))
	}
	return rows
}

func baselineTitle(name string) string {
	switch name {
	case manifest.BaselineMajority:
		return "always the most frequent class"
	case manifest.BaselineLinear:
		return "a linear model on band statistics"
	}
	return name
}

func figures(name string, e results.Evaluation) figureRow {
	return figureRow{Name: name, Accuracy: share(e.Accuracy), MacroF1: share(e.MacroF1), MeanIoU: share(e.MeanIoU), Loss: fmt.Sprintf("%.4f", e.Loss)}
}

func share(v float64) string { return fmt.Sprintf("%.3f", v) }

func interval(v *manifest.Evaluation, name string) string {
	i, ok := v.Interval95[name]
	if !ok {
		return ""
	}
	return fmt.Sprintf("%.3f – %.3f", i.Low, i.High)
}

// classRow is a line of the table of classes.
type classRow struct {
	Class                          int
	Tone                           string
	Training, Validation           string
	Precision, Recall, F1, IoUText string
}

// occurring are the classes that occur: among the labels of training or validation, or as an answer.
func occurring(in Input) []int {
	var classes []int
	v := in.Manifest.Metrics.Validation
	for class := range in.Manifest.NumClasses {
		trained := class < len(in.ClassSamples) && in.ClassSamples[class] > 0
		measured := v != nil && class < len(v.PerClass) && v.PerClass[class].Samples+v.PerClass[class].Predictions > 0
		if trained || measured {
			classes = append(classes, class)
		}
	}
	return classes
}

func classTable(in Input) []classRow {
	var rows []classRow
	for _, class := range occurring(in) {
		tone := classTone(class)
		row := classRow{Class: class, Tone: fmt.Sprintf("#%02x%02x%02x", tone.R, tone.G, tone.B), Training: "–", Validation: "–", Precision: "–", Recall: "–", F1: "–", IoUText: "–"}
		if class < len(in.ClassSamples) {
			row.Training = grouped(in.ClassSamples[class])
		}
		if v := in.Manifest.Metrics.Validation; v != nil && class < len(v.PerClass) {
			k := v.PerClass[class]
			row.Validation = grouped(k.Samples)
			if k.Samples > 0 || k.Predictions > 0 {
				row.Precision, row.Recall, row.F1, row.IoUText = share(k.Precision), share(k.Recall), share(k.F1), share(k.IoU)
			}
		}
		rows = append(rows, row)
	}
	return rows
}

// pair is a name with a value.
type pair struct{ Name, Value string }

// hyperparameters lists what was used in the order of the manifest; what was asked for is marked.
func hyperparameters(t manifest.Training) ([]pair, error) {
	var requested map[string]json.RawMessage
	if err := json.Unmarshal(t.Requested, &requested); err != nil {
		return nil, fmt.Errorf("reading the hyperparameters that were asked for: %w", err)
	}
	var pairs []pair
	decoder := json.NewDecoder(bytes.NewReader(t.Hyperparameters))
	if _, err := decoder.Token(); err != nil {
		return nil, fmt.Errorf("reading the hyperparameters: %w", err)
	}
	for decoder.More() {
		name, err := decoder.Token()
		if err != nil {
			return nil, fmt.Errorf("reading the hyperparameters: %w", err)
		}
		var value json.RawMessage
		if err := decoder.Decode(&value); err != nil {
			return nil, fmt.Errorf("reading hyperparameter %v: %w", name, err)
		}
		text := strings.Trim(string(value), `"`)
		if _, asked := requested[fmt.Sprint(name)]; asked {
			text += " (asked for)"
		}
		pairs = append(pairs, pair{fmt.Sprint(name), text})
	}
	return pairs, nil
}

// grouped writes a number with thin groups of three digits.
func grouped(n int64) string {
	s := fmt.Sprint(n)
	for at := len(s) - 3; at > 0; at -= 3 {
		s = s[:at] + "," + s[at:]
	}
	return s
}
