package training

import (
	"errors"
	"strings"
	"testing"

	"github.com/swath-dev/swath/internal/dataset"
	"github.com/swath-dev/swath/internal/training/onnx"
)

// predictor trains for an epoch and reads the model back.
func predictor(t *testing.T, task Task) (*Predictor, []byte) {
	t.Helper()
	_, o := train(t, prepare(t, task, `{"numClasses": 3, "epochs": 1}`))
	for _, part := range o.Parts {
		if part.Name == ModelName {
			p, err := NewPredictor(part.Content)
			if err != nil {
				t.Fatal(err)
			}
			return p, part.Content
		}
	}
	t.Fatal("training left no model")
	return nil, nil
}

func TestPredictionsDoNotDependOnTheBatch(t *testing.T) {
	p, _ := predictor(t, Classification)
	pixels := make([]float32, 50*3*16*16)
	for i := range pixels {
		pixels[i] = float32(i*i%251) / 2
	}
	all, err := p.Predict(t.Context(), 50, 16, pixels)
	if err != nil {
		t.Fatal(err)
	}
	for i := range all {
		one, err := p.Predict(t.Context(), 1, 16, pixels[i*768:(i+1)*768])
		if err != nil {
			t.Fatal(err)
		}
		sum := float32(0)
		for class, probability := range all[i].Probabilities {
			if one[0].Probabilities[class] != probability {
				t.Fatalf("chip %d has probability %v of class %d alone and %v among others", i, one[0].Probabilities[class], class, probability)
			}
			sum += probability
		}
		if sum < 0.9999 || sum > 1.0001 || all[i].Probabilities[all[i].Class]+1e-6 < 1.0/3 {
			t.Fatalf("chip %d has probabilities %v", i, all[i].Probabilities)
		}
	}
}

func TestChipsThatDoNotFitAreRefused(t *testing.T) {
	p, _ := predictor(t, Segmentation)
	for name, c := range map[string]struct {
		n, side, values int
		want            string
	}{
		"a side that cannot be halved": {1, 20, 3 * 20 * 20, "divisible by 8"},
		"no side":                      {1, 0, 0, "divisible by 8"},
		"too few values":               {2, 32, 3 * 32 * 32, "3072 values were given for 2 chips"},
		"a negative number":            {-1, 32, 0, "-1 chips"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := p.Predict(t.Context(), c.n, c.side, make([]float32, c.values))
			var usage *UsageError
			if !errors.As(err, &usage) || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %v, want a usage error with %q", err, c.want)
			}
		})
	}
	if other, err := p.Predict(t.Context(), 1, 64, make([]float32, 3*64*64)); err != nil || len(other[0].Classes) != 64*64 {
		t.Errorf("chips of another size: %v", err)
	}
}

func TestFilesThatDoNotFitAreRefused(t *testing.T) {
	p, _ := predictor(t, Classification)
	for name, want := range map[string]string{
		"r_platform_unknown.h5": `platform "hubble" is not known`,
		"r_nan_pixel.h5":        `the pixel of band "green" at row 2, column 3 is NaN`,
	} {
		f, err := dataset.Open("../../test/testdata/hdf5/" + name)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		_, err = p.PredictFile(t.Context(), f, func(int, Prediction) error { return nil })
		var invalid *dataset.InvalidError
		if !errors.As(err, &invalid) || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error %v, want %q", name, err, want)
		}
	}
}

func TestModelsThatAreNotOursAreRefused(t *testing.T) {
	_, model := predictor(t, Classification)
	foreign, err := onnx.Unmarshal(model)
	if err != nil {
		t.Fatal(err)
	}
	foreign.Metadata = nil
	other, err := onnx.Unmarshal(model)
	if err != nil {
		t.Fatal(err)
	}
	other.Metadata[0].Value = strings.Replace(other.Metadata[0].Value, `"numClasses":3`, `"numClasses":4`, 1)
	for name, data := range map[string][]byte{
		"cut short":                     model[:len(model)/2],
		"of another program":            onnx.Marshal(foreign),
		"with a description of another": onnx.Marshal(other),
	} {
		if _, err := NewPredictor(data); !errors.Is(err, onnx.ErrFormat) {
			t.Errorf("%s: error %v, want %v", name, err, onnx.ErrFormat)
		}
	}
}
