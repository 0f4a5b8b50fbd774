package training

import (
	"fmt"
	"strings"
	"testing"

	"github.com/swath-dev/swath/internal/hdf5"
	"github.com/swath-dev/swath/internal/training/manifest"
	"github.com/swath-dev/swath/internal/training/metrics"
	"github.com/swath-dev/swath/internal/training/results"
)

// The chips of Olinda stand side by side: taken for independent, they would promise more than they know.
func TestIntervalsAreOverPlacesWhereThereAreAny(t *testing.T) {
	for task, want := range map[Task]string{Classification: "places, and at least Wilson's score interval", Segmentation: "places"} {
		_, o := train(t, prepare(t, task, `{"numClasses": 3, "epochs": 1}`))
		v := o.Manifest.Metrics.Validation
		var places int
		if _, err := fmt.Sscanf(v.Interval95By, "a bootstrap over %d", &places); err != nil || places < metrics.MinGroups || places >= v.Chips || !strings.HasSuffix(v.Interval95By, want) {
			t.Errorf("%s: the intervals are by %q, of %d chips", task, v.Interval95By, v.Chips)
		}
		found := v.Interval95["accuracy"]
		if found.Low > v.Accuracy || found.High < v.Accuracy {
			t.Errorf("%s: the interval %v does not hold %v", task, found, v.Accuracy)
		}
		if task == Classification && found.Cover(wilson(v)) != found {
			t.Errorf("the interval %v is narrower than Wilson's, %v", found, wilson(v))
		}
	}
}

func TestIntervalsWithoutPlaces(t *testing.T) {
	path := chips{task: Classification, n: 37, side: 8, count: 2, store: hdf5.GuideOptions}.write(t)
	_, o := train(t, session(t, Classification, path, `{"epochs": 1, "validationFraction": 0.4}`))
	v := o.Manifest.Metrics.Validation
	if v.Interval95By != "Wilson's score interval" || v.Interval95["accuracy"] != wilson(v) {
		t.Errorf("the intervals are %v by %q", v.Interval95, v.Interval95By)
	}
}

// Of few places nothing is known, however many chips they have.
func TestFewPlacesGiveNoInterval(t *testing.T) {
	confusion := metrics.NewConfusion(2)
	for i := range 12 {
		confusion.Add(i%2, i%2)
	}
	v := &manifest.Evaluation{Chips: 12, Confusion: confusion}
	bootstrap := metrics.NewBootstrap(2, 3)
	(&Session{request: Request{Task: Classification}}).intervals(v, bootstrap, 3)
	if len(v.Interval95) > 0 || v.Interval95By != "" {
		t.Errorf("three places gave %v by %q", v.Interval95, v.Interval95By)
	}
}

func TestPatienceBeginsAfterTheWarmUp(t *testing.T) {
	s := prepare(t, Classification, `{"epochs": 20, "warmup": 0.5, "earlyStoppingPatience": 3}`)
	l := loop(t, s)
	for epoch := 1; epoch <= 20 && !l.state.StoppedEarly; epoch++ {
		l.choose(results.Row{Epoch: epoch, Valid: &results.Evaluation{Loss: float64(epoch)}})
		l.state.Epoch = epoch
	}
	if l.state.Chosen != 1 || l.state.Epoch != 13 {
		t.Errorf("epoch %d was chosen and training stopped after %d, want 1 and 13, three after the warm-up", l.state.Chosen, l.state.Epoch)
	}
}
