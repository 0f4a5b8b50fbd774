package dataset

import (
	"errors"
	"math"
	"path/filepath"
	"strings"
	"testing"
)

const h5files = "../../test/testdata/hdf5"

// broken is what must be said about a file that breaks a rule.
type broken struct {
	rule   Rule
	sample int
	says   string
}

func (b broken) require(t *testing.T, err error, file string) {
	t.Helper()
	var invalid *InvalidError
	if !errors.As(err, &invalid) {
		t.Fatalf("the error is %v, not an InvalidError", err)
	}
	if invalid.Rule != b.rule || invalid.Sample != b.sample || invalid.File == "" {
		t.Errorf("rule %s of sample %d of %q, want %s of %d", invalid.Rule, invalid.Sample, invalid.File, b.rule, b.sample)
	}
	if !strings.Contains(err.Error(), b.says) || !strings.Contains(err.Error(), file) {
		t.Errorf("it says %q, which does not name %s and say %q", err, file, b.says)
	}
}

func TestFilesThatBreakARuleAreRefused(t *testing.T) {
	for name, want := range map[string]broken{
		"r_bands_differ.h5":                    {RuleSameInAll, 3, `its bands are ["blue" "green" "red"], but those of sample 0 are ["red" "green" "blue"]`},
		"r_gsd_differs.h5":                     {RuleSameInAll, 7, "its gsd is 10, but that of sample 0 is 3"},
		"r_inf_pixel.h5":                       {RuleFinite, 9, `the pixel of band "red" at row 0, column 0 is +Inf`},
		"r_label_float.h5":                     {RuleMembers, -1, `member "label" is of type float32; it must be whole numbers`},
		"r_nan_pixel.h5":                       {RuleFinite, 4, `the pixel of band "green" at row 2, column 3 is NaN`},
		"r_negative_label.h5":                  {RuleLabel, 6, "label -1 is negative"},
		"r_not_divisible_by_8.h5":              {RuleShape, -1, "chips have a side of 20 pixels; it must be divisible by 8: cut them to 16 or pad them to 24"},
		"r_not_square.h5":                      {RuleShape, -1, "chips are 16 × 32 pixels; they must be square"},
		"r_one_class.h5":                       {RuleClasses, -1, "every label is 0; a training file needs at least two classes"},
		"r_platform_differs.h5":                {RuleSameInAll, 5, `its platform is "naip", but that of sample 0 is ""`},
		"r_platform_unknown.h5":                {RulePlatform, 0, `platform "hubble" is not known; use one of landsat-c2l1,`},
		"s_label_7_of_sample_8.h5":             {RuleLabel, 8, "label 7 at row 1, column 1 is not below the number of classes, 2"},
		"s_label_shape_differs_from_pixels.h5": {RuleShape, -1, "labels are 8 × 8 but chips are 16 × 16 pixels"},
		"v_empty0.h5":                          {RuleSamples, -1, "has no samples"},
		"v_nolabel.h5":                         {RuleMembers, -1, `member "label" is missing`},
		"v_noplatform.h5":                      {RuleMembers, -1, `member "platform" is missing`},
		"v_bomb.h5":                            {RuleReadable, 2, "chunk 2 at byte 3656: the gzip data inflate to more than the 3150 bytes of a chunk"},
		"v_corrupt_chunk.h5":                   {RuleReadable, 10, "chunk 10 at byte 13018: the gzip data are damaged"},
		"v_partial.h5":                         {RuleReadable, 1, "sample 1 was never written"},
		"v_zero.h5":                            {RuleReadable, -1, "the file is empty"},
	} {
		t.Run(name, func(t *testing.T) {
			o := ValidateOptions{Task: Classification, TrainingFile: filepath.Join(h5files, name)}
			if strings.HasPrefix(name, "s_") {
				o.Task, o.NumClasses = Segmentation, 2
			}
			_, err := Validate(t.Context(), o)
			want.require(t, err, name)
		})
	}
}

func TestFilesThatKeepAllRulesAreValid(t *testing.T) {
	for name, task := range map[string]Task{
		"r_pixels_int16.h5":              Classification, // converted
		"v_f64.h5":                       Classification,
		"v_lab_u1.h5":                    Classification,
		"v_vlen.h5":                      Classification,
		"s_segmentation_ok_2_classes.h5": Segmentation,
	} {
		t.Run(name, func(t *testing.T) {
			r, err := Validate(t.Context(), ValidateOptions{Task: task, NumClasses: 2, TrainingFile: filepath.Join(h5files, name)})
			if err != nil {
				t.Fatal(err)
			}
			if len(r.Training.Classes) != 2 || r.Training.Classes[0] == 0 || r.Training.Classes[1] == 0 {
				t.Errorf("classes are %v", r.Training.Classes)
			}
		})
	}
}

