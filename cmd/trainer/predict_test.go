package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/swath-dev/swath/internal/contract"
	"github.com/swath-dev/swath/internal/dataset"
	"github.com/swath-dev/swath/internal/hdf5"
)

const cases = testdata + "cases/"

// rewritten is a file with the samples of another one, changed.
func rewritten(t *testing.T, from string, change func(s *dataset.Sample)) string {
	t.Helper()
	in, err := dataset.Open(from)
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	path := filepath.Join(t.TempDir(), "changed.h5")
	out, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	w, err := dataset.NewWriter(out, dataset.Format{Bands: len(in.Summary().Bands), Side: in.Side(), Task: in.Task()}, hdf5.GuideOptions)
	if err != nil {
		t.Fatal(err)
	}
	var s dataset.Sample
	for i := range in.Len() {
		if err := in.NewReader().ReadSample(i, &s); err != nil {
			t.Fatal(err)
		}
		change(&s)
		if err := w.Write(&s); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return path
}

// TestPredictingHeedsWhatTheModelWasTrainedOn: bands in another order are the
// same, other bands are refused, and whatever else differs is said.
func TestPredictingHeedsWhatTheModelWasTrainedOn(t *testing.T) {
	plain, folder := cases+"bands_plain.h5", filepath.Join(t.TempDir(), "model")
	trained := rewritten(t, plain, func(s *dataset.Sample) { s.Platform = "sentinel-2-l2a" })
	succeed(t, "train", "--task", "classification", "--training-file", trained, "--output", folder, "--epochs", "1", "--validation-fraction", "0")
	predict := func(path string) (int, string, string) {
		return execute(t, "predict", "--model", folder, "-o", "csv", path)
	}
	_, want, stderr := predict(plain)
	if stderr != "" {
		t.Errorf("of the chips that it was trained on it says %q", stderr)
	}
	if code, got, stderr := predict(cases + "bands_reordered.h5"); code != 0 || stderr != "" || got != want {
		t.Errorf("in another order of bands it ended with %d, said %q and predicted\n%s\nand not\n%s", code, stderr, got, want)
	}
	scale := func(factor float32) func(s *dataset.Sample) {
		return func(s *dataset.Sample) {
			for k := range s.Pixels {
				s.Pixels[k] *= factor
			}
		}
	}
	for name, c := range map[string]struct {
		change func(s *dataset.Sample)
		says   string
	}{
		"another ground sample distance": {func(s *dataset.Sample) { s.GSD = 30 }, "the ground sample distance of 60 of 60 samples (first: sample 0) is 30 m, and the model was trained at 10 m"},
		"another platform":               {func(s *dataset.Sample) { s.Platform = "naip" }, "60 of 60 samples (first: sample 0) are of platform naip, and the model was trained on sentinel-2-l2a"},
		"the same platform":              {func(s *dataset.Sample) { s.Platform = "sentinel-2-l2a" }, ""},
		"reflectance":                    {scale(1e-4), "times those of the training data (mean of band \"red\": 0.1891, there 1552)"},
		"larger numbers":                 {scale(20), `deviations away from the training data`},
		"no data":                        {func(s *dataset.Sample) { s.Pixels[3] = -9999 }, `-9999 stands in 60 of 60 samples (first: sample 0), 60 times, first in band "red"`},
	} {
		t.Run(name, func(t *testing.T) {
			code, _, stderr := predict(rewritten(t, plain, c.change))
			if code != 0 || !strings.Contains(stderr, c.says) || c.says == "" && stderr != "" || strings.Count(stderr, "warning: ") > 1 {
				t.Errorf("it ended with %d and said %q, want %q alone", code, stderr, c.says)
			}
		})
	}
	for name, c := range map[string]struct {
		change func(s *dataset.Sample)
		says   string
	}{
		"other bands":      {func(s *dataset.Sample) { s.Bands = []string{"red", "green", "nir"} }, "its bands are red, green, nir, but the model needs red, green, blue"},
		"a band twice":     {func(s *dataset.Sample) { s.Bands = []string{"red", "green", "green"} }, "but the model needs red, green, blue"},
		"no such platform": {func(s *dataset.Sample) { s.Platform = "hubble" }, `sample 0: platform "hubble" is not known; use one of landsat-c2l1`},
		"nonsense":         {scale(1e32), "which is no measurement"},
	} {
		t.Run(name, func(t *testing.T) {
			code, _, stderr := predict(rewritten(t, plain, c.change))
			if code != contract.ExitBadFile || !strings.Contains(stderr, c.says) {
				t.Errorf("it ended with %d and said %q, want %q", code, stderr, c.says)
			}
		})
	}
}
