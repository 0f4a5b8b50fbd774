package dataset

import (
	"math/rand/v2"
	"testing"
)

// nowhere takes the points away.
func nowhere(_ int, s *Sample) { s.Point = [2]float32{} }

// turnedBy gives the windows another orientation.
func turnedBy(turn int) func(int, *Sample) {
	return func(_ int, s *Sample) {
		const area = sceneSide * sceneSide
		for b := range s.Bands {
			band := s.Pixels[b*area : (b+1)*area]
			old := append([]float32(nil), band...)
			for k := range band {
				y, x := k/sceneSide, k%sceneSide
				if turn&1 != 0 {
					x = sceneSide - 1 - x
				}
				if turn&2 != 0 {
					y = sceneSide - 1 - y
				}
				if turn&4 != 0 {
					x, y = y, x
				}
				band[k] = old[y*sceneSide+x]
			}
		}
	}
}

// noisy adds noise, about a fifth of what the scene has.
func noisy(i int, s *Sample) {
	random := rand.New(rand.NewPCG(uint64(i), 5))
	for k := range s.Pixels {
		s.Pixels[k] += float32(10 * random.NormFloat64())
	}
}

func TestValidationChipsThatAreKnownFromTrainingAreWarnedOf(t *testing.T) {
	shifted := windows(30, 0).change(func(i int, s *Sample) { cut(s, 4, i*sceneSide) })
	const seen, over = "30 of 30 validation chips show pixels of training chips", "30 of 30 validation chips lie over places of training chips (first: sample 0 over sample 0)"
	for name, c := range map[string]struct {
		validation testFile
		want       []string
	}{
		"shifted by 4 pixels, with points":   {shifted, []string{over, "validation chips show pixels of training chips"}},
		"shifted by 4 pixels":                {shifted.but(nowhere), []string{"validation chips show pixels of training chips"}},
		"turned":                             {windows(30, 0).but(turnedBy(6)).but(nowhere), []string{seen}},
		"mirrored":                           {windows(30, 0).but(turnedBy(1)).but(nowhere), []string{seen}},
		"with noise":                         {windows(30, 0).but(noisy).but(nowhere), []string{seen}},
		"turned and with noise":              {windows(30, 0).but(turnedBy(5)).but(noisy).but(nowhere), []string{seen}},
		"with noise, and points far away":    {windows(30, 0).but(noisy).but(func(i int, s *Sample) { s.Point = [2]float32{40, 20 + float32(i)} }), nil},
		"another time at the same places":    {windows(30, elsewhere).but(func(i int, s *Sample) { s.Point = pointOf(i) }), []string{over}},
		"elsewhere":                          {windows(30, elsewhere), nil},
		"elsewhere, without points":          {windows(30, elsewhere).but(nowhere), nil},
		"beside the training chips":          {windows(30, 0).change(func(i int, s *Sample) { cut(s, sceneSide, i*sceneSide) }), nil},
		"beside the others, without points":  {windows(30, 0).change(func(i int, s *Sample) { cut(s, sceneSide, i*sceneSide); nowhere(i, s) }), nil},
		"points in meters, which say little": {windows(30, elsewhere).but(func(_ int, s *Sample) { s.Point = [2]float32{5e5, 6e6} }), []string{"validation file: the points of 30 of 30 samples"}},
	} {
		t.Run(name, func(t *testing.T) { requireWarnings(t, warningsOf(t, windows(30, 0), c.validation), c.want...) })
	}
}

// pointOf is the point of window i of the first row.
func pointOf(i int) [2]float32 {
	s := windows(1, 0).sample(0)
	cut(s, 0, i*sceneSide)
	return s.Point
}

// TestSmoothChipsAreNoCopies: slopes are alike everywhere.
func TestSmoothChipsAreNoCopies(t *testing.T) {
	smooth := func(seed uint64) func(int, *Sample) {
		return func(i int, s *Sample) {
			random := rand.New(rand.NewPCG(uint64(i), seed))
			for k := range s.Pixels {
				s.Pixels[k] = 500 + float32(k/sceneSide%sceneSide*(1+i%5)+k%sceneSide) + float32(random.NormFloat64())
			}
			nowhere(i, s)
		}
	}
	requireWarnings(t, warningsOf(t, windows(60, 0).change(smooth(1)), windows(60, 0).change(smooth(2))))
}

