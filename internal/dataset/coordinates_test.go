package dataset

import (
	"path/filepath"
	"testing"
)

const cases = "../../test/testdata/cases"

func TestPointsAndTimesThatCannotBeAreWarnedOf(t *testing.T) {
	place := func(y, x float32) func(int, *Sample) {
		return func(i int, s *Sample) {
			if i >= 4 {
				s.Point = [2]float32{y, x}
			}
		}
	}
	when := func(when int64) func(int, *Sample) {
		return func(i int, s *Sample) {
			if i >= 4 {
				s.Timestamp = when
			}
		}
	}
	const few = " of 36 of 40 samples (first: sample 4) are not "
	for name, c := range map[string]struct {
		change func(int, *Sample)
		want   string
	}{
		"meters":              {place(289000, 9.12e6), "the points" + few + "latitude and longitude in degrees (289000, 9.12e+06); are they in the meters of a map projection?"},
		"longitude first":     {place(139.7, 35.6), "the points" + few + "latitude and longitude in degrees (139.7, 35.6); is the longitude first?"},
		"milliseconds":        {when(1722451310000), "the times" + few + "Unix seconds (1722451310000): are they in milliseconds?"},
		"microseconds":        {when(1722451310000000), "are they in microseconds?"},
		"nanoseconds":         {when(1722451310000000000), "are they in nanoseconds?"},
		"the least of all":    {when(-1 << 63), "are they in nanoseconds?"},
		"dates":               {when(20240115), "the times" + few + "Unix seconds but dates (20240115)"},
		"an old photograph":   {when(-500_000_000), ""},
		"August 1970":         {when(20245678), ""},
		"the poles":           {place(-90, 180), ""},
		"a point of the file": {place(-7.93, -34.9), ""},
	} {
		t.Run(name, func(t *testing.T) {
			got := warningsOf(t, windows(40, 0).but(c.change))
			if c.want == "" {
				requireWarnings(t, got)
			} else {
				requireWarnings(t, got, c.want)
			}
		})
	}
}

func TestFilesThatWouldRuinAModel(t *testing.T) {
	for name, want := range map[string]string{
		"point_utm.h5":    "the points of 24 of 24 samples (first: sample 0) are not latitude and longitude in degrees (500000, 6e+06)",
		"timestamp_ms.h5": "the times of 24 of 24 samples (first: sample 0) are not Unix seconds (1722451310000): are they in milliseconds?",
	} {
		t.Run(name, func(t *testing.T) {
			requireWarnings(t, validate(t, ValidateOptions{Task: Classification, TrainingFile: filepath.Join(cases, name)}).Warnings, want)
		})
	}
	for name, want := range map[string]broken{
		"bands_empty.h5": {RuleMembers, -1, `band 0 of 3 has no name (["" "" ""])`},
		"side7.h5":       {RuleShape, -1, "chips have a side of 7 pixels; it must be divisible by 8: pad them to 8"},
		"png_named.h5":   {RuleReadable, -1, "this is not an HDF5 file but a PNG image"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Validate(t.Context(), ValidateOptions{Task: Classification, TrainingFile: filepath.Join(cases, name)})
			want.require(t, err, name)
		})
	}
}

// TestSoundFilesAreNotWarnedOf: what real data are like is no reason.
func TestSoundFilesAreNotWarnedOf(t *testing.T) {
	for _, task := range []Task{Classification, Segmentation} {
		name := func(part string) string { return filepath.Join(olinda, "landcover-"+string(task)+"-"+part+".h5") }
		for _, part := range []string{"train", "validation"} {
			requireWarnings(t, validate(t, ValidateOptions{Task: task, NumClasses: 3, TrainingFile: name(part)}).Warnings)
		}
		requireWarnings(t, validate(t, ValidateOptions{Task: task, NumClasses: 3, TrainingFile: name("train"), ValidationFile: name("validation")}).Warnings)
	}
}
