package training

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/swath-dev/swath/internal/hdf5"
)

// The linear model sees a part of the pixels of large chips, however many they are, and learns from it all the same.
func TestTheLinearBaselineIsBoundedByPixels(t *testing.T) {
	for task, hyperparameters := range map[Task]string{Classification: `{"epochs": 1, "numClasses": 2}`, Segmentation: `{"epochs": 1, "numClasses": 2}`} {
		path := chips{task: task, n: 12, side: 200, count: 2, store: hdf5.GuideOptions}.write(t)
		s := session(t, task, path, hyperparameters)
		l := loop(t, s)
		m, epochs, err := s.newLinear(t.Context(), l)
		if err != nil {
			t.Fatal(err)
		}
		for epoch := range 2 {
			err = epochs(epoch, func(b batch) error {
				if pixels := len(b.Pixels) / s.graph.Bands; pixels > baselinePixels || pixels == 0 {
					t.Errorf("%s: a step sees %d pixels, and at most %d are meant", task, pixels, baselinePixels)
				}
				return m.step(b)
			})
			if err != nil {
				t.Fatal(err)
			}
		}
		got, err := s.linear(t.Context(), l)
		if err != nil || got.Accuracy < 0.999 {
			t.Errorf("%s: %+v (%v), want an accuracy of 1", task, got, err)
		}
	}
}

func TestThinnedChipsKeepLabelsBesideTheirPixels(t *testing.T) {
	path := chips{task: Segmentation, n: 4, side: 136, count: 2, store: hdf5.GuideOptions}.write(t)
	s := session(t, Segmentation, path, `{"epochs": 1, "numClasses": 2, "batchSize": 4}`)
	l := loop(t, s)
	thin, err := s.thinOut(l, func(_ int, visit func(batch) error) error {
		return l.train.each(l.train.loader.Shuffled(t.Context(), 0, 0), nil, visit)
	})
	if err != nil {
		t.Fatal(err)
	}
	if thin.side != 46 || thin.chips != 4 || len(thin.labels) != 4*46*46 || len(thin.pixels) != 2*4*46*46 {
		t.Fatalf("%d chips of side %d, %d labels and %d pixels", thin.chips, thin.side, len(thin.labels), len(thin.pixels))
	}
	// The pixels of class c are about 100·c, in both bands.
	for i, label := range thin.labels {
		chip, at := i/(46*46), i%(46*46)
		if pixel := thin.pixels[2*chip*46*46+at]; int(pixel)/100 != int(label) {
			t.Fatalf("label %d beside the pixel %g", label, pixel)
		}
	}
}

// After the last epoch there is no silence: what is done is said, with how long it takes, until the model is there.
func TestWhatIsDoneAfterTheLastEpochIsSaid(t *testing.T) {
	path := chips{task: Segmentation, n: 60, side: 16, count: 2, store: hdf5.GuideOptions}.write(t)
	s := session(t, Segmentation, path, `{"epochs": 2, "numClasses": 2}`)
	progress := &Progress{}
	var said []string
	var lefts []time.Duration
	progress.Watch(func(s Snapshot, epoch bool) {
		if s.Doing != "" {
			said = append(said, s.Summary())
			lefts = append(lefts, s.Left)
		}
		if epoch && s.Left <= 0 {
			t.Errorf("after epoch %d nothing is left to be done", s.Epoch)
		}
	})
	l, err := s.Loop(t.Context(), progress.Hook(), Hook{})
	if err != nil {
		t.Fatal(err)
	}
	progress.Start(l)
	if err := l.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Finish(context.WithoutCancel(t.Context()), l); err != nil {
		t.Fatal(err)
	}
	l.Begin(StoringModel)
	last := l.state.Rows[1]
	var want []string
	for _, doing := range []string{MeasuringModel, MeasuringBaselines, WritingReport, StoringModel} {
		want = append(want, "epoch 2/2, "+score(string(Segmentation), *last.Valid)+", "+doing)
	}
	if !slices.Equal(said, want) {
		t.Errorf("said %q, want %q", said, want)
	}
	if !slices.IsSortedFunc(lefts, func(a, b time.Duration) int { return int(b - a) }) || lefts[0] <= 0 || lefts[len(lefts)-1] != 0 {
		t.Errorf("left are %v", lefts)
	}
}
