package dataset

import (
	"fmt"
	"math"
	"testing"
)

// block sets part of all bands, or of one, to a value.
func block(s *Sample, band, pixels int, value float32) {
	area := len(s.Pixels) / len(s.Bands)
	for b := range s.Bands {
		if band < 0 || b == band {
			for k := range pixels {
				s.Pixels[b*area+k] = value
			}
		}
	}
}

// TestValuesThatMeanNothingAreWarnedOf: they are counted, and the first sample
// with one is named.
func TestValuesThatMeanNothingAreWarnedOf(t *testing.T) {
	const half = sceneSide * sceneSide / 2
	every10th := func(change func(s *Sample)) func(i int, s *Sample) {
		return func(i int, s *Sample) {
			if i%10 == 3 {
				change(s)
			}
		}
	}
	for name, c := range map[string]struct {
		change func(i int, s *Sample)
		want   string
	}{
		"-9999 in half of a chip": {every10th(func(s *Sample) { block(s, -1, half, -9999) }),
			`-9999 stands in 4 of 40 samples (first: sample 3), 2048 times, first in band "red"`},
		"-9999 in some pixels of one band": {every10th(func(s *Sample) { block(s, 2, 3, -9999) }),
			`-9999 stands in 4 of 40 samples (first: sample 3), 12 times, first in band "blue"`},
		"-999":                   {every10th(func(s *Sample) { block(s, -1, half, -999) }), "-999 stands in 4 of 40 samples (first: sample 3)"},
		"the least int16":        {every10th(func(s *Sample) { block(s, -1, half, -32768) }), "-32768 stands in 4 of 40 samples (first: sample 3)"},
		"0 in a block":           {every10th(func(s *Sample) { block(s, -1, half, 0) }), "all bands are 0 in whole blocks of 4 of 40 samples (first: sample 3)"},
		"65535 in a block":       {every10th(func(s *Sample) { block(s, -1, half, 65535) }), "all bands are 65535 in whole blocks of 4 of 40 samples (first: sample 3)"},
		"one band is 0":          {every10th(func(s *Sample) { block(s, 1, 2*half, 0) }), `band "green" is 0 in whole blocks of 4 of 40 samples (first: sample 3)`},
		"one band is 65535":      {every10th(func(s *Sample) { block(s, 1, half, 65535) }), `band "green" is 65535 in whole blocks of 4 of 40 samples (first: sample 3)`},
		"chips that are 0":       {every10th(func(s *Sample) { clear(s.Pixels) }), "each band has a single value in 4 of 40 samples (first: sample 3)"},
		"chips that are nowhere": {every10th(func(s *Sample) { block(s, -1, 2*half, 1200) }), "each band has a single value in 4 of 40 samples (first: sample 3)"},
	} {
		t.Run(name, func(t *testing.T) {
			requireWarnings(t, warningsOf(t, windows(40, 0).but(c.change)), c.want)
			requireWarnings(t, warningsOf(t, windows(40, 0), windows(40, elsewhere).but(c.change)), "validation file: "+c.want)
		})
	}
}

// TestValuesBeyondAllMeasuresAreRefused: nobody is sent from NaN to -9999.
func TestValuesBeyondAllMeasuresAreRefused(t *testing.T) {
	for name, value := range map[string]float32{
		"the least float32": -math.MaxFloat32, "a fill value of NetCDF": 9.96921e36, "NaN": float32(math.NaN()), "infinity": float32(math.Inf(-1)),
	} {
		t.Run(name, func(t *testing.T) {
			path := windows(8, 0).but(func(i int, s *Sample) {
				if i == 5 {
					s.Pixels[sceneSide*sceneSide+2*sceneSide+3] = value
				}
			}).write(t, "a.h5")
			_, err := Validate(t.Context(), ValidateOptions{Task: Classification, TrainingFile: path})
			broken{RuleFinite, 5, `the pixel of band "green" at row 2, column 3 is `}.require(t, err, "a.h5")
			broken{RuleFinite, 5, "a number such as -9999 in its place would be taken for a value: leave such chips out, or fill the pixels"}.require(t, err, "a.h5")
		})
	}
}