// TestValuesThatBreakARuleAreRefused covers what the files of testdata do not.
func TestValuesThatBreakARuleAreRefused(t *testing.T) {
	minusOne := int64(-1)
	for name, c := range map[string]struct {
		file testFile
		opts ValidateOptions
		want broken
	}{
		"labels for each pixel, for classification": {
			chips(4).task(Segmentation), ValidateOptions{Task: Classification},
			broken{RuleTask, -1, "use the task segmentation"}},
		"one label a chip, for segmentation": {
			chips(4), ValidateOptions{Task: Segmentation, NumClasses: 2},
			broken{RuleTask, -1, "use the task classification"}},
		"segmentation without the number of classes": {
			chips(4).task(Segmentation), ValidateOptions{Task: Segmentation},
			broken{RuleClasses, -1, "give num_classes"}},
		"one class asked for": {
			chips(4), ValidateOptions{Task: Classification, NumClasses: 1},
			broken{RuleClasses, -1, "num_classes is 1; it must be from 2 to 256"}},
		"256 classes and an ignored label": {
			chips(4), ValidateOptions{Task: Classification, NumClasses: 256, IgnoreLabel: &minusOne},
			broken{RuleClasses, -1, "it must be from 2 to 255"}},
		"more than 256 classes": {
			chips(4).change(func(i int, s *Sample) { s.Labels[0] = int64(256 * (i % 2)) }), ValidateOptions{Task: Classification},
			broken{RuleLabel, 1, "label 256 is too large: there can be at most 256 classes"}},
		"a label beyond the number of classes": {
			chips(4).change(func(i int, s *Sample) { s.Labels[0] = int64(i) }), ValidateOptions{Task: Classification, NumClasses: 3},
			broken{RuleLabel, 3, "label 3 is not below the number of classes, 3"}},
		"nothing but the ignored label": {
			chips(4).change(func(i int, s *Sample) { s.Labels[0] = -1 }), ValidateOptions{Task: Classification, IgnoreLabel: &minusOne},
			broken{RuleClasses, -1, "every label is the ignored one, -1"}},
		"a negative label": {
			chips(4).change(func(i int, s *Sample) { s.Labels[0] = int64(i%2) - 1 }), ValidateOptions{Task: Classification},
			broken{RuleLabel, 0, "what is to be left out needs another number, such as 255, that is then given as ignoreLabel"}},
		"a gsd that is not a number": {
			chips(4).change(func(i int, s *Sample) { s.GSD = float32(math.NaN()) }), ValidateOptions{Task: Classification},
			broken{RuleFinite, 0, "its gsd is NaN"}},
		"a point that is not a number": {
			chips(4).change(func(i int, s *Sample) {
				if i == 2 {
					s.Point[1] = float32(math.Inf(1))
				}
			}), ValidateOptions{Task: Classification},
			broken{RuleFinite, 2, "its point is 0, +Inf; use 0, 0"}},
	} {
		t.Run(name, func(t *testing.T) {
			c.opts.TrainingFile = c.file.write(t, "training.h5")
			_, err := Validate(t.Context(), c.opts)
			c.want.require(t, err, "training.h5")
		})
	}
}

func TestValidationFilesThatDoNotFitAreRefused(t *testing.T) {
	// Other samples than those of the training file, of the same kind.
	others := func(i int, s *Sample) {
		for k := range s.Pixels {
			s.Pixels[k] += 0.5
		}
	}
	for name, c := range map[string]struct {
		file testFile
		want broken
	}{
		"other bands": {chips(4).change(others).bands("red", "blue", "green"),
			broken{RuleValidation, -1, `its bands are ["red" "blue" "green"], but those of the training file are ["red" "green" "blue"]`}},
		"another platform": {chips(4).change(func(_ int, s *Sample) { s.Platform = "naip" }),
			broken{RuleValidation, -1, `its platform is "naip", but that of the training file is ""`}},
		"another ground sample distance": {chips(4).change(func(_ int, s *Sample) { s.GSD = 30 }),
			broken{RuleValidation, -1, "its gsd is 30, but that of the training file is 10"}},
		"another shape": {chips(4).side(16),
			broken{RuleValidation, -1, "its chips are 3 × 16 × 16, but those of the training file are 3 × 8 × 8"}},
		"labels for each pixel": {chips(4).task(Segmentation), broken{RuleTask, -1, "use the task segmentation"}},
		"a class that training does not have": {chips(4).change(func(i int, s *Sample) {
			others(i, s)
			s.Labels[0] = 2
		}), broken{RuleLabel, 0, "label 2 is not below the number of classes, 2"}},
		"a sample of the training file": {chips(4).change(func(i int, s *Sample) {
			if i != 1 {
				others(i, s)
			}
		}), broken{RuleDistinct, 1, "it has the same pixels as sample 1 of the training file"}},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Validate(t.Context(), ValidateOptions{
				Task: Classification, TrainingFile: chips(4).write(t, "training.h5"), ValidationFile: c.file.write(t, "validation.h5"),
			})
			c.want.require(t, err, "validation.h5")
		})
	}
}

func TestAValidationFileWithoutLabelsIsRefused(t *testing.T) {
	ignore := int64(255)
	unlabelled := chips(4).change(func(_ int, s *Sample) { s.Pixels[0]++; s.Labels[0] = ignore })
	_, err := Validate(t.Context(), ValidateOptions{
		Task: Classification, IgnoreLabel: &ignore, TrainingFile: chips(4).write(t, "training.h5"), ValidationFile: unlabelled.write(t, "validation.h5"),
	})
	broken{RuleClasses, -1, "every label of the validation file is the ignored one, 255"}.require(t, err, "validation.h5")
}

func TestConstantChipsMayBeInBothFiles(t *testing.T) {
	flat := chips(6).change(func(i int, s *Sample) {
		for k := range s.Pixels {
			s.Pixels[k] = float32(k / 64)
		}
	})
	_, err := Validate(t.Context(), ValidateOptions{Task: Classification, TrainingFile: flat.write(t, "a.h5"), ValidationFile: flat.write(t, "b.h5")})
	if err != nil {
		t.Fatal(err)
	}
}
