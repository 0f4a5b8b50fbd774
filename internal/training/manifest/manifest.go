// Package manifest is model.json: all that is needed to use a model, where it came from, and how good it is.
package manifest

import (
	"bytes"
	"encoding/json"
	"fmt"

	"github.com/swath-dev/swath/internal/training/metrics"
	"github.com/swath-dev/swath/internal/training/results"
)

// FormatVersion is raised when readers of older manifests would misunderstand a new one.
const FormatVersion = 1

// Manifest is the content of model.json. Two runs of the same job write the same bytes, the block Run apart.
type Manifest struct {
	FormatVersion int `json:"formatVersion"`
	// ID is the model's; empty for models that were trained without a job.
	ID   string `json:"id,omitempty"`
	Task string `json:"task"`
	// NumClasses is the number of classes; they are numbered from 0, as the labels of the training file.
	NumClasses int    `json:"numClasses"`
	Input      Input  `json:"input"`
	Output     Output `json:"output"`
	// Network describes what was trained.
	Network Network `json:"network"`
	// Warnings are what a user should know before relying on the model.
	Warnings []string `json:"warnings,omitempty"`
	Metrics  Metrics  `json:"metrics"`
	Training Training `json:"training"`
	// Parts are the files beside the manifest.
	Parts []Part `json:"parts"`
	// Run holds all that may differ between two runs of the same job.
	Run Run `json:"run"`
}

// Input is what the network reads: raw pixels, batch × bands × height × width, float32, in the platform's units.
type Input struct {
	// Name is that of the ONNX graph's input.
	Name  string   `json:"name"`
	Bands []string `json:"bands"`
	// Height and Width are those of the training chips, in pixels.
	Height int `json:"height"`
	Width  int `json:"width"`
	// DivisibleBy is the number that other heights and widths must be divisible by.
	DivisibleBy int `json:"divisibleBy"`
	// Platform is the name in the training file; empty where unknown.
	Platform string `json:"platform"`
	// GSD is the ground sample distance in metres a pixel.
	GSD           float64       `json:"gsd"`
	Normalisation Normalisation `json:"normalisation"`
}

// Normalisation is (pixel − mean) / deviation for each band. It is part of the ONNX graph: users pass raw pixels.
type Normalisation struct {
	// Source is platform, or training for the statistics of the training data.
	Source    string    `json:"source"`
	Mean      []float64 `json:"mean"`
	Deviation []float64 `json:"deviation"`
}

// Output is what the network gives.
type Output struct {
	// Name is that of the ONNX graph's output.
	Name string `json:"name"`
	// Shape names the dimensions.
	Shape []string `json:"shape"`
}

// Network describes the structure.
type Network struct {
	// Kind is residual-cnn or u-net.
	Kind string `json:"kind"`
	Size string `json:"size"`
	// Parameters is the number of trained weights.
	Parameters int `json:"parameters"`
}

// Metrics are those of the weights that the model has, unless a name says otherwise.
type Metrics struct {
	// SelectedOn says what chose the weights: validation (the epoch with the least validation loss, so that its figures
	// are a little too good), or lastEpoch.
	SelectedOn string `json:"selectedOn"`
	// Epoch is the chosen one, counted from 1.
	Epoch int `json:"epoch"`
	// Validation is nil where there is no validation data.
	Validation *Evaluation `json:"validation,omitempty"`
	// Training is measured on the training chips as they went by in that epoch.
	Training results.Evaluation `json:"training"`
	// LastEpoch are the figures after the last epoch, whether or not it was chosen.
	LastEpoch LastEpoch `json:"lastEpoch"`
	// OnTraining is measured on the training chips as they are, with the final weights. It is there where no validation
	// data is, for comparison with the baselines.
	OnTraining *results.Evaluation `json:"onTraining,omitempty"`
	// Baselines are what simple methods reach on the same data as the model; BaselinesOn says which that is: validation,
	// or without it training.
	Baselines   map[string]results.Evaluation `json:"baselines"`
	BaselinesOn string                        `json:"baselinesOn"`
}

// What data baselines are measured on.
const (
	OnValidation = "validation"
	OnTraining   = "training"
)

// NormalisedByPlatform is the source of a normalisation by the platform's statistics.
const NormalisedByPlatform = "platform"

// The names of the baselines.
const (
	// BaselineMajority always says the class that is most frequent in the training data.
	BaselineMajority = "majorityClass"
	// BaselineLinear is a linear model on mean and deviation of each band of a chip, or for segmentation on the bands of
	// each pixel.
	BaselineLinear = "linear"
)

