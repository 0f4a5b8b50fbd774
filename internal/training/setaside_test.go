package training

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/swath-dev/swath/internal/dataset"
	"github.com/swath-dev/swath/internal/hdf5"
)

// A fraction that nobody asked for must not make a valid file fail: of 30 classes with two chips each nothing can be kept
// aside.
func TestTooFewChipsToKeepAside(t *testing.T) {
	path := chips{task: Classification, n: 60, side: 8, count: 30, store: hdf5.GuideOptions}.write(t)
	s := session(t, Classification, path, "")
	if s.Settings().ValidationFraction != 0 || s.valid != nil || s.train.Len() != 60 || !slices.Equal(s.counts, s.report.Training.Classes) {
		t.Errorf("the fraction is %v, %d chips are trained on: %v", s.Settings().ValidationFraction, s.train.Len(), s.counts)
	}
	if all := strings.Join(s.Warnings(), "\n"); !strings.Contains(all, "no samples are set aside for validation") {
		t.Errorf("the warnings are %q", s.Warnings())
	}
	fraction := 0.2
	_, err := Prepare(t.Context(), Request{
		Task: Classification, Training: File{Path: path, Name: "train"}, Hyperparameters: Hyperparameters{ValidationFraction: &fraction},
	})
	var invalid *dataset.InvalidError
	if !errors.As(err, &invalid) || invalid.Rule != dataset.RuleSplit {
		t.Errorf("asked for, the fraction gives %v", err)
	}
}

// Class weights and warnings are those of the part that is trained on.
func TestCountsAreThoseOfTheTrainingPart(t *testing.T) {
	rare := func(chip, _ int) int { return min(1, chip/6) }
	path := chips{task: Classification, n: 106, side: 8, count: 2, store: hdf5.GuideOptions, class: rare}.write(t)
	s := session(t, Classification, path, `{"validationFraction": 0.5}`)
	if s.counts[0] != 3 || s.counts[0]+s.counts[1] != int64(s.train.Len()) {
		t.Errorf("%d chips are trained on, counted as %v", s.train.Len(), s.counts)
	}
	if all := strings.Join(s.Warnings(), "\n"); !strings.Contains(all, "fewer than 5 of class 0 (3) to train on") {
		t.Errorf("the warnings are %q", s.Warnings())
	}
}
