package training

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"sync"
	"time"

	"github.com/swath-dev/swath/internal/training/manifest"
	"github.com/swath-dev/swath/internal/training/report"
	"github.com/swath-dev/swath/internal/training/results"
)

// Snapshot is how far a training is.
type Snapshot struct {
	Task          Task
	Epoch, Epochs int
	Step, Steps   int
	// Loss is the mean training loss of the epoch under way (of the one before until its first step is done; 0 where nothing
	// is known yet), Rate the learning rate of the last step.
	Loss, Rate float64
	// Last is the row of the last epoch that is done; nil before.
	Last *results.Row
	// SamplesPerSecond counts training chips of the last step.
	SamplesPerSecond float64
	// Left is how long it is expected to take until the model is there; 0 where nothing is known yet.
	Left time.Duration
	// Doing says what is done after the last epoch; empty before.
	Doing string
	// At is when the snapshot was taken.
	At time.Time
}

// Summary says it in a few words, such as "epoch 7/40, mean IoU 0.91".
func (s Snapshot) Summary() string {
	text := fmt.Sprintf("epoch %d/%d", s.Epoch, s.Epochs)
	switch {
	case s.Last == nil:
		return text
	case s.Last.Valid != nil:
		text += ", " + score(string(s.Task), *s.Last.Valid)
	default:
		text += ", " + score(string(s.Task), s.Last.Train)
	}
	if s.Doing != "" {
		text += ", " + s.Doing
	}
	return text
}

// Summary says how a model that is finished turned out, such as "epoch 45/45, mean IoU 0.935 at epoch 33": the score is of
// the epoch whose weights the model has.
func Summary(m *manifest.Manifest) string {
	text := fmt.Sprintf("epoch %d", m.Training.Epochs)
	if planned, err := PlannedOf(m); err == nil {
		text += fmt.Sprintf("/%d", planned.Epochs)
	}
	if m.Training.StoppedEarly {
		text += " (stopped early)"
	}
	figures := m.Metrics.Training
	if m.Metrics.Validation != nil {
		figures = m.Metrics.Validation.Evaluation
	}
	return fmt.Sprintf("%s, %s at epoch %d", text, score(m.Task, figures), m.Metrics.Epoch)
}

// Planned is how much a training was to do. Early stopping may have done less.
type Planned struct{ Epochs, Steps int }

// PlannedOf reads it off a model.
func PlannedOf(m *manifest.Manifest) (Planned, error) {
	var used Settings
	if err := json.Unmarshal(m.Training.Hyperparameters, &used); err != nil {
		return Planned{}, fmt.Errorf("reading the hyperparameters of the model: %w", err)
	}
	p := Planned{Epochs: used.Epochs, Steps: m.Training.Steps}
	if m.Training.Epochs > 0 {
		p.Steps = m.Training.Steps / m.Training.Epochs * used.Epochs
	}
	return p, nil
}

func score(task string, e results.Evaluation) string {
	if report.Score(task) == "meanIoU" {
		return fmt.Sprintf("mean IoU %.3f", e.MeanIoU)
	}
	return fmt.Sprintf("accuracy %.3f", e.Accuracy)
}

// Progress takes snapshots of a loop for those who watch it from other goroutines.
type Progress struct {
	mu        sync.Mutex
	current   Snapshot
	began     time.Time
	beganStep int
	lastStep  time.Time
	lastChips int
	watchers  []func(Snapshot, bool)
	// checkpoint is the step of the newest checkpoint that is stored.
	checkpoint int
	// description is the hyperparameters that are used, as JSON.
	description json.RawMessage
}

// Stored takes down that a checkpoint of that step is stored.
func (p *Progress) Stored(step int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.checkpoint = step
}

// Checkpoint is the step of the newest checkpoint that is stored; 0 for none.
func (p *Progress) Checkpoint() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.checkpoint
}

// Describe sets the hyperparameters that are used, as JSON.
func (p *Progress) Describe(hyperparameters json.RawMessage) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.description = hyperparameters
}

// Description is what Describe has set.
func (p *Progress) Description() json.RawMessage {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.description
}

// Watch calls f after each step, and after each epoch with epoch true, in the goroutine of the loop. Call it before the
// loop runs.
func (p *Progress) Watch(f func(s Snapshot, epoch bool)) { p.watchers = append(p.watchers, f) }

// Snapshot is the newest one.
func (p *Progress) Snapshot() Snapshot {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.current
}

// Start takes the first snapshot, of a loop that is about to run.
func (p *Progress) Start(l *Loop) {
	p.began, p.beganStep, p.lastStep, p.lastChips = l.now(), l.state.Step, l.now(), l.state.Partial.Chips
	p.take(l)
}

// Hook takes a snapshot after each step and epoch.
func (p *Progress) Hook() Hook {
	tell := func(epoch bool) func(context.Context, *Loop) error {
		return func(_ context.Context, l *Loop) error {
			s := p.take(l)
			for _, watch := range p.watchers {
				watch(s, epoch)
			}
			return nil
		}
	}
	finish := func(l *Loop, doing string) {
		s := p.finish(l, doing)
		for _, watch := range p.watchers {
			watch(s, false)
		}
	}
	return Hook{Step: tell(false), Epoch: tell(true), Finish: finish}
}

// finish takes a snapshot of what is done after the last epoch.
func (p *Progress) finish(l *Loop, doing string) Snapshot {
	p.take(l)
	p.mu.Lock()
	defer p.mu.Unlock()
	p.current.Doing, p.current.Left = doing, l.finishing(doing)
	return p.current
}

func (p *Progress) take(l *Loop) Snapshot {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := l.now()
	s := Snapshot{
		Task: l.task, Epoch: l.state.Epoch, Epochs: l.settings.Epochs, Step: l.state.Step, Steps: l.Steps(),
		Loss: p.current.Loss, At: now, SamplesPerSecond: p.current.SamplesPerSecond,
	}
	if l.state.Partial.Weight > 0 {
		s.Loss = l.state.Partial.evaluation().Loss
	}
	if s.Step > 0 {
		s.Rate = l.schedule.rate(s.Step - 1)
	}
	if n := len(l.state.Rows); n > 0 {
		s.Last = &l.state.Rows[n-1]
	}
	if chips := l.state.Partial.Chips - p.lastChips; chips > 0 {
		s.SamplesPerSecond = float64(chips) / max(1e-9, now.Sub(p.lastStep).Seconds())
	}
	p.lastStep, p.lastChips = now, l.state.Partial.Chips
	if done := s.Step - p.beganStep; done > 0 {
		s.Left = multiplied(now.Sub(p.began)/time.Duration(done), s.Steps-s.Step)
		if s.Left <= math.MaxInt64/2 {
			s.Left += l.finishing("")
		}
	}
	if l.state.StoppedEarly || s.Epoch == s.Epochs {
		s.Left = l.finishing("")
	}
	p.current = s
	return s
}
