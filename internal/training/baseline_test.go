package training

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/swath-dev/swath/internal/hdf5"
	"github.com/swath-dev/swath/internal/nn"
	"github.com/swath-dev/swath/internal/training/manifest"
	"github.com/swath-dev/swath/internal/training/metrics"
	"github.com/swath-dev/swath/internal/training/report"
	"github.com/swath-dev/swath/internal/training/results"
)

func TestClassShares(t *testing.T) {
	cases := map[string]struct {
		counts   []int64
		classes  int
		excluded *int
		best     int
		shares   []float64
	}{
		"two classes":          {[]int64{2, 6}, 2, nil, 1, []float64{0.3, 0.7}},
		"an absent class":      {[]int64{7, 0, 0}, 3, nil, 0, []float64{0.8, 0.1, 0.1}},
		"one beyond the files": {[]int64{1, 5}, 3, nil, 1, []float64{2. / 9, 6. / 9, 1. / 9}},
		"the first of equals":  {[]int64{3, 3}, 2, nil, 0, []float64{0.5, 0.5}},
		"an excluded class":    {[]int64{0, 1, 5}, 3, new(int), 2, []float64{0, 2. / 8, 6. / 8}},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			best, shares := classShares(c.counts, c.classes, c.excluded)
			if best != c.best || !slices.EqualFunc(shares, c.shares, close9) {
				t.Errorf("class %d and shares %v, want %d and %v", best, shares, c.best, c.shares)
			}
		})
	}
}

func close9(a, b float64) bool { return math.Abs(a-b) < 1e-9 }

func TestBalancedClassWeights(t *testing.T) {
	cases := map[string]struct {
		counts  []int64
		classes int
		want    []float32
	}{
		"equal classes":        {[]int64{4, 4}, 2, []float32{1, 1}},
		"three to one":         {[]int64{6, 2}, 2, []float32{8. / 12, 2}},
		"an absent class":      {[]int64{6, 0, 2}, 3, []float32{8. / 12, 1, 2}},
		"one beyond the files": {[]int64{6, 2}, 3, []float32{8. / 12, 2, 1}},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			if got := balanced(c.counts, c.classes); !slices.EqualFunc(got, c.want, func(a, b float32) bool { return close9(float64(a), float64(b)) }) {
				t.Errorf("weights %v, want %v", got, c.want)
			}
		})
	}
}

// finished is a model of few steps with its baselines.
func finished(t *testing.T, s *Session) *manifest.Manifest {
	t.Helper()
	_, o := train(t, s)
	return o.Manifest
}

// In 40 chips class 0 has 10, class 1 has 30, or 10 and class 2 has 20; the figures are worked out by hand.
func TestTheMajorityBaseline(t *testing.T) {
	of := func(class func(chip, _ int) int) string {
		return chips{task: Classification, n: 40, side: 8, store: hdf5.GuideOptions, class: class}.write(t)
	}
	two := of(func(chip, _ int) int { return min(chip%4, 1) })
	three := of(func(chip, _ int) int { return min(chip%4, 2) })
	log := func(share float64) float64 { return -math.Log(share) }
	cases := map[string]struct {
		file, hyperparameters string
		want                  results.Evaluation
	}{
		"plain": {
			two, `{"epochs": 1}`,
			results.Evaluation{Loss: (10*log(11./42) + 30*log(31./42)) / 40, Scores: metrics.Scores{
				Samples: 40, Accuracy: 0.75, MacroF1: 3. / 7, WeightedF1: 0.75 * 6 / 7, MeanIoU: 0.375, WeightedIoU: 0.75 * 0.75,
			}},
		},
		"an ignored label": {
			three, `{"epochs": 1, "ignoreLabel": 0}`,
			results.Evaluation{Loss: (10*log(11./32) + 20*log(21./32)) / 30, Scores: metrics.Scores{
				Samples: 30, Accuracy: 2. / 3, MacroF1: 0.4, WeightedF1: 0.8 * 2 / 3, MeanIoU: 1. / 3, WeightedIoU: 4. / 9,
			}},
		},
		"balanced, focal": {
			two, `{"epochs": 1, "classWeights": "balanced", "loss": "focal"}`,
			results.Evaluation{Loss: (31./42*31/42*log(11./42) + 11./42*11/42*log(31./42)) / 2, Scores: metrics.Scores{
				Samples: 40, Accuracy: 0.75, MacroF1: 3. / 7, WeightedF1: 0.75 * 6 / 7, MeanIoU: 0.375, WeightedIoU: 0.75 * 0.75,
			}},
		},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			s := session(t, Classification, c.file, c.hyperparameters)
			got, err := s.majority(t.Context(), loop(t, s))
			if err != nil {
				t.Fatal(err)
			}
			if figuresOf(got) != figuresOf(c.want) {
				t.Errorf("got  %+v\nwant %+v", got, c.want)
			}
		})
	}
}

func figuresOf(e results.Evaluation) string {
	return fmt.Sprintf("%d samples, loss %.6f, accuracy %.6f, F1 %.6f and %.6f, IoU %.6f and %.6f",
		e.Samples, e.Loss, e.Accuracy, e.MacroF1, e.WeightedF1, e.MeanIoU, e.WeightedIoU)
}

// With a split the most frequent class is that of the training part, and the figures are of the other.
func TestTheMajorityBaselineKnowsTheTrainingPartOnly(t *testing.T) {
	file := chips{task: Classification, n: 80, side: 8, count: 2, store: hdf5.GuideOptions}.write(t)
	s := session(t, Classification, file, `{"epochs": 1, "validationFraction": 0.25}`)
	s.counts = []int64{1, 58}
	got, err := s.majority(t.Context(), loop(t, s))
	if err != nil || int(got.Samples) != s.valid.Len() {
		t.Fatalf("%d samples of %d (%v)", got.Samples, s.valid.Len(), err)
	}
	truths := 0
	for i := range s.valid.Len() {
		truths += s.valid.Sample(i) % 2
	}
	if want := float64(truths) / float64(s.valid.Len()); !close9(got.Accuracy, want) {
		t.Errorf("accuracy %v, want the share of class 1, %v", got.Accuracy, want)
	}
}