// TestWindowsThatOverlapBetweenThePartsOfAFileAreWarnedOf: windows that move by
// half a chip, in a grid of which whole cells of 1 km are set aside.
func TestWindowsThatOverlapBetweenThePartsOfAFileAreWarnedOf(t *testing.T) {
	grid := func(step int) testFile {
		return windows(400, 0).but(func(i int, s *Sample) { cut(s, i/20*step, i%20*step); s.Labels[0] = int64(i % 2) })
	}
	for name, c := range map[string]struct {
		file testFile
		want []string
	}{
		"overlapping": {grid(sceneSide / 2), []string{"lie over places of training chips", "show pixels of training chips"}},
		"overlapping, without points": {grid(sceneSide / 2).but(nowhere), []string{"show pixels of training chips",
			"places could not be kept apart between training and validation: no sample has a point"}},
		"side by side":                 {grid(sceneSide), nil},
		"side by side, without points": {grid(sceneSide).but(nowhere), []string{"places could not be kept apart between training and validation: no sample has a point"}},
		"all in one place": {grid(sceneSide).but(func(_ int, s *Sample) { s.Point = [2]float32{10, 20} }), []string{"lie over places of training chips",
			"places could not be kept apart between training and validation: their points are too few different ones"}},
	} {
		t.Run(name, func(t *testing.T) {
			s := split(t, open(t, c.file.write(t, "a.h5")), SplitOptions{Fraction: 0.2, Seed: 1})
			requireWarnings(t, s.Warnings, c.want...)
		})
	}
}

func TestEqualPixelsWithOtherLabelsAreWarnedOf(t *testing.T) {
	ignore := int64(255)
	twice := func(task Task, change func(i int, s *Sample)) testFile {
		return windows(60, 0).task(task).change(func(i int, s *Sample) {
			cut(s, 0, i%40*sceneSide)
			change(i, s)
		})
	}
	for name, c := range map[string]struct {
		file testFile
		want string
	}{
		"classes":  {twice(Classification, func(i int, s *Sample) { s.Labels[0] = int64(i / 30) }), "20 of 60 samples have the same pixels as another one but other labels (such as samples 0 and 40)"},
		"the same": {twice(Classification, func(i int, s *Sample) { s.Labels[0] = int64(i % 40 % 2) }), ""},
		"unlabelled": {twice(Classification, func(i int, s *Sample) {
			s.Labels[0] = int64(i % 2)
			if i >= 40 {
				s.Labels[0] = ignore
			}
		}), ""},
		"pixels": {twice(Segmentation, func(i int, s *Sample) {
			if i == 45 {
				s.Labels[9] = 1 - s.Labels[9]
			}
		}), "1 of 60 samples have the same pixels as another one but other labels (such as samples 5 and 45)"},
		"pixels without a label": {twice(Segmentation, func(i int, s *Sample) {
			if i >= 40 {
				s.Labels[i%9] = ignore
			}
		}), ""},
	} {
		t.Run(name, func(t *testing.T) {
			r := validate(t, ValidateOptions{Task: c.file.Task, NumClasses: 2, IgnoreLabel: &ignore, TrainingFile: c.file.write(t, "a.h5")})
			if c.want == "" {
				requireWarnings(t, r.Warnings)
			} else {
				requireWarnings(t, r.Warnings, c.want)
			}
		})
	}
}

// TestSketchesHaveNoOrderOfTheirOwn: bottom hashes are the same whatever way a
// chip lies.
func TestSketchesHaveNoOrderOfTheirOwn(t *testing.T) {
	want := newSketch(windows(1, 0).sample(0).Pixels, sceneSide)
	if want[0] == noHash || want[3] == noHash {
		t.Fatalf("the sketch is %v", want)
	}
	for turn := range 8 {
		if got := newSketch(windows(1, 0).but(turnedBy(turn)).sample(0).Pixels, sceneSide); got != want {
			t.Errorf("turned by %d the sketch is %v, not %v", turn, got, want)
		}
	}
	if got := newSketch(make([]float32, 4*sceneSide*sceneSide), sceneSide); got[0] != noHash {
		t.Errorf("the sketch of nothing is %v", got)
	}
	if newSketch(make([]float32, 8*8), 8)[0] != noHash {
		t.Error("a small chip of nothing has a sketch")
	}
}
