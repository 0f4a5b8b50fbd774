package training

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/swath-dev/swath/internal/hdf5"
	"github.com/swath-dev/swath/internal/training/checkpoint"
)

// countdown is a context that ends when it has been looked at so many times: an interruption at any place where training
// looks whether it is to stop, also within the end of an epoch and after the last one.
type countdown struct {
	context.Context
	cancel context.CancelFunc
	left   int
}

func newCountdown(t *testing.T, looks int) *countdown {
	ctx, cancel := context.WithCancel(t.Context())
	t.Cleanup(cancel)
	return &countdown{ctx, cancel, looks}
}

func (c *countdown) Err() error {
	if c.left--; c.left < 0 {
		c.cancel()
	}
	return c.Context.Err()
}

// runUntil trains and finishes, from the last checkpoint on, in a loop of its own; done is false where it was interrupted.
func runUntil(ctx context.Context, t *testing.T, s *Session, store checkpoint.Store) (left map[string]string, done bool) {
	t.Helper()
	checkpoints := NewCheckpoints(store, time.Hour, failOn(t))
	l := loop(t, s, checkpoints.Hook())
	if _, err := checkpoints.Resume(t.Context(), l); err != nil {
		t.Fatal(err)
	}
	err := l.Run(ctx)
	if err == nil {
		var o *Outcome
		if o, err = s.Finish(ctx, l); err == nil {
			left = map[string]string{"results and weights": withoutTimes(l)}
			for _, part := range o.Parts {
				left[part.Name] = string(part.Content)
			}
			return left, true
		}
		if ctx.Err() == nil {
			t.Fatal(err)
		}
		err = l.Interrupt(ctx)
	}
	if !errors.Is(err, ErrInterrupted) {
		t.Fatal(err)
	}
	return nil, false
}

func TestInterruptedAnywhereATrainingEndsTheSame(t *testing.T) {
	cases := map[string]struct {
		task            Task
		hyperparameters string
		stream          bool
	}{
		"classification with validation":     {Classification, `{"epochs": 2, "batchSize": 16, "validationFraction": 0.25, "earlyStoppingPatience": 1}`, false},
		"segmentation, streamed in windows":  {Segmentation, `{"numClasses": 2, "epochs": 2, "batchSize": 16, "validationFraction": 0.25}`, true},
		"classification, nothing to measure": {Classification, `{"epochs": 2, "batchSize": 16, "validationFraction": 0}`, false},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			path := chips{task: c.task, n: 64, side: 8, count: 2, store: hdf5.WriterOptions{SamplesPerChunk: 5, Deflate: 1}}.write(t)
			s := session(t, c.task, path, c.hyperparameters)
			if c.stream {
				limited(t, s)
			}
			whole := newCountdown(t, 1<<30)
			want, _ := runUntil(whole, t, s, checkpoint.Folder(t.TempDir()))
			looks := 1<<30 - whole.left
			t.Logf("training looks %d times whether it is to stop", looks)
			for at := 0; at < looks; at += 1 + max(0, at-20)/2 {
				store := checkpoint.Folder(t.TempDir())
				if _, done := runUntil(newCountdown(t, at), t, s, store); done {
					t.Fatalf("it was not interrupted at look %d of %d", at, looks)
				}
				got, done := runUntil(t.Context(), t, s, store)
				if !done {
					t.Fatal("it did not come to its end")
				}
				if same(t, name, got, want); t.Failed() {
					t.Fatalf("interrupted at look %d of %d", at, looks)
				}
			}
		})
	}
}
