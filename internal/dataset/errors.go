package dataset

import (
	"errors"
	"fmt"
	"strings"

	"github.com/swath-dev/swath/internal/hdf5"
)

// Rule names a rule of a valid training file.
type Rule string

// The rules of a valid training file.
const (
	RuleReadable   Rule = "Readable"   // the file is HDF5, whole, and has a dataset "data"
	RuleSamples    Rule = "Samples"    // there is at least one sample
	RuleMembers    Rule = "Members"    // every member is there with its type
	RuleShape      Rule = "Shape"      // chips are bands × h × w, h = w, divisible by 8
	RuleSameInAll  Rule = "SameInAll"  // bands, platform and gsd are the same in every sample
	RulePlatform   Rule = "Platform"   // the platform is a known one, or empty
	RuleFinite     Rule = "Finite"     // values are finite
	RuleLabel      Rule = "Label"      // labels are whole numbers, at least 0 and below the number of classes
	RuleTask       Rule = "Task"       // labels fit the task: one a chip, or one a pixel
	RuleClasses    Rule = "Classes"    // there are 2 to 256 classes (255 with an ignored label)
	RuleValidation Rule = "Validation" // the validation file fits the training file
	RuleSplit      Rule = "Split"      // there are samples enough to set some aside for validation
	RuleDistinct   Rule = "Distinct"   // no sample is in both files
)

// InvalidError says which rule of a valid training file is broken, and where.
// It is the user's mistake.
type InvalidError struct {
	// File is the name that the file was opened with.
	File string
	// Sample is the number of the sample, from 0 on, or -1 if it is none.
	Sample int
	Rule   Rule
	// Message says what is wrong, with the value, and what to do about it.
	Message string
	// cause is the reader's error behind RuleReadable.
	cause error
}

// Error implements error.
func (e *InvalidError) Error() string {
	if e.cause != nil {
		return e.cause.Error()
	}
	var b strings.Builder
	b.WriteString(e.File)
	b.WriteString(": ")
	if e.Sample >= 0 {
		fmt.Fprintf(&b, "sample %d: ", e.Sample)
	}
	b.WriteString(e.Message)
	return b.String()
}

// Unwrap gives the reader's error, if that is the cause.
func (e *InvalidError) Unwrap() error { return e.cause }

// readError makes a user's mistake of what the reader found wrong with a file,
// and leaves the system's errors as they are.
func readError(file string, sample int, err error) error {
	var fault *hdf5.Error
	if errors.As(err, &fault) {
		return &InvalidError{File: file, Sample: sample, Rule: RuleReadable, Message: fault.Reason, cause: err}
	}
	if sample >= 0 {
		return fmt.Errorf("reading sample %d of %s: %w", sample, file, err)
	}
	return err
}
