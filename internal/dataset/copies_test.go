package dataset

import (
	"math"
	"math/rand/v2"
	"testing"
)

// landscapes is a file of n chips of 32 × 32 pixels that have nothing to do with
// each other: level gives the value of a pixel of a band from a random number of
// the chip, and noise is added to it.
func landscapes(n int, seed uint64, noise float64, draw func(random *rand.Rand) func(band int, y, x float64) float64) testFile {
	const side = 32
	return chips(n).bands("red", "green", "blue", "nir").side(side).change(func(i int, s *Sample) {
		random := rand.New(rand.NewPCG(seed, uint64(i)))
		level := draw(random)
		for k := range s.Pixels {
			inner := k % (side * side)
			s.Pixels[k] = float32(math.Round(level(k/(side*side), float64(inner/side), float64(inner%side)) + noise*random.NormFloat64()))
		}
	})
}

// fields are two fields beside each other.
func fields(random *rand.Rand) func(int, float64, float64) float64 {
	edge, lies := float64(4+random.IntN(24)), random.IntN(2) == 0
	one, other := 600+100*float64(random.IntN(4)), 1600+100*float64(random.IntN(4))
	return func(band int, y, x float64) float64 {
		if lies {
			x = y
		}
		if x < edge {
			return one * (1 + float64(band)/4)
		}
		return other * (1 + float64(band)/4)
	}
}

// coast is land beside water, the border at any angle.
func coast(random *rand.Rand) func(int, float64, float64) float64 {
	angle, middle := 2*math.Pi*random.Float64(), 16*random.Float64()-8
	return func(band int, y, x float64) float64 {
		if (y-16)*math.Sin(angle)+(x-16)*math.Cos(angle) < middle {
			return 200
		}
		return 1200 + 300*float64(band)
	}
}

// dunes are smooth waves of one length.
func dunes(random *rand.Rand) func(int, float64, float64) float64 {
	phase := 2 * math.Pi * random.Float64()
	return func(band int, _, x float64) float64 {
		return 1500 + 100*float64(band) + 400*math.Sin(2*math.Pi*x/16+phase)
	}
}

// TestChipsOfOneKindAreNoCopies: edges, coasts and dunes are alike in many
// places, and so are chips that are smooth or pure noise.
func TestChipsOfOneKindAreNoCopies(t *testing.T) {
	for name, c := range map[string]struct {
		draw  func(*rand.Rand) func(int, float64, float64) float64
		noise float64
	}{
		"fields": {fields, 30}, "smooth fields": {fields, 0.4}, "fields with much texture": {fields, 300},
		"coasts": {coast, 30}, "smooth coasts": {coast, 0.4}, "dunes": {dunes, 20}, "smooth dunes": {dunes, 0.4},
		"noise": {func(*rand.Rand) func(int, float64, float64) float64 {
			return func(int, float64, float64) float64 { return 1500 }
		}, 100},
	} {
		t.Run(name, func(t *testing.T) {
			requireWarnings(t, warningsOf(t, landscapes(200, 1, c.noise, c.draw), landscapes(50, 2, c.noise, c.draw)))
		})
	}
}

// TestCopiesOfChipsOfOneKindAreFound: their texture is the same, with noise of a
// tenth of the deviation, turned as they may be.
func TestCopiesOfChipsOfOneKindAreFound(t *testing.T) {
	for name, draw := range map[string]func(*rand.Rand) func(int, float64, float64) float64{"fields": fields, "coasts": coast} {
		t.Run(name, func(t *testing.T) {
			training := landscapes(30, 1, 60, draw)
			requireWarnings(t, warningsOf(t, training, training.but(mirrored).but(shaky)), "30 of 30 validation chips show pixels of training chips")
		})
	}
}

// mirrored mirrors the rows of a chip.
func mirrored(_ int, s *Sample) {
	const side = 32
	for row := range len(s.Pixels) / side {
		for x := range side / 2 {
			a, b := &s.Pixels[row*side+x], &s.Pixels[row*side+side-1-x]
			*a, *b = *b, *a
		}
	}
}

// shaky adds noise of about a tenth of the deviation.
func shaky(i int, s *Sample) {
	random := rand.New(rand.NewPCG(uint64(i), 7))
	for k := range s.Pixels {
		s.Pixels[k] += float32(40 * random.NormFloat64())
	}
}
