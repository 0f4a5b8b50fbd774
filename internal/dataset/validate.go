package dataset

import (
	"context"
	"fmt"
)

// ValidateOptions say what to validate, and for what.
type ValidateOptions struct {
	Task Task
	// NumClasses is the number of classes; for classification 0 stands for the
	// greatest label and one. Segmentation needs it.
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
	// class.
	Classes []int64 `json:"classes"`
	// Ignored are the samples or pixels that have the ignored label.
	Ignored   int64       `json:"ignored"`
	BandStats []BandStats `json:"bandStatistics"`
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
}

// Validate checks every sample of a training file and, if there is one, of a
// validation file, and reports what is in them. It streams: its memory is that
// of one chunk, however large the files are. A broken rule is an *InvalidError.
func Validate(ctx context.Context, o ValidateOptions) (*Report, error) {
	platforms, err := Platforms()
	if err != nil {
		return nil, err
	}
	v := &validation{ctx: ctx, opts: o, platforms: platforms}
	training, err := v.open(o.TrainingFile, o.TrainingName)
	if err != nil {
		return nil, err
	}
	defer training.Close()
	report := &Report{Task: o.Task, Warnings: []string{}}
	scan, err := v.scan(training, labelRule{classes: o.NumClasses, ignore: o.IgnoreLabel})
	if err != nil {
		return nil, err
	}
	report.Training = scan.report()
	report.NumClasses = max(o.NumClasses, len(report.Training.Classes))
	var warning string
	report.Normalization, warning = normalize(report.Training.Summary, report.Training.BandStats, platforms)
	if warning != "" {
		report.Warnings = append(report.Warnings, warning)
	}
	return report, nil
}

// validation is what all steps of validating need.
type validation struct {
	ctx       context.Context
	opts      ValidateOptions
	platforms map[string]Platform
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
	switch {
	case v.opts.Task == f.Task():
		return nil
	case v.opts.Task == Classification:
		return f.invalid(-1, RuleTask, "labels are given for each pixel (%s), but classification needs one label a chip; use the task segmentation", times(f.summary.LabelShape))
	case v.opts.Task == Segmentation:
		return f.invalid(-1, RuleTask, "there is one label a chip, but segmentation needs a label for each pixel; use the task classification")
	}
	return fmt.Errorf("validating %s: there is no task %q; there are classification and segmentation", f.name, v.opts.Task)
}