// TestSingleValuesDoNotMoveStatistics: neither those of the report nor what
// pixels are normalized by.
func TestSingleValuesDoNotMoveStatistics(t *testing.T) {
	clean := validate(t, ValidateOptions{Task: Classification, TrainingFile: windows(40, 0).write(t, "a.h5")})
	for name, value := range map[string]float32{"a glitch": 1e9, "no data": -1e20, "a counter": 16_777_216} {
		t.Run(name, func(t *testing.T) {
			path := windows(40, 0).but(func(i int, s *Sample) {
				if i == 7 {
					s.Pixels[100] = value
				}
			}).write(t, "b.h5")
			r := validate(t, ValidateOptions{Task: Classification, TrainingFile: path})
			for b, want := range clean.Training.BandStats {
				got, norm := r.Training.BandStats[b], r.Normalization.Bands[b]
				if !near(got.Mean, want.Mean, 1e-3) || !near(got.Std, want.Std, 1e-3) || norm.Mean != got.Mean || norm.Std != got.Std {
					t.Errorf("band %s has %+v and is normalized by %+v, want %+v", want.Name, got, norm, want)
				}
			}
			if red := r.Training.BandStats[0]; red.Least != float64(value) && red.Greatest != float64(value) {
				t.Errorf("the range of red is %v to %v", red.Least, red.Greatest)
			}
			requireWarnings(t, r.Warnings, `1 values of band "red" in 1 of 40 samples (first: sample 7) lie far from all others`)
		})
	}
}

// TestWhatIsMeasuredIsNoAbsenceOfData: 0 is also the height of the sea, the mean
// of what was normalized, and most of a mask; 255 is a roof in the sun.
func TestWhatIsMeasuredIsNoAbsenceOfData(t *testing.T) {
	one := func(n int) testFile { return windows(n, 0).bands("x") }
	value := func(y, x int) float64 { return float64(scene(0, y, x)-1500) / 250 }
	for name, file := range map[string]testFile{
		"heights at a coast": one(40).change(func(i int, s *Sample) {
			for k := range s.Pixels {
				s.Pixels[k] = float32(math.Max(0, math.Round(40*(float64(k%sceneSide)-4+value(i*40, k)))) / 10)
			}
		}),
		"heights below the sea": one(40).change(func(i int, s *Sample) {
			for k := range s.Pixels {
				s.Pixels[k] = float32(-999 + i*30 + k)
			}
		}),
		"an index around 0": one(40).change(func(i int, s *Sample) {
			for k := range s.Pixels {
				s.Pixels[k] = float32(math.Max(-1, math.Min(1, math.Round(value(i*17, k)*20)/40)))
				if k < sceneSide*sceneSide/2 {
					s.Pixels[k] = 0
				}
			}
		}),
		"a mask": one(40).change(func(i int, s *Sample) {
			for k := range s.Pixels {
				s.Pixels[k] = float32(k / sceneSide / 8 * (1 + i%2) % 2)
			}
			s.Pixels[i] = 1
		}),
		"classes as bands":                      oneHot(60, 1),
		"classes as bands, few with background": oneHot(60, 3),
		"depths beside land": one(40).change(func(i int, s *Sample) {
			for k := range s.Pixels {
				s.Pixels[k] = -float32(k*(10+i)) / 1000
			}
			if i%3 == 0 {
				block(s, 0, sceneSide*sceneSide/2, 0)
			}
		}),
		"8 bits at night": windows(60, 0).bands("red", "green", "blue").but(func(i int, s *Sample) {
			for k, v := range s.Pixels {
				s.Pixels[k] = float32(math.Max(0, math.Min(255, math.Round(float64(v-1900)/8))))
			}
			block(s, -1, sceneSide*sceneSide/2, 0)
			s.Pixels[i] = 200
		}),
		"radar with bright points": windows(40, 0).bands("vv", "vh").change(func(i int, s *Sample) {
			for k := range s.Pixels {
				s.Pixels[k] = float32(0.05 * math.Exp(value(i*50, k)))
			}
			s.Pixels[i] = 40
		}),
		"8 bits with roofs in the sun and shade": windows(40, 0).bands("red", "green", "blue").but(func(i int, s *Sample) {
			for k, v := range s.Pixels {
				s.Pixels[k] = float32(math.Max(0, math.Min(255, math.Round(float64(v-1300)/2))))
			}
			block(s, -1, 128, 255)
			block(s, 0, i%3, 0)
		}),
	} {
		t.Run(name, func(t *testing.T) { requireWarnings(t, warningsOf(t, file)) })
	}
}

