package training

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/swath-dev/swath/internal/dataset"
	"github.com/swath-dev/swath/internal/training/checkpoint"
	"github.com/swath-dev/swath/internal/training/manifest"
	"github.com/swath-dev/swath/internal/training/results"
)

const olinda = "../../test/testdata/olinda/landcover-"

// prepare makes a session on the Olinda files of a task, with a validation file unless the hyperparameters split.
func prepare(t *testing.T, task Task, hyperparameters string) *Session {
	t.Helper()
	h, err := ParseHyperparameters(hyperparameters)
	if err != nil {
		t.Fatal(err)
	}
	r := Request{Task: task, Training: File{Path: olinda + string(task) + "-train.h5", Name: "train"}, Hyperparameters: h, Trainer: "test"}
	if h.ValidationFraction == nil {
		r.Validation = File{Path: olinda + string(task) + "-validation.h5", Name: "validation"}
	}
	s, err := Prepare(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

// train runs a session to its end.
func train(t *testing.T, s *Session, hooks ...Hook) (*Loop, *Outcome) {
	t.Helper()
	l, err := s.Loop(t.Context(), hooks...)
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	o, err := s.Finish(t.Context(), l)
	if err != nil {
		t.Fatal(err)
	}
	return l, o
}

// withoutTimes is all of a training that must be the same whenever it is run.
func withoutTimes(l *Loop) string {
	rows := slices.Clone(l.state.Rows)
	for i := range rows {
		rows[i].Seconds, rows[i].SamplesPerSecond = 0, 0
	}
	var text strings.Builder
	if err := results.Write(&text, rows); err != nil {
		return err.Error()
	}
	return text.String() + weightsDigest(l.chosen) + fmt.Sprint(l.state.Chosen)
}

// interruptedAt trains with interruptions after the given numbers of steps, each time in a loop of its own that goes on
// from the checkpoint, as after the end of a process.
func interruptedAt(t *testing.T, s *Session, steps ...int) *Loop {
	t.Helper()
	store := checkpoint.Folder(t.TempDir())
	for _, at := range append(steps, math.MaxInt) {
		ctx, cancel := context.WithCancel(t.Context())
		stop := Hook{Step: func(_ context.Context, l *Loop) error {
			if l.state.Step >= at {
				cancel()
			}
			return nil
		}}
		checkpoints := NewCheckpoints(store, time.Hour, func(text string) { t.Error(text) })
		l, err := s.Loop(ctx, stop, checkpoints.Hook())
		if err != nil {
			t.Fatal(err)
		}
		if _, err := checkpoints.Resume(ctx, l); err != nil {
			t.Fatal(err)
		}
		err = l.Run(ctx)
		cancel()
		switch {
		case err == nil:
			return l
		case !errors.Is(err, ErrInterrupted):
			t.Fatal(err)
		}
	}
	t.Fatal("training did not end")
	return nil
}

func TestResumeIsExactAtEveryStep(t *testing.T) {
	s := prepare(t, Classification, `{"epochs": 3}`)
	l, err := s.Loop(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	want := withoutTimes(l)
	for step := 1; step <= l.Steps(); step++ {
		if got := withoutTimes(interruptedAt(t, s, step)); got != want {
			t.Fatalf("interrupted after step %d the training ended with\n%s\nwant\n%s", step, got, want)
		}
	}
	all := make([]int, l.Steps())
	for i := range all {
		all[i] = i + 1
	}
	if got := withoutTimes(interruptedAt(t, s, all...)); got != want {
		t.Fatalf("interrupted after each step the training ended with\n%s\nwant\n%s", got, want)
	}
}

// Patience, chosen weights, an ignored label, class weights and a split are parts of the state, too.
func TestResumeIsExactWithEverythingAskedFor(t *testing.T) {
	cases := map[string]struct {
		task            Task
		hyperparameters string
		steps           []int
	}{
		"early stopping": {Classification, `{"epochs": 60, "earlyStoppingPatience": 2, "learningRate": 0.02}`, []int{13, 30}},
		"all the rest": {
			Segmentation,
			`{"numClasses": 3, "epochs": 2, "loss": "focal", "classWeights": "balanced", "ignoreLabel": 1, "validationFraction": 0.3, "batchSize": 8}`,
			[]int{5, 14, 15},
		},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			s := prepare(t, c.task, c.hyperparameters)
			l, err := s.Loop(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if err := l.Run(t.Context()); err != nil {
				t.Fatal(err)
			}
			if want, got := withoutTimes(l), withoutTimes(interruptedAt(t, s, c.steps...)); got != want {
				t.Errorf("interrupted it ended with\n%s\nwant\n%s", got, want)
			}
		})
	}
}

func TestALossThatIsNotFiniteSaysWhere(t *testing.T) {
	s := prepare(t, Classification, `{"epochs": 30, "learningRate": 1, "weightDecay": 10}`)
	// A weight that is not a number stands for an explosion, which clipping and batch norm make hard to provoke.
	explode := Hook{Step: func(_ context.Context, l *Loop) error {
		if l.state.Step == 4 {
			l.model.Weights[0] = float32(math.Inf(1))
		}
		return nil
	}}
	l, err := s.Loop(t.Context(), explode)
	if err != nil {
		t.Fatal(err)
	}
	err = l.Run(t.Context())
	var notFinite *NotFiniteError
	if !errors.As(err, &notFinite) || notFinite.Step != 5 || !strings.Contains(err.Error(), "at step 5 (epoch 1) with learning rate") {
		t.Errorf("error %v, want the step and the learning rate", err)
	}
}

// Weights that are huge behind a batch norm that is tiny give a loss that is a number, but no gradient.
func TestAGradientThatIsNotFiniteIsNotCalledALoss(t *testing.T) {
	s := prepare(t, Segmentation, `{"numClasses": 3, "epochs": 1}`)
	explode := Hook{Step: func(_ context.Context, l *Loop) error {
		for i, p := range l.model.Graph.Params {
			for k := range l.model.Params[i] {
				switch p.Name {
				case "logits.weight":
					l.model.Params[i][k] = 3e38 * float32(1-2*(k%2))
				case "up0.second.norm.weight":
					l.model.Params[i][k] = 2e-38
				case "up0.second.norm.bias":
					l.model.Params[i][k] = 0
				case "up0.second.conv.weight":
					l.model.Params[i][k] *= 1e14
				}
			}
		}
		return nil
	}}
	err := loop(t, s, explode).Run(t.Context())
	var notFinite *NotFiniteError
	if !errors.As(err, &notFinite) || !strings.HasPrefix(err.Error(), "the gradient is not finite at step 2 (epoch 1) with learning rate") {
		t.Errorf("error %v, want one that names the gradient", err)
	}
}

func TestTheOutcomeIsRepeatable(t *testing.T) {
	for _, task := range []Task{Classification, Segmentation} {
		t.Run(string(task), func(t *testing.T) {
			run := func() *Outcome {
				_, o := train(t, prepare(t, task, `{"numClasses": 3, "epochs": 2}`))
				return o
			}
			a, b := run(), run()
			for i, part := range a.Parts {
				if string(part.Content) != string(b.Parts[i].Content) {
					t.Errorf("part %s differs between two runs", part.Name)
				}
			}
			if !manifest.SameModel(a.ManifestBytes, b.ManifestBytes) {
				t.Error("the manifests differ in more than the block of this run")
			}
		})
	}
}

func TestTheLeastValidationLossIsChosen(t *testing.T) {
	l, o := train(t, prepare(t, Classification, `{"epochs": 12, "learningRate": 0.02}`))
	best := slices.MinFunc(l.state.Rows, func(a, b results.Row) int {
		if a.Valid.Loss != b.Valid.Loss {
			return int(math.Copysign(1, a.Valid.Loss-b.Valid.Loss))
		}
		return b.Epoch - a.Epoch
	})
	m := o.Manifest.Metrics
	if m.Epoch != best.Epoch || m.SelectedOn != manifest.SelectedOnValidation || m.LastEpoch.Epoch != 12 {
		t.Errorf("epoch %d was chosen on %s, want %d on validation", m.Epoch, m.SelectedOn, best.Epoch)
	}
	if m.Validation.Evaluation != *best.Valid {
		t.Errorf("the model's figures are %+v, those of its epoch were %+v", m.Validation.Evaluation, *best.Valid)
	}
}

func TestWithoutValidationTheLastEpochIsTaken(t *testing.T) {
	l, o := train(t, prepare(t, Classification, `{"epochs": 2, "validationFraction": 0}`))
	m := o.Manifest.Metrics
	if m.SelectedOn != manifest.SelectedLastEpoch || m.Epoch != 2 || m.Validation != nil || l.state.Rows[0].Valid != nil {
		t.Errorf("got %+v", m)
	}
}

func TestASplitIsSaid(t *testing.T) {
	_, o := train(t, prepare(t, Classification, `{"epochs": 1, "validationFraction": 0.25}`))
	if !strings.Contains(o.Manifest.Training.Split, "of the 284 chips") || o.Manifest.Metrics.Validation.Chips < 60 {
		t.Errorf("split %q, %d validation chips", o.Manifest.Training.Split, o.Manifest.Metrics.Validation.Chips)
	}
}

func TestTooLittleMemoryIsFoundBeforeTraining(t *testing.T) {
	s := prepare(t, Segmentation, `{"numClasses": 3, "modelSize": "large"}`)
	s.request.MemoryLimit = 64 << 20
	_, err := s.Loop(t.Context())
	var memory *MemoryError
	if !errors.As(err, &memory) || memory.Need <= memory.Limit {
		t.Errorf("error %v, want one that says how much memory is needed", err)
	}
}

func TestBrokenFilesAreTheUsersMistake(t *testing.T) {
	_, err := Prepare(t.Context(), Request{Task: Classification, Training: File{Path: "../../test/testdata/hdf5/r_nan_pixel.h5", Name: "file-x"}})
	var invalid *dataset.InvalidError
	if !errors.As(err, &invalid) || !strings.HasPrefix(err.Error(), "file-x: sample 4: ") {
		t.Errorf("error %v, want the file's name and the sample", err)
	}
}