func TestTheLinearBaselineLearnsWhatIsLinear(t *testing.T) {
	for task, hyperparameters := range map[Task]string{Classification: `{"epochs": 1}`, Segmentation: `{"epochs": 1, "numClasses": 2}`} {
		file := chips{task: task, n: 30, side: 8, count: 2, store: hdf5.GuideOptions}.write(t)
		s := session(t, task, file, hyperparameters)
		got, err := s.linear(t.Context(), loop(t, s))
		if err != nil || got.Accuracy < 0.999 || got.MeanIoU < 0.999 {
			t.Errorf("%s: %+v (%v), want an accuracy of 1", task, got, err)
		}
	}
}

// Jobs of few chips have no validation data by default: the baselines are beside the model all the same.
func TestWithoutValidationBaselinesAreMeasuredOnTheTrainingChips(t *testing.T) {
	file := chips{task: Classification, n: 20, side: 8, count: 2, store: hdf5.GuideOptions}.write(t)
	s := session(t, Classification, file, `{"epochs": 2}`)
	_, o := train(t, s)
	m := o.Manifest.Metrics
	if m.Validation != nil || m.BaselinesOn != manifest.OnTraining || m.OnTraining == nil || m.OnTraining.Samples != 20 {
		t.Errorf("got %+v", m)
	}
	if majority, linear := m.Baselines[manifest.BaselineMajority], m.Baselines[manifest.BaselineLinear]; majority.Accuracy != 0.5 || linear.Accuracy != 1 {
		t.Errorf("the baselines are %+v and %+v", majority, linear)
	}
	for _, part := range o.Parts {
		if part.Name == report.PageName && !strings.Contains(string(part.Content), "baseline: a linear model on band statistics, on the training data") {
			t.Error("the report does not show the baselines")
		}
	}
	with := finished(t, session(t, Classification, file, `{"epochs": 2, "validationFraction": 0.3}`)).Metrics
	if with.BaselinesOn != manifest.OnValidation || with.OnTraining != nil || with.Baselines[manifest.BaselineLinear].Samples != with.Validation.Samples {
		t.Errorf("with validation: %+v", with)
	}
}

func TestModelsThatSimpleMethodsBeatAreWarnedOf(t *testing.T) {
	evaluation := func(accuracy, iou float64) results.Evaluation {
		return results.Evaluation{Scores: metrics.Scores{Accuracy: accuracy, MeanIoU: iou}}
	}
	cases := map[string]struct {
		task                    Task
		model, majority, linear results.Evaluation
		want                    string
	}{
		"better than both":            {Classification, evaluation(0.9, 0), evaluation(0.5, 0), evaluation(0.8, 0), ""},
		"as good as linear":           {Classification, evaluation(0.9, 0), evaluation(0.5, 0), evaluation(0.9, 0), ""},
		"worse than linear":           {Classification, evaluation(0.7, 0), evaluation(0.5, 0), evaluation(0.8, 0), "a linear model on band statistics is better than this model (accuracy 0.800 against 0.700"},
		"no better than the majority": {Classification, evaluation(0.5, 0), evaluation(0.5, 0), evaluation(0.8, 0), "the model is not better than always saying the most frequent class (accuracy 0.500"},
		"all of one class":            {Classification, evaluation(1, 0), evaluation(1, 0), evaluation(1, 0), ""},
		"segmentation goes by IoU":    {Segmentation, evaluation(0.9, 0.3), evaluation(0.5, 0.2), evaluation(0.8, 0.4), "(meanIoU 0.400 against 0.300"},
	}
	for name, c := range cases {
		for _, on := range []string{manifest.OnValidation, manifest.OnTraining} {
			t.Run(name+" on "+on, func(t *testing.T) {
				m := &manifest.Manifest{Task: string(c.task), Metrics: manifest.Metrics{
					BaselinesOn: on, Baselines: map[string]results.Evaluation{manifest.BaselineMajority: c.majority, manifest.BaselineLinear: c.linear},
				}}
				if on == manifest.OnValidation {
					m.Metrics.Validation = &manifest.Evaluation{Evaluation: c.model}
				} else {
					m.Metrics.OnTraining = &c.model
				}
				got := strings.Join(judge(m, circumstances{steps: minSteps, rate: 1, usual: 1}), "\n")
				if c.want == "" && got != "" || !strings.Contains(got, c.want) || got != "" && !strings.Contains(got, "on the "+on+" data") {
					t.Errorf("warned %q, want %q", got, c.want)
				}
			})
		}
	}
}

// The loss of a right answer with probability p must be that of package nn, which the model's own loss comes from.
func TestTheLossOfASharePerClassIsTheNetworks(t *testing.T) {
	for _, p := range []float64{1e-6, 0.1, 0.5, 0.999} {
		if got, want := lossOf(p, nn.Loss{}), -math.Log(p); math.Abs(got-want) > 1e-14*max(1, want) {
			t.Errorf("cross entropy of %v is %v, want %v", p, got, want)
		}
		if got, want := lossOf(p, nn.Loss{FocalGamma: 2}), -(1-p)*(1-p)*math.Log(p); math.Abs(got-want) > 1e-14*max(1, want) {
			t.Errorf("focal loss of %v is %v, want %v", p, got, want)
		}
	}
}