// oneHot is a file with a band for each of three classes; of every so many
// chips one has no class in half of it.
func oneHot(n, every int) testFile {
	const area = sceneSide * sceneSide
	return windows(n, 0).bands("forest", "water", "road").change(func(i int, s *Sample) {
		clear(s.Pixels)
		for k := range area {
			if i%every == 0 && k < area/2 {
				continue
			}
			s.Pixels[int(scene(i, k/sceneSide, k%sceneSide))%3*area+k] = 1
		}
	})
}

// TestAnyValueFarFromAllOthersIsWarnedOf: nobody can list all marks.
func TestAnyValueFarFromAllOthersIsWarnedOf(t *testing.T) {
	for _, value := range []float32{math.MinInt32, -10000, 1e10, 1e29} {
		t.Run(fmt.Sprint(value), func(t *testing.T) {
			requireWarnings(t, warningsOf(t, windows(40, 0).but(func(i int, s *Sample) {
				if i%10 == 3 {
					block(s, -1, 3, value)
				}
			})), fmt.Sprintf(`%v stands in 4 of 40 samples (first: sample 3), 12 times in band "red", far from all other values`, value))
		})
	}
}

// decibels is radar of two polarizations, around -15, in a logarithmic scale.
func decibels(n int) testFile {
	return windows(n, 0).bands("vv", "vh").but(scaled(1.0/100, -30))
}

// TestAbsenceOfDataIsFoundInDecibels: their 0 lies above all values.
func TestAbsenceOfDataIsFoundInDecibels(t *testing.T) {
	requireWarnings(t, warningsOf(t, decibels(40)))
	requireWarnings(t, warningsOf(t, decibels(40).but(func(i int, s *Sample) {
		if i%10 == 3 {
			block(s, -1, sceneSide*sceneSide/2, 0)
		}
	})), `band "vv" is 0 in whole blocks of 4 of 40 samples (first: sample 3)`, `band "vh" is 0 in whole blocks of 4 of 40 samples (first: sample 3)`)
}

// TestMasksArePredictedWithoutAWarning: the model knows them from training.
func TestMasksArePredictedWithoutAWarning(t *testing.T) {
	for name, c := range map[string]struct {
		training testFile
		want     []string
	}{
		"masks": {oneHot(60, 1), nil},
		"other bands": {windows(60, 0).bands("forest", "water", "road").but(scaled(1e-3, -1)),
			[]string{"all bands are 0 in whole blocks of 1 of 1 images"}},
	} {
		t.Run(name, func(t *testing.T) {
			r := validate(t, ValidateOptions{Task: Classification, TrainingFile: c.training.write(t, "a.h5")})
			var bands []BandStats
			for _, b := range r.Training.BandStats {
				bands = append(bands, BandStats{Name: b.Name, Mean: b.Mean, Std: b.Std})
			}
			g := NewGiven(Trained{Bands: bands}, "image")
			x := oneHot(1, 1).sample(0)
			g.Add(0, x.Pixels, sceneSide, 10, "")
			requireWarnings(t, g.Warnings(), c.want...)
		})
	}
}
