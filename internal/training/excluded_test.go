package training

import (
	"testing"

	"github.com/swath-dev/swath/internal/dataset"
	"github.com/swath-dev/swath/internal/hdf5"
)

// The ignored label may be the number of a class. Nothing is known of its pixels, so that no answer may be that class: not of
// the model, not of its baselines, and not with any probability.
func TestTheClassOfTheIgnoredLabelIsNeverAnswered(t *testing.T) {
	for _, hyperparameters := range []string{
		`{"numClasses": 3, "epochs": 3, "ignoreLabel": 0}`,
		`{"numClasses": 3, "epochs": 3, "ignoreLabel": 1, "loss": "focal"}`,
		`{"numClasses": 3, "epochs": 3, "ignoreLabel": 2, "classWeights": "balanced", "validationFraction": 0}`,
	} {
		for _, task := range []Task{Classification, Segmentation} {
			t.Run(string(task)+" "+hyperparameters, func(t *testing.T) {
				path := chips{task: task, n: 60, side: 16, count: 3, store: hdf5.GuideOptions}.write(t)
				s := session(t, task, path, hyperparameters)
				_, o := train(t, s)
				checkNeverAnswered(t, o, path, *s.Settings().IgnoreLabel)
			})
		}
	}
}

func checkNeverAnswered(t *testing.T, o *Outcome, path string, ignored int) {
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
	answers := map[int]int{}
	_, err = p.PredictFile(t.Context(), f, func(sample int, of Prediction) error {
		if of.Classes == nil {
			answers[of.Class]++
			if of.Probabilities[ignored] != 0 {
				t.Errorf("sample %d is class %d with probability %g", sample, ignored, of.Probabilities[ignored])
			}
		}
		for _, class := range of.Classes {
			answers[int(class)]++
		}
		return nil
	})
	if err != nil || answers[ignored] > 0 || len(answers) < 2 {
		t.Errorf("the answers by class are %v (%v), and none may be %d", answers, err, ignored)
	}
	if v := o.Manifest.Metrics.Validation; v != nil {
		if n := v.Confusion.Predictions(ignored); n > 0 || v.PerClass[ignored].Predictions > 0 {
			t.Errorf("the confusion matrix has class %d as an answer, %d times", ignored, n)
		}
		if v.Accuracy < 0.9 {
			t.Errorf("the model has not learnt: %+v", v.Evaluation)
		}
	}
	logits := p.network.Graph.Logits
	for i := ignored; i < len(p.network.Params[logits.Weight]); i += logits.Channels {
		if p.network.Params[logits.Weight][i] != 0 {
			t.Fatalf("class %d has weights after training", ignored)
		}
	}
}

// Where no number is left in the logits there is still an answer, and it must not be the excluded class.
func TestPixelsWithoutAnyMeaningAreNotAnsweredByTheExcludedClass(t *testing.T) {
	path := chips{task: Segmentation, n: 12, side: 16, count: 3, store: hdf5.GuideOptions}.write(t)
	s := session(t, Segmentation, path, `{"numClasses": 3, "epochs": 1, "ignoreLabel": 0}`)
	_, o := train(t, s)
	p, err := NewPredictor(o.Parts[0].Content)
	if err != nil {
		t.Fatal(err)
	}
	pixels := make([]float32, 2*16*16)
	for i := range pixels {
		pixels[i] = -3.4028235e38
	}
	found, err := p.Predict(t.Context(), 1, 16, pixels)
	if err != nil {
		t.Fatal(err)
	}
	for at, class := range found[0].Classes {
		if class == 0 {
			t.Fatalf("pixel %d is answered with the class of the ignored label", at)
		}
	}
}

// A job that is interrupted while the trainer is replaced goes on from its checkpoint, unless the new one trains otherwise.
func TestOnlyAnExcludedClassNamesTheTrainingAnew(t *testing.T) {
	path := chips{task: Segmentation, n: 12, side: 16, count: 3, store: hdf5.GuideOptions}.write(t)
	for hyperparameters, excluded := range map[string]bool{
		`{"numClasses": 3}`: false, `{"numClasses": 3, "ignoreLabel": 255}`: false, `{"numClasses": 3, "ignoreLabel": 2}`: true,
	} {
		s := session(t, Segmentation, path, hyperparameters)
		if got := s.excluded() != nil; got != excluded {
			t.Errorf("%s: a class is excluded: %v", hyperparameters, got)
		}
	}
}
