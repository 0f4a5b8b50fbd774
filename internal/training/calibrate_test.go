package training

import (
	"errors"
	"slices"
	"testing"

	"github.com/swath-dev/swath/internal/dataset"
	"github.com/swath-dev/swath/internal/hdf5"
)

// Each evaluation is with statistics of 512 training chips as they are, taken with the weights of that moment.
func TestStatisticsAreTakenAgainBeforeAnEvaluation(t *testing.T) {
	path := chips{task: Segmentation, n: 700, side: 8, count: 3, store: hdf5.GuideOptions}.write(t)
	s := session(t, Segmentation, path, `{"numClasses": 3, "epochs": 1, "batchSize": 32, "validationFraction": 0}`)
	l := loop(t, s)
	if err := l.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	if want := statistics(t, l, 512, false); !slices.Equal(l.chosen.Statistics, want) {
		t.Error("the statistics of the chosen weights are not those of 512 chips as they are")
	}
	// The test would see the difference.
	for name, other := range map[string][]float32{
		"of all chips": statistics(t, l, 700, false), "of augmented chips": statistics(t, l, 512, true),
	} {
		if slices.Equal(l.chosen.Statistics, other) {
			t.Errorf("statistics %s are the same", name)
		}
	}
}

// statistics are those of so many chips with the weights as they are now.
func statistics(t *testing.T, l *Loop, most int, augmented bool) []float32 {
	t.Helper()
	calibration, err := l.trainPlan.Calibrate()
	if err != nil {
		t.Fatal(err)
	}
	var augment func(*dataset.Batch)
	if augmented {
		augment = func(b *dataset.Batch) {
			for i := range b.Samples {
				l.augmenter.apply(1+i%7, b.Pixels[i*l.train.perChip:(i+1)*l.train.perChip], b.Labels[i*l.train.labelsPerChip:(i+1)*l.train.labelsPerChip])
			}
		}
	}
	taken := 0
	err = l.train.each(l.train.loader.Shuffled(t.Context(), calibrationEpoch, 0), augment, func(b batch) error {
		if taken >= most {
			return errEnough
		}
		taken += b.N
		return calibration.Add(b.Batch)
	})
	if err != nil && !errors.Is(err, errEnough) {
		t.Fatal(err)
	}
	if err := calibration.Apply(); err != nil {
		t.Fatal(err)
	}
	return slices.Clone(l.model.Statistics)
}
