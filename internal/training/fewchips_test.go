package training

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/swath-dev/swath/internal/dataset"
	"github.com/swath-dev/swath/internal/hdf5"
)

// A handful of chips, told apart with ease, are learnt with the defaults, and the model says so when it is used.
func TestFewChipsAreLearnt(t *testing.T) {
	for name, c := range map[string]struct {
		n               int
		hyperparameters string
	}{
		"two chips":                  {2, `{"numClasses": 2}`},
		"two chips, one at a time":   {2, `{"numClasses": 2, "batchSize": 1}`},
		"seven chips":                {7, `{"numClasses": 2}`},
		"seven chips, one at a time": {7, `{"numClasses": 2, "batchSize": 1, "epochs": 60}`},
	} {
		for _, task := range []Task{Classification, Segmentation} {
			t.Run(fmt.Sprintf("%s, %s", name, task), func(t *testing.T) {
				path := chips{task: task, n: c.n, side: 16, count: 2, store: hdf5.GuideOptions}.write(t)
				s := session(t, task, path, c.hyperparameters)
				_, o := train(t, s)
				one := strings.Contains(c.hyperparameters, "batchSize")
				if raised := strings.Contains(strings.Join(s.Warnings(), " "), "batchSize 2 is used in place of 1"); raised != (one && task == Classification) {
					t.Errorf("the warnings are %q", s.Warnings())
				}
				m := o.Manifest.Metrics
				if m.OnTraining.Accuracy < 0.99 || m.OnTraining.Loss > 0.1 || m.Training.Accuracy < 0.95 {
					t.Errorf("on its chips as they are the model has %+v, in its last epoch %+v", *m.OnTraining, m.Training)
				}
				checkPredictions(t, o, path, task)
			})
		}
	}
}

// checkPredictions predicts the chips that a model was trained on.
func checkPredictions(t *testing.T, o *Outcome, path string, task Task) {
	t.Helper()
	p, err := NewPredictor(o.Parts[0].Content)
	if err != nil {
		t.Fatal(err)
	}
	f, err := dataset.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var labels dataset.Sample
	reader := f.NewReader()
	_, err = p.PredictFile(t.Context(), f, func(sample int, of Prediction) error {
		if err := reader.ReadSample(sample, &labels); err != nil {
			return err
		}
		wrong := 0
		if task == Classification {
			if of.Class != int(labels.Labels[0]) || of.Probabilities[of.Class] < 0.8 {
				wrong = 1
			}
		} else {
			for i, class := range of.Classes {
				if int64(class) != labels.Labels[i] {
					wrong++
				}
			}
		}
		if wrong > len(labels.Labels)/50 {
			t.Errorf("%d of the %d labels of sample %d are predicted wrong", wrong, len(labels.Labels), sample)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// A file of which but one class is left has nothing to be learnt: that is the user's mistake, and said as one.
func TestOneClassThatIsLeftIsTheUsersMistake(t *testing.T) {
	for _, task := range []Task{Classification, Segmentation} {
		path := chips{task: task, n: 12, side: 8, count: 2, store: hdf5.GuideOptions}.write(t)
		h, err := ParseHyperparameters(`{"numClasses": 2, "ignoreLabel": 0}`)
		if err != nil {
			t.Fatal(err)
		}
		s, err := Prepare(t.Context(), Request{Task: task, Training: File{Path: path, Name: "train"}, Hyperparameters: h})
		var invalid *dataset.InvalidError
		if !errors.As(err, &invalid) {
			t.Errorf("%s: error %v, want one of the file", task, err)
		}
		if err == nil {
			s.Close()
		}
	}
}
