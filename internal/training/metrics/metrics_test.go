package metrics

import (
	"encoding/json"
	"fmt"
	"math"
	"testing"
)

// fill makes a matrix from its rows.
func fill(rows ...[]int64) *Confusion {
	c := NewConfusion(len(rows))
	for i, row := range rows {
		copy(c.counts[i*len(rows):], row)
	}
	return c
}

func near(t *testing.T, what string, got, want float64) {
	t.Helper()
	if math.Abs(got-want) > 1e-9 {
		t.Errorf("%s = %.12f, want %.12f", what, got, want)
	}
}

// The expected figures are what scikit-learn's accuracy_score, f1_score and jaccard_score give, or counted by hand.
func TestScores(t *testing.T) {
	cases := map[string]struct {
		matrix *Confusion
		want   Scores
	}{
		"all right": {fill([]int64{3, 0}, []int64{0, 7}), Scores{10, 1, 1, 1, 1, 1}},
		"two classes": {
			fill([]int64{50, 10}, []int64{5, 35}),
			Scores{100, 0.85, (100.0/115 + 70.0/85) / 2, 0.6*100/115 + 0.4*70/85, (50.0/65 + 35.0/50) / 2, 0.6*50/65 + 0.4*0.7},
		},
		"a class that is nowhere is left out": {
			fill([]int64{4, 0, 0}, []int64{0, 0, 0}, []int64{0, 0, 4}), Scores{8, 1, 1, 1, 1, 1},
		},
		"a class that was only predicted counts as zero": {
			fill([]int64{3, 1}, []int64{0, 0}), Scores{4, 0.75, (6.0 / 7) / 2, 6.0 / 7, 0.375, 0.75},
		},
		"empty": {NewConfusion(3), Scores{}},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			got := c.matrix.Scores()
			if got.Samples != c.want.Samples {
				t.Errorf("samples = %d, want %d", got.Samples, c.want.Samples)
			}
			near(t, "accuracy", got.Accuracy, c.want.Accuracy)
			near(t, "macroF1", got.MacroF1, c.want.MacroF1)
			near(t, "weightedF1", got.WeightedF1, c.want.WeightedF1)
			near(t, "meanIoU", got.MeanIoU, c.want.MeanIoU)
			near(t, "weightedIoU", got.WeightedIoU, c.want.WeightedIoU)
		})
	}
}

func TestClassScoresAreOfTheRightSide(t *testing.T) {
	k := fill([]int64{50, 10}, []int64{5, 35}).Class(0)
	near(t, "precision", k.Precision, 50.0/55)
	near(t, "recall", k.Recall, 50.0/60)
}

func TestConfusionSurvivesJSON(t *testing.T) {
	before := fill([]int64{1, 2}, []int64{3, 4})
	data, err := json.Marshal(before)
	if err != nil {
		t.Fatal(err)
	}
	var after Confusion
	if err := json.Unmarshal(data, &after); err != nil {
		t.Fatal(err)
	}
	if after.At(0, 1) != 2 || after.At(1, 0) != 3 || after.Total() != 10 {
		t.Errorf("read back %v from %s", after.counts, data)
	}
	if err := json.Unmarshal([]byte(`[[1,2],[3]]`), &after); err == nil {
		t.Error("a ragged matrix was read without an error")
	}
}

// The expected figures are those of Newcombe (1998), table I, score method without continuity correction.
func TestWilson(t *testing.T) {
	cases := map[string]struct {
		right, total int64
		want         Interval
	}{
		"81 of 263": {81, 263, Interval{0.2553, 0.3662}},
		"15 of 148": {15, 148, Interval{0.0624, 0.1605}},
		"0 of 20":   {0, 20, Interval{0, 0.1611}},
		"1 of 29":   {1, 29, Interval{0.0061, 0.1718}},
		"nothing":   {0, 0, Interval{0, 1}},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			got := Wilson(c.right, c.total)
			if math.Abs(got.Low-c.want.Low) > 5e-5 || math.Abs(got.High-c.want.High) > 5e-5 {
				t.Errorf("got %v, want %v", got, c.want)
			}
		})
	}
}

func TestBootstrap(t *testing.T) {
	fillChips := func(chips int, right func(chip int) int) *Bootstrap {
		b := NewBootstrap(2, chips)
		for chip := range chips {
			truth, predicted := make([]int, 100), make([]int, 100)
			for i := range right(chip) {
				truth[i], predicted[i] = 1, 1
			}
			for i := right(chip); i < 100; i++ {
				truth[i] = 1
			}
			b.Add(chip, truth, predicted)
		}
		return b
	}
	same, _, ok := fillChips(50, func(int) int { return 80 }).Intervals(1)
	if !ok || same != (Interval{0.8, 0.8}) {
		t.Errorf("chips that are all alike: interval %v, want exactly 0.8", same)
	}
	// Half of the chips are wholly wrong: the spread of the mean of 50 such chips is 0.07, whatever their pixels.
	mixed, _, _ := fillChips(50, func(chip int) int { return 100 * (chip % 2) }).Intervals(1)
	if mixed.Low > 0.42 || mixed.High < 0.58 {
		t.Errorf("chips that differ: interval %v is too narrow", mixed)
	}
	if _, _, ok := fillChips(5, func(int) int { return 80 }).Intervals(1); ok {
		t.Error("five chips gave an interval")
	}
}

func TestBootstrapLeavesOutIgnoredPixels(t *testing.T) {
	b := NewBootstrap(2, 10)
	for chip := range 10 {
		b.Add(chip, []int{0, -1, -1}, []int{0, 1, 1})
	}
	if accuracy, iou, _ := b.Intervals(1); accuracy.Low != 1 || iou.Low != 1 {
		t.Errorf("ignored pixels were counted: %v %v", accuracy, iou)
	}
}

// The random numbers depend on seed and resample only, by the arithmetic of package nn: every machine and every version of
// Go gives these bits.
func TestIntervalsHaveTheSameBitsEverywhere(t *testing.T) {
	b := NewBootstrap(3, 20)
	for chip := range 20 {
		b.Add(chip, []int{chip % 3, 1, 2}, []int{0, chip % 2, 2})
	}
	accuracy, iou, ok := b.Intervals(42)
	if got, want := fmt.Sprintf("%x %x %v %x", accuracy, iou, ok, Wilson(81, 263)), goldenIntervals; got != want {
		t.Errorf("the intervals are\n%s, and should be\n%s", got, want)
	}
}

const goldenIntervals = "{0x1.1111111111111p-01 0x1.6eeeeeeeeeeefp-01} {0x1.7b0453fb6b0c9p-02 0x1.20ea0ea0ea0eap-01} true " +
	"{0x1.056a5a8faf8c5p-02 0x1.76ffa4b27e135p-02}"

func TestAnIntervalThatCoversAnother(t *testing.T) {
	if got := (Interval{0.4, 0.6}).Cover(Interval{0.5, 0.9}); got != (Interval{0.4, 0.9}) {
		t.Errorf("got %v", got)
	}
}
