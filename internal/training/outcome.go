package training

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"runtime"
	"slices"
	"time"

	"github.com/swath-dev/swath/internal/nn"
	"github.com/swath-dev/swath/internal/training/manifest"
	"github.com/swath-dev/swath/internal/training/onnx"
	"github.com/swath-dev/swath/internal/training/report"
	"github.com/swath-dev/swath/internal/training/results"
)

// The names of the files that training leaves, beside those of package report.
const (
	ModelName    = "model.onnx"
	ManifestName = "model.json"
	ResultsName  = "results.csv"
)

// Outcome is what a finished training leaves.
type Outcome struct {
	// Manifest describes the model; its bytes are ManifestBytes.
	Manifest      *manifest.Manifest
	ManifestBytes []byte
	// Parts are the files beside the manifest. They are the same whenever the job is run.
	Parts []report.File
	// Results is the results file.
	Results []byte
	// NewWarnings are those of the manifest that were found after training.
	NewWarnings []string
}

// Finish measures the chosen weights and makes all that training leaves. The loop must have run to its end.
func (s *Session) Finish(ctx context.Context, l *Loop) (*Outcome, error) {
	l.model.CopyFrom(l.chosen)
	computed := l.trainPlan.Config()
	// The rest needs other plans; the memory of this one is theirs.
	l.trainPlan = nil
	m, err := s.manifest(l)
	if err != nil {
		return nil, err
	}
	l.Begin(MeasuringModel)
	in := report.Input{Manifest: m, Rows: l.state.Rows, ClassSamples: s.counts}
	if in.Chips, err = s.measure(ctx, l, m); err != nil {
		return nil, err
	}
	l.Begin(MeasuringBaselines)
	if m.Metrics.Baselines, err = s.baselines(ctx, l); err != nil {
		return nil, err
	}
	m.Warnings = append(m.Warnings, judge(m, s.circumstances(l))...)
	o := &Outcome{Manifest: m, NewWarnings: m.Warnings[len(s.warnings):]}
	l.Begin(WritingReport)
	network, err := s.export(l.model, m)
	if err != nil {
		return nil, err
	}
	files, err := report.Make(in)
	if err != nil {
		return nil, err
	}
	o.Parts = append([]report.File{{Name: ModelName, Content: network}}, files...)
	for _, part := range o.Parts {
		digest := sha256.Sum256(part.Content)
		m.Parts = append(m.Parts, manifest.Part{Name: part.Name, Bytes: len(part.Content), SHA256: hex.EncodeToString(digest[:])})
	}
	s.describeRun(l, m, computed)
	if o.ManifestBytes, err = m.Encode(); err != nil {
		return nil, err
	}
	var rows bytes.Buffer
	if err := results.Write(&rows, l.state.Rows); err != nil {
		return nil, err
	}
	o.Results = rows.Bytes()
	return o, nil
}

// manifest describes the model as far as the loop knows it.
func (s *Session) manifest(l *Loop) (*manifest.Manifest, error) {
	summary := s.report.Training.Summary
	m := &manifest.Manifest{
		FormatVersion: manifest.FormatVersion, ID: s.request.Model, Task: string(s.request.Task), NumClasses: s.settings.NumClasses,
		Input: manifest.Input{
			Name: onnx.InputName, Bands: summary.Bands, Height: summary.Shape[1], Width: summary.Shape[2],
			DivisibleBy: s.graph.Factor(), Platform: summary.Platform, GSD: float64(summary.GSD), Normalisation: s.normalisation(),
		},
		Output:   manifest.Output{Name: onnx.OutputName, Shape: []string{"batch", "classes"}},
		Network:  manifest.Network{Kind: "residual-cnn", Size: s.settings.ModelSize, Parameters: len(l.model.Weights)},
		Warnings: slices.Clone(s.warnings),
	}
	if s.graph.PerPixel() {
		m.Network.Kind = "u-net"
		m.Output.Shape = append(m.Output.Shape, "height", "width")
	}
	last, chosen := l.state.Rows[len(l.state.Rows)-1], l.state.Rows[l.state.Chosen-1]
	m.Metrics = manifest.Metrics{
		SelectedOn: manifest.SelectedLastEpoch, Epoch: chosen.Epoch, Training: chosen.Train, BaselinesOn: manifest.OnTraining,
		LastEpoch: manifest.LastEpoch{Epoch: last.Epoch, Training: last.Train, Validation: last.Valid},
	}
	if l.valid != nil {
		m.Metrics.SelectedOn, m.Metrics.BaselinesOn = manifest.SelectedOnValidation, manifest.OnValidation
	}
	var err error
	m.Training, err = s.origin(l)
	return m, err
}

