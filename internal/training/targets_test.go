package training

import (
	"fmt"
	"os"
	"testing"
)

// What the defaults must reach on Olinda, on the validation file after the last epoch. With SWATH_FIVE_SEEDS=1 it is the
// mean of five seeds that must reach the aim; one seed alone must reach what a job may promise.
func TestTheDefaultsReachTheirTargets(t *testing.T) {
	cases := map[Task]struct {
		once, mean float64
		score      func(*Outcome) float64
	}{
		Classification: {0.97, 0.99, func(o *Outcome) float64 { return o.Manifest.Metrics.LastEpoch.Validation.Accuracy }},
		Segmentation:   {0.90, 0.93, func(o *Outcome) float64 { return o.Manifest.Metrics.LastEpoch.Validation.MeanIoU }},
	}
	seeds := 1
	if os.Getenv("SWATH_FIVE_SEEDS") != "" {
		seeds = 5
	}
	for task, c := range cases {
		t.Run(string(task), func(t *testing.T) {
			if testing.Short() && task == Segmentation {
				t.Skip("it takes half a minute")
			}
			sum := 0.0
			for seed := range seeds {
				_, o := train(t, prepare(t, task, fmt.Sprintf(`{"numClasses": 3, "seed": %d}`, 42+seed)))
				score := c.score(o)
				t.Logf("seed %d: %.4f", 42+seed, score)
				if score < c.once {
					t.Errorf("seed %d reaches %.4f, want %.2f at least", 42+seed, score, c.once)
				}
				sum += score
			}
			if mean := sum / float64(seeds); seeds > 1 && mean < c.mean {
				t.Errorf("the mean of %d seeds is %.4f, want %.2f at least", seeds, mean, c.mean)
			}
		})
	}
}
