package dataset

import (
	"math"
	"slices"
	"strings"
	"testing"
)

// scene gives the values of an endless picture of digital numbers: slopes, and
// noise that is the same whenever a place is looked at.
func scene(band, y, x int) float32 {
	h := uint64(band+1)*0x9E3779B97F4A7C15 ^ uint64(int64(y))*0xC2B2AE3D27D4EB4F ^ uint64(int64(x))*0x165667B19E3779F9
	h = (h ^ h>>31) * 0xD6E8FEB86659FD93
	h ^= h >> 32
	noise := float64(h%1000)/1000 - 0.5
	return float32(math.Round(1500 + 250*math.Sin(float64(y)/23+float64(band)) + 200*math.Cos(float64(x)/31) + 160*noise))
}

// sceneSide is the side of the chips of a scene, and sceneGSD their pixels' in meters.
const sceneSide, sceneGSD = 16, 10

// cut puts the window of the scene at y, x into a sample, with its point.
func cut(s *Sample, y, x int) {
	for b := range s.Bands {
		for k := range sceneSide * sceneSide {
			s.Pixels[b*sceneSide*sceneSide+k] = scene(b, y+k/sceneSide, x+k%sceneSide)
		}
	}
	const degree = metersPerDegree / sceneGSD
	s.Point = [2]float32{float32(10 - float64(y)/degree), float32(20 + float64(x)/(degree*cosine(10)))}
}

// windows is a file of n windows of the scene that lie side by side in a row at y.
func windows(n, y int) testFile {
	return chips(n).bands("red", "green", "blue", "nir").side(sceneSide).change(func(i int, s *Sample) { cut(s, y, i*sceneSide) })
}

// but changes the samples further.
func (f testFile) but(change func(i int, s *Sample)) testFile {
	first := f.Change
	return f.change(func(i int, s *Sample) {
		if first != nil {
			first(i, s)
		}
		change(i, s)
	})
}

// elsewhere is a row of the scene that has nothing to do with the first ones.
// Its slopes are the same.
const elsewhere = 4046

// requireWarnings wants a warning with each of some texts, and no other.
func requireWarnings(t *testing.T, got []string, want ...string) {
	t.Helper()
	rest := slices.Clone(got)
	for _, text := range want {
		k := slices.IndexFunc(rest, func(w string) bool { return strings.Contains(w, text) })
		if k < 0 {
			t.Errorf("no warning says %q: %q", text, got)
			continue
		}
		rest = slices.Delete(rest, k, k+1)
	}
	if len(rest) > 0 {
		t.Errorf("there are other warnings: %q", rest)
	}
}

// warningsOf validates files for classification.
func warningsOf(t *testing.T, training testFile, validation ...testFile) []string {
	t.Helper()
	o := ValidateOptions{Task: training.Task, NumClasses: 2, TrainingFile: training.write(t, "training.h5")}
	for _, f := range validation {
		o.ValidationFile = f.write(t, "validation.h5")
	}
	return validate(t, o).Warnings
}
