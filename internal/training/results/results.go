// Package results is the results file of a training: CSV with one row for each epoch.
package results

import (
	"encoding/csv"
	"fmt"
	"io"
	"strconv"

	"github.com/swath-dev/swath/internal/training/metrics"
)

// Row is one epoch.
type Row struct {
	// Step and Epoch count what is done, from 1.
	Step  int `json:"step"`
	Epoch int `json:"epoch"`
	// Train is measured on the training data as it goes by: with augmentation, and with weights that change meanwhile.
	Train Evaluation `json:"train"`
	// Valid is measured on all of the validation data after the epoch; nil where there is none.
	Valid *Evaluation `json:"valid,omitempty"`
	// LearningRate is that of the epoch's last step.
	LearningRate float64 `json:"learningRate"`
	// Weights is the beginning of the SHA-256 of all weights and statistics after the epoch, in hexadecimal: it shows where
	// two runs began to differ.
	Weights string `json:"weights"`
	// SamplesPerSecond counts training chips; Seconds is the time of the whole epoch, evaluation and interruptions included.
	// These two are the only columns that differ between two runs of the same job.
	SamplesPerSecond float64 `json:"samplesPerSecond"`
	Seconds          float64 `json:"seconds"`
}

// Evaluation is a loss with the scores that belong to it.
type Evaluation struct {
	Loss float64 `json:"loss"`
	metrics.Scores
}

// header names the columns.
func header() []string {
	names := []string{"step", "epoch"}
	for _, of := range []string{"train", "valid"} {
		for _, name := range []string{"loss", "accuracy", "macro_f1", "weighted_f1", "mean_iou", "weighted_iou"} {
			names = append(names, of+"_"+name)
		}
	}
	return append(names, "learning_rate", "weights", "samples_per_second", "seconds")
}

// Write writes the header and all rows. Without validation its columns are empty.
func Write(w io.Writer, rows []Row) error {
	out := csv.NewWriter(w)
	records := [][]string{header()}
	for _, r := range rows {
		records = append(records, r.record())
	}
	if err := out.WriteAll(records); err != nil {
		return fmt.Errorf("writing the results: %w", err)
	}
	return nil
}

func (r Row) record() []string {
	record := []string{strconv.Itoa(r.Step), strconv.Itoa(r.Epoch)}
	record = append(record, r.Train.columns()...)
	if r.Valid != nil {
		record = append(record, r.Valid.columns()...)
	} else {
		record = append(record, make([]string, len(r.Train.columns()))...)
	}
	return append(record, number(r.LearningRate), r.Weights, fixed(r.SamplesPerSecond), fixed(r.Seconds))
}

func (e Evaluation) columns() []string {
	return []string{
		number(e.Loss), number(e.Accuracy), number(e.MacroF1), number(e.WeightedF1), number(e.MeanIoU), number(e.WeightedIoU),
	}
}

// number has six significant digits, enough to plot and short enough to read.
func number(v float64) string { return strconv.FormatFloat(v, 'g', 6, 64) }

func fixed(v float64) string { return strconv.FormatFloat(v, 'f', 3, 64) }
