package training

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/swath-dev/swath/internal/dataset"
)

// Task is what a model is trained for.
type Task = dataset.Task

// The tasks: a class for each chip, or one for each pixel.
const (
	Classification = dataset.Classification
	Segmentation   = dataset.Segmentation
)

// Words that hyperparameters can have.
const (
	SizeSmall = "small"
	SizeBase  = "base"
	SizeLarge = "large"

	LossCrossEntropy = "crossEntropy"
	LossFocal        = "focal"

	ClassWeightsNone     = "none"
	ClassWeightsBalanced = "balanced"

	AugmentationNone  = "none"
	AugmentationFlips = "flips"
	AugmentationD4    = "d4"
)

// Hyperparameters are those of a request, by their names in the TrainingJob. A nil field is chosen by the data; see
// [Resolve].
type Hyperparameters struct {
	NumClasses            *int     `json:"numClasses,omitempty"`
	Epochs                *int     `json:"epochs,omitempty"`
	BatchSize             *int     `json:"batchSize,omitempty"`
	LearningRate          *float64 `json:"learningRate,omitempty"`
	WeightDecay           *float64 `json:"weightDecay,omitempty"`
	Warmup                *float64 `json:"warmup,omitempty"`
	Seed                  *int64   `json:"seed,omitempty"`
	ModelSize             *string  `json:"modelSize,omitempty"`
	Loss                  *string  `json:"loss,omitempty"`
	ClassWeights          *string  `json:"classWeights,omitempty"`
	IgnoreLabel           *int     `json:"ignoreLabel,omitempty"`
	Augmentation          *string  `json:"augmentation,omitempty"`
	EarlyStoppingPatience *int     `json:"earlyStoppingPatience,omitempty"`
	ValidationFraction    *float64 `json:"validationFraction,omitempty"`
}

// UsageError is a mistake in the request: a hyperparameter out of its bounds, or two that exclude each other.
type UsageError struct{ Message string }

func (e *UsageError) Error() string { return e.Message }

func usageErrorf(format string, args ...any) error {
	return &UsageError{fmt.Sprintf(format, args...)}
}

// ParseHyperparameters reads hyperparameters from JSON. An empty text and null mean none. A name that is not known is an
// error: a misspelt one must not be passed over.
func ParseHyperparameters(text string) (Hyperparameters, error) {
	var h Hyperparameters
	if strings.TrimSpace(text) == "" {
		return h, nil
	}
	decoder := json.NewDecoder(bytes.NewReader([]byte(text)))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&h); err != nil {
		return h, usageErrorf("the hyperparameters cannot be read: %v", err)
	}
	if _, err := decoder.Token(); err != io.EOF {
		return h, usageErrorf("the hyperparameters cannot be read: something follows the object")
	}
	return h, nil
}

// Check reports the first hyperparameter that is out of its bounds, which are those of the TrainingJob's schema.
func (h Hyperparameters) Check() error {
	for _, problem := range []string{
		between("numClasses", h.NumClasses, 2, 256),
		between("epochs", h.Epochs, 1, 100_000),
		between("batchSize", h.BatchSize, 1, 4096),
		between("learningRate", h.LearningRate, 1e-8, 1),
		between("weightDecay", h.WeightDecay, 0, 10),
		between("warmup", h.Warmup, 0, 1),
		between("seed", h.Seed, 0, 1<<53-1),
		oneOf("modelSize", h.ModelSize, SizeSmall, SizeBase, SizeLarge),
		oneOf("loss", h.Loss, LossCrossEntropy, LossFocal),
		oneOf("classWeights", h.ClassWeights, ClassWeightsNone, ClassWeightsBalanced),
		between("ignoreLabel", h.IgnoreLabel, 0, 255),
		oneOf("augmentation", h.Augmentation, AugmentationNone, AugmentationFlips, AugmentationD4),
		between("earlyStoppingPatience", h.EarlyStoppingPatience, 1, 100_000),
		between("validationFraction", h.ValidationFraction, 0, 0.5),
	} {
		if problem != "" {
			return &UsageError{problem}
		}
	}
	if h.IgnoreLabel != nil && h.NumClasses != nil && *h.NumClasses > 255 {
		return usageErrorf("numClasses is %d: with an ignoreLabel at most 255 classes are possible", *h.NumClasses)
	}
	return nil
}

func between[T int | int64 | float64](name string, value *T, low, high T) string {
	if value == nil || *value >= low && *value <= high {
		return ""
	}
	return fmt.Sprintf("%s is %v and must be from %v to %v", name, *value, low, high)
}

func oneOf(name string, value *string, allowed ...string) string {
	if value == nil || slices.Contains(allowed, *value) {
		return ""
	}
	return fmt.Sprintf("%s is %q and must be one of %s", name, *value, strings.Join(allowed, ", "))
}
