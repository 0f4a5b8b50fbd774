package training

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/swath-dev/swath/internal/dataset"
	"github.com/swath-dev/swath/internal/nn"
	"github.com/swath-dev/swath/internal/training/manifest"
	"github.com/swath-dev/swath/internal/training/metrics"
)

// File is a training or validation file of a request.
type File struct {
	// Path is where it is, Name what messages and the manifest call it.
	Path, Name string
	// SHA256 and Bytes are those of its content where they are known already; else they are computed.
	SHA256 string
	Bytes  int64
}

// Request is what is to be trained.
type Request struct {
	Task     Task
	Training File
	// Validation has an empty path where there is no validation file.
	Validation      File
	Hyperparameters Hyperparameters
	// Job is the ID of the job, Model that of its model; empty without a job.
	Job, Model string
	// MemoryLimit is how many bytes the process may use; 0 stands for [MemoryLimit].
	MemoryLimit int64
	// Workers changes the time only; see nn.PlanConfig.
	Workers int
	// Trainer is the version of the program.
	Trainer string
}

// Session is a request whose files are valid and whose hyperparameters are chosen. Close it when done.
type Session struct {
	request  Request
	report   *dataset.Report
	settings Settings
	graph    *nn.Graph
	files    []*dataset.File
	digests  []fileDigest
	train    *dataset.View
	valid    *dataset.View
	split    *dataset.Split
	counts   []int64
	warnings []string
	now      func() time.Time
	began    time.Time
}

type fileDigest struct {
	SHA256 string `json:"sha256"`
	Bytes  int64  `json:"bytes"`
}

// Prepare validates the files and chooses the hyperparameters. Mistakes of the user are *UsageError and
// *dataset.InvalidError.
func Prepare(ctx context.Context, r Request) (_ *Session, err error) {
	if err := r.Hyperparameters.Check(); err != nil {
		return nil, err
	}
	if r.MemoryLimit == 0 {
		r.MemoryLimit = MemoryLimit()
	}
	s := &Session{request: r, now: time.Now, began: time.Now()}
	defer func() {
		if err != nil {
			s.Close()
		}
	}()
	if s.report, err = dataset.Validate(ctx, r.validation()); err != nil {
		return nil, err
	}
	s.warnings = append(s.warnings, s.report.Warnings...)
	size := DataSize{
		Samples: s.report.Training.Samples, Side: s.report.Training.Shape[1], Classes: s.report.NumClasses, HasValidation: s.report.Validation != nil,
	}
	if s.settings, err = Resolve(r.Hyperparameters, r.Task, size); err != nil {
		return nil, err
	}
	if size.HasValidation && r.Hyperparameters.ValidationFraction != nil && *r.Hyperparameters.ValidationFraction > 0 {
		s.warnings = append(s.warnings, "validationFraction is not used: there is a validation file")
	}
	if asked := r.Hyperparameters.BatchSize; asked != nil && *asked < s.settings.BatchSize {
		s.warnings = append(s.warnings, fmt.Sprintf("batchSize %d is used in place of %d: batch norm learns nothing from one chip at a time",
			s.settings.BatchSize, *asked))
	}
	if err := s.open(ctx); err != nil {
		return nil, err
	}
	s.graph, err = NewGraph(r.Task, s.settings.ModelSize, len(s.report.Training.Bands), size.Side, s.settings.NumClasses)
	return s, err
}

func (r Request) validation() dataset.ValidateOptions {
	o := dataset.ValidateOptions{
		Task: r.Task, IgnoreLabel: wide(r.Hyperparameters.IgnoreLabel), NumClasses: or(r.Hyperparameters.NumClasses, 0),
		TrainingFile: r.Training.Path, TrainingName: r.Training.Name,
		ValidationFile: r.Validation.Path, ValidationName: r.Validation.Name,
	}
	return o
}

