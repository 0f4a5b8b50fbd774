package training

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/swath-dev/swath/internal/hdf5"
	"github.com/swath-dev/swath/internal/nn"
	"github.com/swath-dev/swath/internal/training/checkpoint"
)

// all is everything that a training leaves, times aside: results, weights, and the files of the model.
func all(t *testing.T, s *Session, l *Loop) map[string]string {
	t.Helper()
	o, err := s.Finish(t.Context(), l)
	if err != nil {
		t.Fatal(err)
	}
	left := map[string]string{"results and weights": withoutTimes(l)}
	for _, part := range o.Parts {
		left[part.Name] = string(part.Content)
	}
	return left
}

// same fails the test where a training left other bytes than another.
func same(t *testing.T, what string, got, want map[string]string) {
	t.Helper()
	for name := range want {
		if got[name] != want[name] {
			t.Errorf("%s: %s differs", what, name)
		}
	}
	if len(got) != len(want) {
		t.Errorf("%s: there are %d files, want %d", what, len(got), len(want))
	}
}

// useKernels makes kernels those of all plans and optimisers, for a test.
func useKernels(t *testing.T, name string) {
	t.Helper()
	before := nn.KernelName()
	err := nn.UseKernels(name)
	if errors.Is(err, nn.ErrKernels) {
		t.Skipf("this machine has no %s kernels", name)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = nn.UseKernels(before) })
}

func TestWorkersAndKernelsChangeNothing(t *testing.T) {
	for _, task := range []Task{Classification, Segmentation} {
		run := func(t *testing.T, workers int) map[string]string {
			s := prepare(t, task, `{"numClasses": 3, "epochs": 1}`)
			s.request.Workers = workers
			l := loop(t, s)
			if err := l.Run(t.Context()); err != nil {
				t.Fatal(err)
			}
			return all(t, s, l)
		}
		want := run(t, 1)
		for _, workers := range []int{2, 3} {
			same(t, fmt.Sprintf("%s with %d workers", task, workers), run(t, workers), want)
		}
		// Portable code takes minutes; package nn compares it with the others.
		for _, kernels := range []string{"avx512", "avx2"} {
			t.Run(string(task)+" with "+kernels, func(t *testing.T) {
				useKernels(t, kernels)
				same(t, kernels, run(t, 2), want)
			})
		}
	}
}

// limited is a session that has just the memory that training needs: chips are read from the file again in each epoch.
func limited(t *testing.T, s *Session) *Session {
	t.Helper()
	need, err := s.Memory()
	if err != nil {
		t.Fatal(err)
	}
	s.request.MemoryLimit = need
	return s
}

// Chunks of one chip are streamed chip by chip, larger ones in windows.
func TestMemoryChangesNothing(t *testing.T) {
	for name, store := range map[string]hdf5.WriterOptions{
		"chunks of one chip":    hdf5.GuideOptions,
		"chunks of seven chips": {SamplesPerChunk: 7, Deflate: 1},
		"without chunks":        {},
	} {
		t.Run(name, func(t *testing.T) {
			path := chips{task: Segmentation, n: 60, side: 8, count: 3, store: store}.write(t)
			prepared := func() *Session {
				return session(t, Segmentation, path, `{"numClasses": 3, "epochs": 3, "batchSize": 8}`)
			}
			s := prepared()
			l := loop(t, s)
			if !l.train.loader.InMemory() {
				t.Fatal("the chips are not kept in memory though there is room")
			}
			if err := l.Run(t.Context()); err != nil {
				t.Fatal(err)
			}
			want := all(t, s, l)
			s = limited(t, prepared())
			l = loop(t, s)
			if l.train.loader.InMemory() || l.valid.loader.InMemory() {
				t.Fatal("the chips are kept in memory though there is no room")
			}
			if err := l.Run(t.Context()); err != nil {
				t.Fatal(err)
			}
			same(t, "streamed", all(t, s, l), want)
			// Begun with room for the chips, gone on without, and the other way round.
			for _, step := range []int{1, 7, 11} {
				first, second := prepared(), limited(t, prepared())
				same(t, "streamed after an interruption", interruptedBetween(t, first, second, step), want)
				same(t, "in memory after an interruption", interruptedBetween(t, limited(t, prepared()), prepared(), step), want)
			}
		})
	}
}

// interruptedBetween trains in one session until a step is done, and goes on in another.
func interruptedBetween(t *testing.T, first, second *Session, step int) map[string]string {
	t.Helper()
	store := checkpoint.Folder(t.TempDir())
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	stop := Hook{Step: func(_ context.Context, l *Loop) error {
		if l.state.Step == step {
			cancel()
		}
		return nil
	}}
	fail := func(text string) { t.Error(text) }
	if err := loop(t, first, stop, NewCheckpoints(store, time.Hour, fail).Hook()).Run(ctx); !errors.Is(err, ErrInterrupted) {
		t.Fatalf("error %v, want %v", err, ErrInterrupted)
	}
	l := loop(t, second)
	if at, err := NewCheckpoints(store, time.Hour, fail).Resume(t.Context(), l); at != step || err != nil {
		t.Fatalf("resumed at step %d, want %d (%v)", at, step, err)
	}
	if err := l.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	return all(t, second, l)
}
