package dataset

import (
	"context"
	"encoding/json"
	"errors"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func validate(t testing.TB, o ValidateOptions) *Report {
	t.Helper()
	r, err := Validate(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestAReportSaysWhatIsInTheFiles(t *testing.T) {
	r := validate(t, ValidateOptions{
		Task: Segmentation, NumClasses: 3,
		TrainingFile: filepath.Join(olinda, "landcover-segmentation-train.h5"), TrainingName: "file-a",
		ValidationFile: filepath.Join(olinda, "landcover-segmentation-validation.h5"), ValidationName: "file-b",
	})
	if r.Training.Name != "file-a" || r.Validation.Name != "file-b" || r.Training.Samples != 144 || r.Validation.Samples != 52 {
		t.Errorf("files are %s (%d) and %s (%d)", r.Training.Name, r.Training.Samples, r.Validation.Name, r.Validation.Samples)
	}
	if !slices.Equal(r.Training.Classes, []int64{17284, 54736, 75436}) {
		t.Errorf("pixels of each class: %v", r.Training.Classes)
	}
	// numpy: x.mean((0,2,3)), x.std((0,2,3)) in float64.
	blue := r.Training.BandStats[0]
	if blue.Name != "blue" || !near(blue.Mean, 78.65821668836806, 1e-12) || !near(blue.Std, 14.25851639355045, 1e-12) || blue.Least != 47 || blue.Greatest != 255 {
		t.Errorf("blue is %+v", blue)
	}
	if r.Normalization.Source != FromTraining || len(r.Warnings) != 0 {
		t.Errorf("normalised by %s, warnings %q", r.Normalization.Source, r.Warnings)
	}
	b, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	for _, key := range []string{`"samples":144`, `"bands":["blue","green","red"]`, `"shape":[3,32,32]`, `"labelShape":[32,32]`, `"classes":[17284,`} {
		if !strings.Contains(string(b), key) {
			t.Errorf("the JSON does not have %s: %s", key, b)
		}
	}
}

func TestIgnoredLabelsDoNotCount(t *testing.T) {
	for _, ignore := range []int64{-1, 255} {
		file := chips(6).task(Segmentation).change(func(_ int, s *Sample) { s.Labels[5] = ignore }).write(t, "a.h5")
		r := validate(t, ValidateOptions{Task: Segmentation, NumClasses: 2, IgnoreLabel: &ignore, TrainingFile: file})
		if r.Training.Ignored != 6 || r.Training.Classes[0]+r.Training.Classes[1] != 6*63 {
			t.Errorf("%d ignored, classes %v", r.Training.Ignored, r.Training.Classes)
		}
	}
}

func TestNobodyMissesTheIgnoredClass(t *testing.T) {
	ignore := int64(0)
	file := chips(20).change(func(i int, s *Sample) { s.Labels[0] = int64(i % 3) }).write(t, "a.h5")
	r := validate(t, ValidateOptions{Task: Classification, NumClasses: 3, IgnoreLabel: &ignore, TrainingFile: file})
	if len(r.Warnings) != 0 || !slices.Equal(r.Training.Classes, []int64{0, 7, 6}) || r.Training.Ignored != 7 {
		t.Errorf("classes are %v, %d ignored, warnings %q", r.Training.Classes, r.Training.Ignored, r.Warnings)
	}
}

func TestTheNumberOfClassesIsInferred(t *testing.T) {
	file := chips(6).change(func(i int, s *Sample) { s.Labels[0] = int64(2 * (i % 3)) }).write(t, "a.h5")
	r := validate(t, ValidateOptions{Task: Classification, TrainingFile: file})
	if r.NumClasses != 5 || !slices.Equal(r.Training.Classes, []int64{2, 0, 2, 0, 2}) {
		t.Errorf("%d classes: %v", r.NumClasses, r.Training.Classes)
	}
}

func TestWarnings(t *testing.T) {
	for name, c := range map[string]struct {
		file, validation testFile
		classes          int
		want             string
	}{
		"a class without samples":   {file: chips(20), classes: 4, want: "nothing of class 2, 3"},
		"a class of few":            {file: chips(20).change(func(i int, s *Sample) { s.Labels[0] = int64(min(1, i/2)) }), want: "fewer than 5 samples of class 0 (2)"},
		"a band of one value":       {file: chips(20).change(func(_ int, s *Sample) { clear(s.Pixels[64:128]) }), want: `band "green" is 0 in every pixel`},
		"two bands of a name":       {file: chips(20).bands("red", "red"), want: `two bands are named "red"`},
		"no ground sample distance": {file: chips(20).change(func(_ int, s *Sample) { s.GSD = 0 }), want: "the ground sample distance is 0"},
		"data that do not fit their platform": {
			file: chips(20).change(func(_ int, s *Sample) {
				s.Platform = "sentinel-2-l2a"
				for k := range s.Pixels {
					s.Pixels[k] /= 1e5
				}
			}), want: "does not fit the statistics of platform sentinel-2-l2a"},
		"a class that only validation has": {
			file: chips(20), classes: 3, validation: chips(20).change(func(i int, s *Sample) {
				s.Pixels[0]++
				s.Labels[0] = int64(i % 3)
			}), want: "the validation file has class 2, of which the training file has nothing"},
		"a class that validation lacks": {
			file: chips(20), validation: chips(20).change(func(_ int, s *Sample) {
				s.Pixels[0]++
				s.Labels[0] = 1
			}), want: "the validation file has nothing of class 0"},
	} {
		t.Run(name, func(t *testing.T) {
			o := ValidateOptions{Task: Classification, NumClasses: c.classes, TrainingFile: c.file.write(t, "a.h5")}
			if c.validation.Samples > 0 {
				o.ValidationFile = c.validation.write(t, "b.h5")
			}
			r := validate(t, o)
			if !slices.ContainsFunc(r.Warnings, func(w string) bool { return strings.Contains(w, c.want) }) {
				t.Errorf("no warning says %q: %q", c.want, r.Warnings)
			}
		})
	}
}

func TestValidationEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := Validate(ctx, ValidateOptions{Task: Classification, TrainingFile: chips(4).write(t, "a.h5")})
	var invalid *InvalidError
	if !errors.Is(err, context.Canceled) || errors.As(err, &invalid) {
		t.Errorf("the error is %v", err)
	}
}

func TestAFileThatIsNotThereIsNoInvalidFile(t *testing.T) {
	_, err := Validate(t.Context(), ValidateOptions{Task: Classification, TrainingFile: filepath.Join(t.TempDir(), "nothing.h5")})
	var invalid *InvalidError
	if err == nil || errors.As(err, &invalid) {
		t.Errorf("the error is %v", err)
	}
}

func TestInspectCountsLabels(t *testing.T) {
	c, err := Inspect(t.Context(), filepath.Join(h5files, "r_negative_label.h5"))
	if err != nil {
		t.Fatal(err)
	}
	if c.Samples != 12 || c.Classes[-1] != 1 || c.Classes[0]+c.Classes[1] != 11 {
		t.Errorf("contents are %+v", c)
	}
	b, err := json.Marshal(c)
	if err != nil || !strings.Contains(string(b), `"classes":{"-1":1,`) || !strings.Contains(string(b), `"labelShape":[]`) {
		t.Errorf("the JSON is %s (%v)", b, err)
	}
}

func TestFileDigest(t *testing.T) {
	digest, size, err := FileDigest(t.Context(), filepath.Join(h5files, "v_zero.h5"))
	if err != nil || size != 0 || digest != "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855" {
		t.Errorf("%s, %d, %v", digest, size, err)
	}
}
