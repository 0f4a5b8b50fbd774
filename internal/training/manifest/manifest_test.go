package manifest

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/swath-dev/swath/internal/training/metrics"
	"github.com/swath-dev/swath/internal/training/results"
)

func sample() *Manifest {
	return &Manifest{
		FormatVersion: FormatVersion, ID: "model-x", Task: "classification", NumClasses: 2,
		Metrics: Metrics{
			SelectedOn: SelectedOnValidation,
			Validation: &Evaluation{
				Evaluation: results.Evaluation{Loss: 0.1, Scores: metrics.Scores{Samples: 4, Accuracy: 0.75, MacroF1: 0.7, MeanIoU: 0.6}},
				Confusion:  metrics.NewConfusion(2),
			},
		},
		Training: Training{Hyperparameters: json.RawMessage(`{"seed":42}`), Requested: json.RawMessage(`{}`)},
		Run:      Run{Seconds: 1},
	}
}

func encoded(t *testing.T, change func(*Manifest)) []byte {
	t.Helper()
	m := sample()
	change(m)
	data, err := m.Encode()
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func TestTheRunAloneMayDiffer(t *testing.T) {
	ours := encoded(t, func(*Manifest) {})
	cases := map[string]struct {
		other []byte
		want  bool
	}{
		"the same":          {ours, true},
		"another time":      {encoded(t, func(m *Manifest) { m.Run.Seconds = 2 }), true},
		"another kernel":    {encoded(t, func(m *Manifest) { m.Run.Kernel = "avx2" }), true},
		"another seed":      {encoded(t, func(m *Manifest) { m.Training.Seed = 1 }), false},
		"other weights":     {encoded(t, func(m *Manifest) { m.Training.Weights = "00" }), false},
		"not a manifest":    {[]byte("{"), false},
		"of a later format": {encoded(t, func(m *Manifest) { m.FormatVersion++ }), false},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			if got := SameModel(ours, c.other); got != c.want {
				t.Errorf("same model: %v, want %v", got, c.want)
			}
		})
	}
}

// Programs read these names.
func TestTheNamesOfTheMetrics(t *testing.T) {
	var read struct {
		Metrics struct {
			Validation struct{ Accuracy, MacroF1, MeanIoU, Loss *float64 }
		}
	}
	data := encoded(t, func(*Manifest) {})
	if err := json.Unmarshal(data, &read); err != nil {
		t.Fatal(err)
	}
	v := read.Metrics.Validation
	if v.Accuracy == nil || v.MacroF1 == nil || v.MeanIoU == nil || v.Loss == nil || *v.Accuracy != 0.75 || *v.Loss != 0.1 {
		t.Errorf("metrics.validation lacks a figure:\n%s", data)
	}
	if !strings.Contains(string(data), `"selectedOn": "validation"`) {
		t.Errorf("selectedOn is missing:\n%s", data)
	}
}

func TestALaterFormatIsSaid(t *testing.T) {
	_, err := Decode(encoded(t, func(m *Manifest) { m.FormatVersion = 9 }))
	if err == nil || !strings.Contains(err.Error(), "format version 9") {
		t.Errorf("error %v, want one that names the version", err)
	}
}