func (s *Session) normalisation() manifest.Normalisation {
	n := manifest.Normalisation{Source: string(s.report.Normalization.Source)}
	for _, band := range s.report.Normalization.Bands {
		n.Mean, n.Deviation = append(n.Mean, band.Mean), append(n.Deviation, band.Std)
	}
	return n
}

// origin says where the model came from.
func (s *Session) origin(l *Loop) (manifest.Training, error) {
	used, err := json.Marshal(s.settings)
	if err != nil {
		return manifest.Training{}, fmt.Errorf("encoding the hyperparameters: %w", err)
	}
	requested, err := json.Marshal(s.request.Hyperparameters)
	if err != nil {
		return manifest.Training{}, fmt.Errorf("encoding the hyperparameters that were asked for: %w", err)
	}
	t := manifest.Training{
		Job: s.request.Job, TrainingFile: s.file(0), Hyperparameters: used, Requested: requested, Seed: s.settings.Seed,
		Epochs: l.state.Epoch, Steps: l.state.Step, StoppedEarly: l.state.StoppedEarly, Weights: weightsDigest(l.chosen),
		Numerics: nn.NumericsVersion, Trainer: s.request.Trainer,
	}
	if len(s.files) > 1 {
		file := s.file(1)
		t.ValidationFile = &file
	}
	if s.split != nil {
		t.Split = fmt.Sprintf("%d of the %d chips of the training file were kept aside", s.valid.Len(), s.files[0].Len())
		if s.split.Places > 0 {
			t.Split += fmt.Sprintf(", whole places together (%d places)", s.split.Places)
		}
	}
	return t, nil
}

func (s *Session) file(i int) manifest.File {
	return manifest.File{ID: s.files[i].Name(), SHA256: s.digests[i].SHA256, Bytes: s.digests[i].Bytes, Samples: s.files[i].Len()}
}

// export gives the model as ONNX, with what is needed to use it in its metadata.
func (s *Session) export(model *nn.Model, m *manifest.Manifest) ([]byte, error) {
	graph, err := onnx.Export(model, "swath-"+m.Network.Kind)
	if err != nil {
		return nil, fmt.Errorf("exporting the model: %w", err)
	}
	about, err := json.Marshal(struct {
		Task       string         `json:"task"`
		NumClasses int            `json:"numClasses"`
		Input      manifest.Input `json:"input"`
	}{m.Task, m.NumClasses, m.Input})
	if err != nil {
		return nil, fmt.Errorf("describing the model: %w", err)
	}
	return onnx.Marshal(&onnx.Model{
		Producer: "swath", ProducerVersion: s.request.Trainer, Graph: graph, Metadata: []onnx.Metadata{{Key: MetadataKey, Value: string(about)}},
	}), nil
}

// MetadataKey is the key of an ONNX file's metadata under which task, number of classes and input stand as JSON.
const MetadataKey = "swath"

// describeRun fills in what may differ between two runs of the same job.
func (s *Session) describeRun(l *Loop, m *manifest.Manifest, computed nn.PlanConfig) {
	now := s.now().UTC()
	seconds := l.state.Seconds
	chips := float64(l.state.Epoch) * float64(s.train.Len())
	m.Run = manifest.Run{
		StartedAt:  s.began.UTC().Format(time.RFC3339),
		FinishedAt: now.Format(time.RFC3339), Seconds: seconds, Resumed: l.state.Resumed,
		Kernel: computed.Kernels, Workers: computed.Workers, Go: runtime.Version(), PeakMemory: PeakMemory(),
	}
	if seconds > 0 {
		m.Run.SamplesPerSecond = chips / seconds
	}
}
