// Package report makes what people look at: learning curves, the confusion matrix and chips as pictures, one HTML page
// that shows them all, and a model card. Nothing in it depends on time or machine, so that a run that is repeated
// writes the same bytes.
package report

import (
	"fmt"

	"github.com/swath-dev/swath/internal/training/manifest"
	"github.com/swath-dev/swath/internal/training/results"
)

// The names of the files.
const (
	PageName      = "report.html"
	CardName      = "model-card.md"
	CurvesName    = "learning-curves.png"
	ConfusionName = "confusion-matrix.png"
	ChipsName     = "chips.png"
	MistakesName  = "mistakes.png"
)

// Input is all that a report shows.
type Input struct {
	Manifest *manifest.Manifest
	Rows     []results.Row
	// ClassSamples counts the labels of each class in the training data.
	ClassSamples []int64
	// Chips are validation chips: for segmentation a sheet of them, for classification the most certain mistakes.
	Chips []Chip
}

// File is one file of the report.
type File struct {
	Name    string
	Content []byte
}

// Score is the name of the figure that a task is judged by.
func Score(task string) string {
	if task == "segmentation" {
		return "meanIoU"
	}
	return "accuracy"
}

// Make makes the files of a report, the page last.
func Make(in Input) ([]File, error) {
	var files []File
	add := func(name string, content []byte, err error) error {
		if err != nil {
			return fmt.Errorf("making %s: %w", name, err)
		}
		files = append(files, File{name, content})
		return nil
	}
	content, err := learningCurves(in.Rows, Score(in.Manifest.Task), in.Manifest.Metrics.Epoch)
	if err := add(CurvesName, content, err); err != nil {
		return nil, err
	}
	if validation := in.Manifest.Metrics.Validation; validation != nil {
		content, err = confusionMatrix(validation.Confusion, occurring(in))
		if err := add(ConfusionName, content, err); err != nil {
			return nil, err
		}
	}
	if len(in.Chips) > 0 {
		name := MistakesName
		if in.Manifest.Task == "segmentation" {
			name = ChipsName
			content, err = segmentationSheet(in.Chips, in.Manifest.Input.Bands)
		} else {
			content, err = mistakeSheet(in.Chips, in.Manifest.Input.Bands)
		}
		if err := add(name, content, err); err != nil {
			return nil, err
		}
	}
	content, err = card(in)
	if err := add(CardName, content, err); err != nil {
		return nil, err
	}
	content, err = page(in, files)
	err = add(PageName, content, err)
	return files, err
}
