package dataset

import (
	"math"
	"math/rand/v2"
	"testing"
)

func near(a, b, tolerance float64) bool { return math.Abs(a-b) <= tolerance*max(1, math.Abs(b)) }

// TestMomentsAreExactFarFromZero: sums of squares would lose everything here.
func TestMomentsAreExactFarFromZero(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 1))
	var all moments
	sum, n := 0.0, 0.0
	values := []float64{}
	for range 50 {
		x := make([]float32, 1+random.IntN(300))
		for i := range x {
			x[i] = 1e6 + float32(random.IntN(5))
			values = append(values, float64(x[i])-1e6)
			sum += float64(x[i]) - 1e6
			n++
		}
		all.merge(momentsOf(x))
	}
	mean := sum / n
	squares := 0.0
	for _, v := range values {
		squares += (v - mean) * (v - mean)
	}
	s := all.stats("nir")
	if !near(s.Mean-1e6, mean, 1e-9) || !near(s.Std, math.Sqrt(squares/n), 1e-9) || s.Least != 1e6 || s.Greatest != 1e6+4 {
		t.Errorf("statistics are %+v, want mean 1e6+%v and deviation %v", s, mean, math.Sqrt(squares/n))
	}
}

func TestNormalizationIsByThePlatformOnlyIfTheDataFit(t *testing.T) {
	platforms, err := Platforms()
	if err != nil {
		t.Fatal(err)
	}
	red := platforms["naip"].Bands["red"]
	fitting := BandStats{Name: "red", Mean: red.Mean + red.Std, Std: red.Std / 2, Greatest: 255}
	for name, c := range map[string]struct {
		platform string
		band     BandStats
		want     NormalizationSource
		warns    bool
	}{
		"fitting":          {"naip", fitting, FromPlatform, false},
		"no platform":      {"", fitting, FromTraining, false},
		"an unknown band":  {"naip", BandStats{Name: "swir16", Mean: 1, Std: 1, Greatest: 9}, FromTraining, true},
		"scaled to 0 to 1": {"naip", BandStats{Name: "red", Mean: 0.4, Std: 0.2, Greatest: 1}, FromTraining, true},
		"a mean far away":  {"naip", BandStats{Name: "red", Mean: 1000, Std: red.Std, Greatest: 2000}, FromTraining, true},
		"a deviation too big": {"naip", BandStats{Name: "red", Mean: red.Mean, Std: 6 * red.Std, Greatest: 2000},
			FromTraining, true},
	} {
		t.Run(name, func(t *testing.T) {
			n, warning := normalize(Summary{Platform: c.platform}, []BandStats{c.band}, platforms)
			if n.Source != c.want || (warning != "") != c.warns {
				t.Fatalf("normalised by %s, with the warning %q", n.Source, warning)
			}
			if b := n.Bands[0]; c.want == FromPlatform && (b.Mean != red.Mean || b.Std != red.Std || b.Wavelength != red.Wavelength) {
				t.Errorf("the band is %+v", b)
			} else if c.want == FromTraining && (b.Mean != c.band.Mean || b.Std != c.band.Std) {
				t.Errorf("the band is %+v", b)
			}
		})
	}
}

func TestDeviationsHaveAFloor(t *testing.T) {
	for name, c := range map[string]struct {
		band BandStats
		want float64
	}{
		"a constant band":     {BandStats{Mean: 7, Std: 0, Least: 7, Greatest: 7}, 1},
		"nearly constant":     {BandStats{Mean: 10000, Std: 0.001, Least: 9999, Greatest: 10001}, 1},
		"as the data have it": {BandStats{Mean: 100, Std: 3, Least: 0, Greatest: 200}, 3},
	} {
		n, _ := normalize(Summary{}, []BandStats{c.band}, nil)
		if got := n.Bands[0].Std; !near(got, c.want, 1e-12) {
			t.Errorf("%s: the deviation is %v, want %v", name, got, c.want)
		}
	}
}

func TestPlatformsAreComplete(t *testing.T) {
	platforms, err := Platforms()
	if err != nil {
		t.Fatal(err)
	}
	if len(platforms) != 6 || len(platforms["sentinel-2-l2a"].Bands) != 10 {
		t.Errorf("platforms are %v", platforms)
	}
	for name, p := range platforms {
		for band, b := range p.Bands {
			if b.Std <= 0 || b.Wavelength <= 0 || p.GSD <= 0 {
				t.Errorf("%s, %s: %+v", name, band, b)
			}
		}
	}
}
