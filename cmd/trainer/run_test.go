package main

import (
	"context"
	"fmt"
	"io"
	"math"
	"path/filepath"
	"runtime/debug"
	"strings"
	"testing"
	"time"

	"github.com/swath-dev/swath/internal/contract"
	"github.com/swath-dev/swath/internal/dataset"
	"github.com/swath-dev/swath/internal/storage"
	"github.com/swath-dev/swath/internal/training"
	"github.com/swath-dev/swath/internal/training/checkpoint"
)

// silent is a watcher that remembers where training went on.
type silent struct{ at int }

func (s *silent) resumed(step int)              { s.at = step }
func (s *silent) watch(training.Snapshot, bool) {}

// shortRun is a run of two epochs with checkpoints in a folder, of which none is due before its end.
func shortRun(t *testing.T, folder checkpoint.Folder, storeTime time.Duration) (*trainingRun, *silent) {
	t.Helper()
	epochs := 2
	session, err := training.Prepare(t.Context(), training.Request{
		Task: dataset.Classification, Training: localFile(olinda + "classification-train.h5"), Trainer: "test",
		Hyperparameters: training.Hyperparameters{Epochs: &epochs},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(session.Close)
	checkpoints := training.NewCheckpoints(folder, time.Hour, func(text string) { t.Error(text) })
	watcher := &silent{}
	o := &stageOptions{log: newStageLog(io.Discard), storeTime: storeTime}
	return &trainingRun{
		session: session, checkpoints: checkpoints, progress: &training.Progress{}, watcher: watcher, read: o.reading, store: o.storing,
	}, watcher
}

// A model that is trained and cannot be stored is not trained again: the next start finds all of it done.
func TestWhereTrainingStandsIsSavedBeforeTheEnd(t *testing.T) {
	gone := fmt.Errorf("storing the model: %w", storage.ErrUnavailable)
	cases := map[string]struct {
		storeTime time.Duration
		commit    func(stop context.CancelFunc) error
		code      int
	}{
		"storage stays away":              {0, func(context.CancelFunc) error { return gone }, contract.ExitStorage},
		"the bucket is full":              {0, func(context.CancelFunc) error { return storage.ErrFull }, contract.ExitDiskFull},
		"storage refuses access":          {0, func(context.CancelFunc) error { return storage.ErrDenied }, contract.ExitDenied},
		"another start removed something": {0, func(context.CancelFunc) error { return storage.ErrNotFound }, contract.ExitStorage},
		"told to stop while it is stored": {time.Hour, func(stop context.CancelFunc) error { stop(); return context.Canceled }, contract.ExitInterrupted},
		"told to stop while it waits":     {time.Hour, func(stop context.CancelFunc) error { stop(); return gone }, contract.ExitInterrupted},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			folder := checkpoint.Folder(t.TempDir())
			ctx, stop := context.WithCancel(t.Context())
			defer stop()
			run, _ := shortRun(t, folder, c.storeTime)
			_, err := run.do(ctx, func(context.Context, *training.Outcome) error { return c.commit(stop) })
			if code := exitCode(err); err == nil || code != c.code {
				t.Fatalf("it ended with %d (%v), want %d", code, err, c.code)
			}
			again, watcher := shortRun(t, folder, c.storeTime)
			stored := 0
			outcome, err := again.do(t.Context(), func(context.Context, *training.Outcome) error { stored++; return nil })
			if err != nil || stored != 1 {
				t.Fatalf("stored %d times (%v)", stored, err)
			}
			if watcher.at != outcome.Manifest.Training.Steps {
				t.Errorf("it went on at step %d of %d, want the last", watcher.at, outcome.Manifest.Training.Steps)
			}
		})
	}
}

func TestStoringIsTriedForAsLongAsItIsWorthWhile(t *testing.T) {
	o := &stageOptions{log: newStageLog(io.Discard), storeTime: time.Hour}
	tries := 0
	err := o.storing(t.Context(), "storing the model", func() error {
		if tries++; tries < 2 {
			return storage.ErrUnavailable
		}
		return nil
	})
	if err != nil || tries != 2 {
		t.Errorf("%d tries (%v), want 2", tries, err)
	}
	if retryStoring < 6*time.Hour {
		t.Errorf("a model is given up after %v", retryStoring)
	}
}

func TestTheMemoryLimitIsKeptThoughNobodySaysIt(t *testing.T) {
	defer debug.SetMemoryLimit(debug.SetMemoryLimit(-1))
	debug.SetMemoryLimit(math.MaxInt64)
	keepMemory(0)
	if got, most := debug.SetMemoryLimit(-1), training.MemoryLimit(); got > most || got < most/2 {
		t.Errorf("Go collects at %d bytes, the process may use %d", got, most)
	}
	keepMemory(1 << 30)
	if got := debug.SetMemoryLimit(-1); got > 1<<30 || got < 1<<29 {
		t.Errorf("Go collects at %d bytes, the process may use %d", got, 1<<30)
	}
}

// Weight decay that is multiplied by the rate makes weights grow where it is above 2.
func TestALossThatIsNotFiniteEndsTheStageForGood(t *testing.T) {
	p := newPod(t)
	code, m := p.stage(t, contract.StageTrain, append(bothFiles, "--hyperparameters", `{"epochs": 60, "learningRate": 1, "weightDecay": 10}`)...)
	if code != contract.ExitNotFinite || !contract.Final(int32(code)) {
		t.Errorf("it ended with %d, want %d, which is not tried again", code, contract.ExitNotFinite)
	}
	for _, want := range []string{"is not finite at step ", "(epoch ", "with learning rate 0.", "; try a lower learningRate"} {
		if !strings.Contains(m.Error, want) {
			t.Errorf("the sentence %q lacks %q", m.Error, want)
		}
	}
}

// A start that goes wrong must not hide what the one before it wrote.
func TestEachStartKeepsItsLog(t *testing.T) {
	p := newPod(t)
	if code, m := p.stage(t, contract.StageTrain, append(bothFiles, "--training-digest", strings.Repeat("0", 64))...); code != contract.ExitChangedFile {
		t.Fatalf("it ended with %d: %s", code, m.Error)
	}
	if code, _, stderr := execute(t, append([]string{
		"stage", "train", "--job", testJob, "--start", "3", "--task", "classification", "--work-dir", t.TempDir(),
		"--termination-message-path", filepath.Join(t.TempDir(), "none"), "--listen", "127.0.0.1:0", "--hyperparameters", `{"epochs": 1}`,
	}, bothFiles...)...); code != 0 {
		t.Fatalf("it ended with %d: %s", code, stderr)
	}
	for start, want := range map[int32]string{2: "has changed since it was validated", 3: `"msg":"epoch"`} {
		log, err := p.store.OpenJobObject(t.Context(), testJob, logName(start))
		if err != nil {
			t.Fatal(err)
		}
		defer log.Close()
		if text, err := io.ReadAll(log); err != nil || !strings.Contains(string(text), want) {
			t.Errorf("the log of start %d is %q (%v), want %q in it", start, text, err, want)
		}
	}
}