// What chose the weights of a model.
const (
	SelectedOnValidation = "validation"
	SelectedLastEpoch    = "lastEpoch"
)

// LastEpoch are the figures of the last epoch.
type LastEpoch struct {
	Epoch      int                 `json:"epoch"`
	Training   results.Evaluation  `json:"training"`
	Validation *results.Evaluation `json:"validation,omitempty"`
}

// Evaluation is measured on data that was kept out of training.
type Evaluation struct {
	results.Evaluation
	// Chips is their number; for classification the same as samples, ignored ones aside.
	Chips int `json:"chips"`
	// Interval95 are 95 % intervals by metric, and Interval95By says in words how they were made. Metrics with too few
	// chips or places for an interval are left out.
	Interval95   map[string]metrics.Interval `json:"interval95,omitempty"`
	Interval95By string                      `json:"interval95By,omitempty"`
	PerClass     []metrics.ClassScores       `json:"perClass"`
	// Confusion has a row for each true class and a column for each predicted one.
	Confusion *metrics.Confusion `json:"confusion"`
}

// Training says where the model came from.
type Training struct {
	// Job is the ID of the job; empty without one.
	Job            string `json:"job,omitempty"`
	TrainingFile   File   `json:"trainingFile"`
	ValidationFile *File  `json:"validationFile,omitempty"`
	// Split says how validation chips were kept aside where there is no validation file.
	Split string `json:"split,omitempty"`
	// Hyperparameters are all that were used, by their names in the TrainingJob; Requested those that were asked for.
	Hyperparameters json.RawMessage `json:"hyperparameters"`
	Requested       json.RawMessage `json:"requested"`
	Seed            int64           `json:"seed"`
	Epochs          int             `json:"epochs"`
	Steps           int             `json:"steps"`
	StoppedEarly    bool            `json:"stoppedEarly,omitempty"`
	// Weights is the SHA-256 of the chosen weights and statistics, in hexadecimal.
	Weights string `json:"weights"`
	// Numerics is the version of the arithmetic: equal versions give equal bytes.
	Numerics int `json:"numerics"`
	// Trainer is the version of the trainer.
	Trainer string `json:"trainer"`
}

// File is a training or validation file.
type File struct {
	// ID is that in storage, or the file's name without a job.
	ID      string `json:"id"`
	SHA256  string `json:"sha256"`
	Bytes   int64  `json:"bytes"`
	Samples int    `json:"samples"`
}

// Part is a file beside the manifest.
type Part struct {
	Name   string `json:"name"`
	Bytes  int    `json:"bytes"`
	SHA256 string `json:"sha256"`
}

// Run is how it went this time.
type Run struct {
	// StartedAt is when this process began, FinishedAt when the model was done (RFC 3339).
	StartedAt  string `json:"startedAt"`
	FinishedAt string `json:"finishedAt"`
	// Seconds is the time of training over all starts, without reading and checking the files.
	Seconds float64 `json:"seconds"`
	// SamplesPerSecond is the mean over all epochs, evaluation included.
	SamplesPerSecond float64 `json:"samplesPerSecond"`
	// Resumed is how often training went on from a checkpoint.
	Resumed int `json:"resumed"`
	// Kernel is what computed: avx512, avx2 or portable. It changes the time only.
	Kernel  string `json:"kernel"`
	Workers int    `json:"workers"`
	Go      string `json:"go"`
	// PeakMemory is the largest resident size of the process in bytes; 0 where unknown.
	PeakMemory int64 `json:"peakMemory"`
}

// Encode gives the bytes of model.json.
func (m *Manifest) Encode() ([]byte, error) {
	data, err := json.MarshalIndent(m, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("encoding model.json: %w", err)
	}
	return append(data, '\n'), nil
}

// Decode reads model.json.
func Decode(data []byte) (*Manifest, error) {
	m := &Manifest{}
	if err := json.Unmarshal(data, m); err != nil {
		return nil, fmt.Errorf("reading model.json: %w", err)
	}
	if m.FormatVersion != FormatVersion {
		return nil, fmt.Errorf("reading model.json: it has format version %d, and this program reads %d", m.FormatVersion, FormatVersion)
	}
	return m, nil
}

// SameModel reports whether two manifests are of the same model: equal in all but Run.
func SameModel(a, b []byte) bool {
	x, err := Decode(a)
	if err != nil {
		return false
	}
	y, err := Decode(b)
	if err != nil {
		return false
	}
	x.Run, y.Run = Run{}, Run{}
	first, err := x.Encode()
	if err != nil {
		return false
	}
	second, err := y.Encode()
	return err == nil && bytes.Equal(first, second)
}