// open opens the files, takes their digests and splits the training file where there is no other.
func (s *Session) open(ctx context.Context) error {
	for _, file := range []File{s.request.Training, s.request.Validation} {
		if file.Path == "" {
			continue
		}
		opened, err := dataset.OpenNamed(file.Path, file.Name)
		if err != nil {
			return err
		}
		s.files = append(s.files, opened)
		digest := fileDigest{file.SHA256, file.Bytes}
		if digest.SHA256 == "" {
			if digest.SHA256, digest.Bytes, err = dataset.FileDigest(ctx, file.Path); err != nil {
				return err
			}
		}
		s.digests = append(s.digests, digest)
	}
	s.train, s.counts = s.files[0].All(), s.report.Training.Classes
	if len(s.files) > 1 {
		s.valid = s.files[1].All()
		return nil
	}
	if s.settings.ValidationFraction == 0 {
		return nil
	}
	return s.setAside()
}

// setAside splits the training file. Where nobody asked for a fraction, samples that are too few to split are all trained
// on.
func (s *Session) setAside() error {
	split, err := s.report.Split(s.files[0], dataset.SplitOptions{Fraction: s.settings.ValidationFraction, Seed: uint64(s.settings.Seed)})
	var invalid *dataset.InvalidError
	if errors.As(err, &invalid) && invalid.Rule == dataset.RuleSplit && s.request.Hyperparameters.ValidationFraction == nil {
		s.settings.ValidationFraction = 0
		s.warnings = append(s.warnings, "no samples are set aside for validation, since there are too few different ones of each class, "+
			"so nothing says how good the model is on data that it does not know; give a validation file")
		return nil
	}
	if err != nil {
		return err
	}
	s.split, s.train, s.valid, s.counts = split, split.Training, split.Validation, split.TrainingClasses
	s.warnings = append(s.warnings, split.Warnings...)
	return nil
}

// Close closes the files.
func (s *Session) Close() {
	for _, file := range s.files {
		_ = file.Close()
	}
}

// Settings are the hyperparameters that are used.
func (s *Session) Settings() Settings { return s.settings }

// Report is what validation found in the files.
func (s *Session) Report() *dataset.Report { return s.report }

// Warnings are what the user should know though all is well.
func (s *Session) Warnings() []string { return s.warnings }

// Files are the training file and, if there is one, the validation file.
func (s *Session) Files() []manifest.File {
	var files []manifest.File
	for i := range s.files {
		files = append(files, s.file(i))
	}
	return files
}

// Digest is the SHA-256 of the training file, or of the validation file, which is empty without one.
func (s *Session) Digest(validation bool) string {
	switch {
	case !validation:
		return s.digests[0].SHA256
	case len(s.digests) > 1:
		return s.digests[1].SHA256
	}
	return ""
}

// identity names the training: whatever changes the weights is in it.
func (s *Session) identity() (string, error) {
	text, err := json.Marshal(struct {
		Task          Task                  `json:"task"`
		Files         []fileDigest          `json:"files"`
		Settings      Settings              `json:"settings"`
		Normalization dataset.Normalization `json:"normalization"`
		KeptAside     string                `json:"keptAside"`
		Numerics      int                   `json:"numerics"`
		Network       int                   `json:"network"`
		Augment       int                   `json:"augment"`
		// Excluded is left out where no class is, so that checkpoints of earlier trainers still count.
		Excluded *int `json:"excluded,omitempty"`
	}{
		s.request.Task, s.digests, s.settings, s.report.Normalization, s.keptAside(), nn.NumericsVersion, networkVersion, augmentVersion,
		s.excluded(),
	})
	if err != nil {
		return "", fmt.Errorf("naming the training: %w", err)
	}
	digest := sha256.Sum256(text)
	return hex.EncodeToString(digest[:]), nil
}

// keptAside names the chips of the training file that validation has; empty where the file is not split.
func (s *Session) keptAside() string {
	if s.split == nil {
		return ""
	}
	digest := sha256.New()
	for i := range s.valid.Len() {
		fmt.Fprintln(digest, s.valid.Sample(i))
	}
	return hex.EncodeToString(digest.Sum(nil))
}

// networkVersion changes when [NewGraph] or the loop make another model of the same settings.
const networkVersion = 2

