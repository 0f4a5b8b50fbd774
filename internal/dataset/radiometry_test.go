package dataset

import (
	"math/rand/v2"
	"testing"
)

// scaled multiplies pixels, and adds to them.
func scaled(factor, offset float32) func(int, *Sample) {
	return func(_ int, s *Sample) {
		for k := range s.Pixels {
			s.Pixels[k] = s.Pixels[k]*factor + offset
		}
	}
}

// secondHalf makes the change to the samples from the middle of a file on.
func secondHalf(f testFile, change func(int, *Sample)) testFile {
	return f.but(func(i int, s *Sample) {
		if i >= f.Samples/2 {
			change(i, s)
		}
	})
}

func TestAValidationFileInOtherUnitsIsWarnedOf(t *testing.T) {
	dn := windows(40, elsewhere)
	for name, c := range map[string]struct {
		training, validation testFile
		want                 string
	}{
		"reflectance":     {windows(40, 0), dn.but(scaled(1e-4, 0)), `deviations away from the training data (mean 0.1`},
		"digital numbers": {windows(40, 0).but(scaled(1e-4, 0)), dn, `The values are about 1e+04 times those`},
		"8 bits beside 0 to 1, of dark places": {windows(40, 0).but(scaled(0.1, -110)), dn.but(scaled(0.1/255, -110.0/255)),
			"the values are about 0.004 times those of the training data"},
		"one band":  {windows(40, 0), dn.but(func(_ int, s *Sample) { block(s, 2, 256, 0); s.Pixels[2*256] = 9 }), `band "blue" is 11 deviations away`},
		"an offset": {windows(40, 0), dn.but(scaled(1, 1000)), "other units?"},
	} {
		t.Run(name, func(t *testing.T) {
			got := warningsOf(t, c.training, c.validation)
			requireWarnings(t, got, "in the validation file, ")
			requireWarnings(t, got, c.want)
		})
	}
}

// TestAnOffsetThatTheDeviationHidesIsFound: data of land and cloud deviate by
// more than 1000.
func TestAnOffsetThatTheDeviationHidesIsFound(t *testing.T) {
	cloudy := func(seed uint64) func(int, *Sample) {
		return func(i int, s *Sample) {
			random := rand.New(rand.NewPCG(seed, uint64(i)))
			for k := range s.Pixels {
				if random.IntN(3) == 0 {
					s.Pixels[k] += 6000
				}
			}
		}
	}
	training, other := windows(40, 0).but(cloudy(1)), windows(40, elsewhere).but(cloudy(2))
	requireWarnings(t, warningsOf(t, training, other.but(scaled(1, 1000))), "the darkest pixels of the validation file are about 10")
	requireWarnings(t, warningsOf(t, training, other.but(scaled(1, -1000))), "the darkest pixels of the validation file are about 10")
	requireWarnings(t, warningsOf(t, training, other))
}

func TestTwoScalesInOneFileAreWarnedOf(t *testing.T) {
	for name, c := range map[string]struct {
		file testFile
		want string
	}{
		"0 to 1 beside digital numbers": {secondHalf(windows(40, 0), scaled(1e-4, 0)), "20 of 40 samples (first: sample 20) have values from 0 to 1, and 20 have values above 50 (first: sample 0)"},
		"one chip of 0 to 1": {windows(40, 0).but(func(i int, s *Sample) {
			if i == 9 {
				scaled(1e-4, 0)(i, s)
			}
		}), "1 of 40 samples (first: sample 9) have values from 0 to 1"},
		"an offset of 1000 in half of the chips": {secondHalf(windows(40, 0), scaled(1, 1000)), "the darkest pixels of 20 of 40 samples (first: sample 20) are about "},
		"an offset in the first chips": {windows(40, 0).but(func(i int, s *Sample) {
			if i < 8 {
				scaled(1, 1000)(i, s)
			}
		}), "the darkest pixels of 8 of 40 samples (first: sample 0) are about "},
	} {
		t.Run(name, func(t *testing.T) { requireWarnings(t, warningsOf(t, c.file), c.want) })
	}
}

// TestOtherPlacesAreNoOtherUnits: water beside land, a desert, a dark season.
func TestOtherPlacesAreNoOtherUnits(t *testing.T) {
	for name, change := range map[string]func(int, *Sample){
		"a dark season": scaled(0.75, 0), "a bright place": scaled(1.2, 100), "few contrasts": scaled(0.2, 1200),
		"a third of it water": func(i int, s *Sample) {
			if i%3 == 0 {
				scaled(0.05, 150)(i, s)
				for k := 3 * 256; k < 4*256; k++ {
					s.Pixels[k] /= 4
				}
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			requireWarnings(t, warningsOf(t, windows(40, 0), windows(40, elsewhere).but(change)))
			requireWarnings(t, warningsOf(t, windows(40, 0).but(change)))
		})
	}
}

// landAndWater are chips of vegetation, each third with water, whose near infrared
// differs from chip to chip.
func landAndWater(seed uint64, bands ...string) testFile {
	const area = sceneSide * sceneSide
	return windows(60, 0).bands(bands...).change(func(i int, s *Sample) {
		random := rand.New(rand.NewPCG(seed, uint64(i)))
		level, wet := 1500+1500*random.Float64(), i%3 == 0
		for k := range s.Pixels {
			value := 300 + 100*random.Float64()
			if bands[k/area] == "nir" {
				value = level
			}
			if wet && k%area < area/2 {
				value = 200
			}
			s.Pixels[k] = float32(value + 20*random.NormFloat64())
		}
	})
}

// TestAnOffsetIsFoundThatNearInfraredHides: there land and water differ by more.
func TestAnOffsetIsFoundThatNearInfraredHides(t *testing.T) {
	for name, bands := range map[string][]string{"nir last": {"blue", "green", "red", "nir"}, "nir first": {"nir", "red", "green", "blue"}} {
		t.Run(name, func(t *testing.T) {
			sound := landAndWater(1, bands...)
			requireWarnings(t, warningsOf(t, secondHalf(sound, scaled(1, 1000))), "the darkest pixels of 30 of 60 samples (first: sample 30) are about ")
			requireWarnings(t, warningsOf(t, sound, landAndWater(2, bands...)))
		})
	}
}

// TestHazeIsNoOffset: it is bright in the visible and not in near infrared.
func TestHazeIsNoOffset(t *testing.T) {
	requireWarnings(t, warningsOf(t, windows(60, 0).but(func(i int, s *Sample) {
		if i < 20 {
			for k := range 3 * sceneSide * sceneSide {
				s.Pixels[k] += 1000
			}
		}
	})))
}
