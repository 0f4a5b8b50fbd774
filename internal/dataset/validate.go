package dataset

import (
	"context"
	"fmt"
	"slices"
)

// ValidateOptions say what to validate, and for what.
type ValidateOptions struct {
	Task Task
	// NumClasses is the number of classes, from 2 to 256. Segmentation needs it;
	// for classification 0 stands for the greatest label of the training file and
	// one.
	NumClasses int
	// IgnoreLabel is a label that is left out of counts and of the rules; nil if
	// there is none.
	IgnoreLabel *int64
	// TrainingFile and ValidationFile are paths; ValidationFile may be empty.
	TrainingFile   string
	ValidationFile string
	// TrainingName and ValidationName are what messages call the files; empty
	// stands for the paths.
	TrainingName   string
	ValidationName string
}

// FileReport is what validation found in a file.
type FileReport struct {
	Name string `json:"name"`
	Summary
	// Classes are the samples (classification) or pixels (segmentation) of each
	// class, from 0 on; there is one for each class of the report.
	Classes []int64 `json:"classes"`
	// Ignored are the samples or pixels that have the ignored label.
	Ignored   int64       `json:"ignored"`
	BandStats []BandStats `json:"bandStatistics"`

	notes *notes
	// nodata has the statistics without what means nothing, which other files are
	// compared with.
	nodata *nodata
	far    map[int]*trimmed
}

// measured are the statistics of what is measured.
func (r *FileReport) measured() []BandStats {
	stats := slices.Clone(r.BandStats)
	for b, m := range r.nodata.measured {
		if m.n > 0 && r.far[b] == nil {
			stats[b] = m.stats(stats[b].Name)
		}
	}
	return stats
}

// Report is what validation found.
type Report struct {
	Task       Task        `json:"task"`
	NumClasses int         `json:"numClasses"`
	Training   FileReport  `json:"training"`
	Validation *FileReport `json:"validation,omitempty"`
	// Normalization is decided by the training file.
	Normalization Normalization `json:"normalization"`
	// Warnings are sentences for the user about what is allowed and yet likely to
	// be a mistake.
	Warnings []string `json:"warnings"`

	ignore *int64
}

// Validate checks every sample of a training file and, if there is one, of a
// validation file, and reports what is in them. It streams: beside some 100 bytes
// a sample its memory is that of a few chunks, however large the files are. A
// broken rule is an *InvalidError.
//
// A class that only the validation file has is an error where it is not below
// the number of classes, and a warning where it is.
func Validate(ctx context.Context, o ValidateOptions) (*Report, error) {
	platforms, err := Platforms()
	if err != nil {
		return nil, err
	}
	v := &validation{ctx: ctx, opts: o, platforms: platforms}
	if err := v.checkOptions(); err != nil {
		return nil, err
	}
	training, err := v.open(o.TrainingFile, o.TrainingName)
	if err != nil {
		return nil, err
	}
	defer training.Close()
	report, err := v.training(training)
	if err != nil || o.ValidationFile == "" {
		return report, err
	}
	other, err := v.open(o.ValidationFile, o.ValidationName)
	if err != nil {
		return nil, err
	}
	defer other.Close()
	if err := v.validationFile(report, training, other); err != nil {
		return nil, err
	}
	return report, nil
}

// validation is what all steps of validating need.
type validation struct {
	ctx       context.Context
	opts      ValidateOptions
	platforms map[string]Platform
}

// checkOptions finds what is wrong before any file is opened.
func (v *validation) checkOptions() error {
	o := v.opts
	most := labelRule{ignore: o.IgnoreLabel}.limit()
	switch {
	case o.Task != Classification && o.Task != Segmentation:
		return fmt.Errorf("validating files: there is no task %q; there are classification and segmentation", o.Task)
	case o.Task == Segmentation && o.NumClasses == 0:
		return &InvalidError{File: v.trainingName(), Sample: -1, Rule: RuleClasses, Message: "segmentation needs the number of classes; give num_classes"}
	case o.NumClasses != 0 && (o.NumClasses < 2 || o.NumClasses > most):
		return &InvalidError{File: v.trainingName(), Sample: -1, Rule: RuleClasses,
			Message: fmt.Sprintf("num_classes is %d; it must be from 2 to %d", o.NumClasses, most)}
	}
	return nil
}

func (v *validation) trainingName() string {
	if v.opts.TrainingName != "" {
		return v.opts.TrainingName
	}
	return v.opts.TrainingFile
}

func (v *validation) open(path, name string) (*File, error) {
	if name == "" {
		name = path
	}
	f, err := OpenNamed(path, name)
	if err != nil {
		return nil, err
	}
	if err := v.fitsTask(f); err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

func (v *validation) fitsTask(f *File) error {
	if v.opts.Task == f.Task() {
		return nil
	}
	if v.opts.Task == Classification {
		return f.invalid(-1, RuleTask, "labels are given for each pixel (%s), but classification needs one label a chip; "+
			"use the task segmentation", times(f.summary.LabelShape))
	}
	return f.invalid(-1, RuleTask, "there is one label a chip, but segmentation needs a label for each pixel; use the task classification")
}

// training validates the training file.
func (v *validation) training(f *File) (*Report, error) {
	s, err := v.scan(f, labelRule{classes: v.opts.NumClasses, ignore: v.opts.IgnoreLabel},
		func(int, *Sample, *chipFacts) error { return nil })
	if err != nil {
		return nil, err
	}
	if err := s.checkClasses(); err != nil {
		return nil, err
	}
	report := &Report{
		Task: v.opts.Task, NumClasses: len(s.classes), Training: s.report(), Warnings: []string{}, ignore: v.opts.IgnoreLabel,
	}
	report.Warnings = append(report.Warnings, s.warnings()...)
	var warning string
	report.Normalization, warning = normalize(report.Training.Summary, report.Training.BandStats, v.platforms)
	if warning != "" {
		report.Warnings = append(report.Warnings, warning)
	}
	report.Warnings = append(report.Warnings, trainingWarnings(f, report)...)
	return report, nil
}

// validationFile validates the validation file, by itself and against the
// training file, and adds it to the report.
func (v *validation) validationFile(report *Report, training, other *File) error {
	if err := fits(training, other); err != nil {
		return err
	}
	t := &twin{prints: report.Training.notes.prints, reader: training.NewReader()}
	leaks := newLeakFinder(&report.Training, training, other.Len())
	s, err := v.scan(other, labelRule{classes: report.NumClasses, ignore: v.opts.IgnoreLabel}, func(i int, x *Sample, chip *chipFacts) error {
		if constant(x.Pixels, len(x.Pixels)/len(x.Bands)) {
			return nil
		}
		same, err := t.of(x.Pixels)
		if err == nil && same >= 0 {
			err = other.invalid(i, RuleDistinct, "it has the same pixels as sample %d of the training file %s; "+
				"what was learnt by heart proves nothing: remove it from one of the files", same, training.name)
		}
		if err != nil {
			return err
		}
		return leaks.add(i, x, chip)
	})
	if err != nil {
		return err
	}
	if err := s.checkLabelled(); err != nil {
		return err
	}
	r := s.report()
	report.Validation = &r
	for _, warning := range s.warnings() {
		report.Warnings = append(report.Warnings, "validation file: "+warning)
	}
	report.Warnings = append(report.Warnings, radiometryWarnings(report)...)
	report.Warnings = append(report.Warnings, leaks.found.warnings("validation chips")...)
	report.Warnings = append(report.Warnings, validationWarnings(report)...)
	return nil
}