// Loop makes the loop that trains. It takes all the memory that training needs.
func (s *Session) Loop(ctx context.Context, hooks ...Hook) (*Loop, error) {
	budget, err := s.cacheBudget()
	if err != nil {
		return nil, err
	}
	l := &Loop{task: s.request.Task, settings: s.settings, hooks: hooks, now: s.now, loss: s.loss()}
	if l.train, err = newSource(ctx, s.train, s.settings, s.settings.BatchSize, budget); err != nil {
		return nil, err
	}
	largest := l.train.loader.MaxBatch()
	if s.valid != nil {
		if l.train.loader.InMemory() {
			budget -= s.train.DecodedBytes()
		}
		if l.valid, err = newSource(ctx, s.valid, s.settings, s.settings.BatchSize, budget); err != nil {
			return nil, err
		}
		largest = max(largest, l.valid.loader.MaxBatch())
	}
	l.loss.ClassWeights = s.classWeights()
	side := s.report.Training.Shape[1]
	l.side = side
	l.augmenter = newAugmenter(s.settings.Augmentation, s.settings.Seed, side, s.graph.Bands)
	l.predicted = make([]uint8, largest*l.train.labelsPerChip)
	l.state.Partial.Confusion = metrics.NewConfusion(s.settings.NumClasses)
	if l.state.Identity, err = s.identity(); err != nil {
		return nil, err
	}
	return l, s.build(l, largest, side)
}

// build makes the model and its plans.
func (s *Session) build(l *Loop, largest, side int) error {
	var err error
	if l.model, err = s.newModel(s.graph); err != nil {
		return err
	}
	if l.chosen, err = s.newModel(s.graph); err != nil {
		return err
	}
	l.optimizer = nn.NewAdamW(l.model, nn.AdamWConfig{WeightDecay: s.settings.WeightDecay})
	if l.trainPlan, err = nn.NewPlan(l.model, s.planConfig(nn.Train, l.train.loader.MaxBatch(), side)); err != nil {
		return err
	}
	if l.inferPlan, err = nn.NewPlan(l.model, s.planConfig(nn.Infer, largest, side)); err != nil {
		return err
	}
	l.schedule = newSchedule(s.settings, l.Steps())
	return nil
}

func (s *Session) planConfig(mode nn.Mode, chips, side int) nn.PlanConfig {
	return nn.PlanConfig{Mode: mode, MaxBatch: chips, Height: side, Width: side, Workers: s.request.Workers}
}

// excluded is the class that the model never answers, since its number is the ignored label; nil where there is none.
func (s *Session) excluded() *int {
	if label := s.settings.IgnoreLabel; label != nil && *label < s.settings.NumClasses {
		return label
	}
	return nil
}

// newModel makes a model with the normalisation that validation decided on.
func (s *Session) newModel(graph *nn.Graph) (*nn.Model, error) {
	m := nn.NewModel(graph, uint64(s.settings.Seed))
	var mean, deviation []float32
	for _, band := range s.report.Normalization.Bands {
		mean, deviation = append(mean, float32(band.Mean)), append(deviation, float32(band.Std))
	}
	if err := m.SetNormalisation(mean, deviation); err != nil {
		return nil, err
	}
	if class := s.excluded(); class != nil {
		m.Exclude(*class)
	}
	return m, nil
}

// Made reports whether a model was made by what this session would do: the same data and hyperparameters, by the same
// trainer.
func (s *Session) Made(m *manifest.Manifest) bool {
	used, err := json.Marshal(s.settings)
	if err != nil {
		return false
	}
	var compact bytes.Buffer
	if err := json.Compact(&compact, m.Training.Hyperparameters); err != nil {
		return false
	}
	valid := ""
	if m.Training.ValidationFile != nil {
		valid = m.Training.ValidationFile.SHA256
	}
	return m.Task == string(s.request.Task) && bytes.Equal(used, compact.Bytes()) && m.Training.Job == s.request.Job &&
		m.Training.TrainingFile.SHA256 == s.Digest(false) && valid == s.Digest(true) &&
		m.Training.Numerics == nn.NumericsVersion && m.Training.Trainer == s.request.Trainer
}
