package training

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/swath-dev/swath/internal/hdf5"
	"github.com/swath-dev/swath/internal/training/checkpoint"
)

func failOn(t *testing.T) func(string) {
	return func(text string) { t.Error(text) }
}

func TestSavingMayFailWithoutHarm(t *testing.T) {
	s := prepare(t, Classification, `{"epochs": 1}`)
	folder := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(folder, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	said := ""
	checkpoints := NewCheckpoints(checkpoint.Folder(folder), 0, func(text string) { said += text })
	// Waits for each write, so that there is an end of one to be seen.
	wait := Hook{Step: func(context.Context, *Loop) error {
		checkpoints.await()
		return nil
	}}
	train(t, s, checkpoints.Hook(), wait)
	if !strings.Contains(said, "the checkpoint of step 1 could not be written, training goes on") {
		t.Errorf("it said %q", said)
	}
}

// denying denies the writes with the numbers from first to last.
type denying struct {
	checkpoint.Store
	first, last, writes int
}

func (d *denying) Write(ctx context.Context, name string, write func(io.Writer) error) error {
	if d.writes++; d.first <= d.writes && d.writes <= d.last {
		return fmt.Errorf("%w: ExpiredToken", checkpoint.ErrDenied)
	}
	return d.Store.Write(ctx, name, write)
}

func TestTrainingStopsOnceItsCheckpointsStayDenied(t *testing.T) {
	s := prepare(t, Classification, `{"epochs": 2}`)
	for name, c := range map[string]struct {
		last    int
		stopped bool
	}{"denied once": {3, false}, "denied twice": {4, true}} {
		t.Run(name, func(t *testing.T) {
			folder := checkpoint.Folder(t.TempDir())
			said := ""
			checkpoints := NewCheckpoints(&denying{Store: folder, first: 3, last: c.last}, 0, func(text string) { said += text })
			wait := Hook{Step: func(context.Context, *Loop) error {
				checkpoints.await()
				return nil
			}}
			l := loop(t, s, checkpoints.Hook(), wait)
			err := l.Run(t.Context())
			if errors.Is(err, checkpoint.ErrDenied) != c.stopped || (err != nil) != c.stopped || !strings.Contains(said, "the checkpoint of step 3 could not be written") {
				t.Errorf("error %v, said %q", err, said)
			}
			if c.stopped && l.state.Step > 5 {
				t.Errorf("it trained on to step %d", l.state.Step)
			}
		})
	}
}

// await waits for the end of the write under way without taking note of it.
func (c *Checkpoints) await() {
	if c.writing != nil {
		err := <-c.writing.done
		c.writing.done <- err
	}
}

// hanging is a store that does not answer writes: it takes them when it is told to, or lets them go with their context.
type hanging struct {
	checkpoint.Store
	began, release chan struct{}
}

func (h hanging) Write(ctx context.Context, name string, write func(io.Writer) error) error {
	h.began <- struct{}{}
	select {
	case <-h.release:
		return h.Store.Write(ctx, name, write)
	case <-ctx.Done():
		return ctx.Err()
	}
}

// If training waited for storage, this would not come to its end.
func TestTrainingDoesNotWaitForStorageThatHangs(t *testing.T) {
	s := prepare(t, Classification, `{"epochs": 2}`)
	store := hanging{checkpoint.Folder(t.TempDir()), make(chan struct{}, 100), make(chan struct{})}
	checkpoints := NewCheckpoints(store, 0, failOn(t))
	l, _ := train(t, s, checkpoints.Hook())
	if l.state.Step != l.Steps() || len(store.began) != 1 {
		t.Errorf("%d steps of %d were done, %d writes begun; want one that is under way", l.state.Step, l.Steps(), len(store.began))
	}
	if err := checkpoints.Clear(t.Context()); err != nil || checkpoints.writing != nil {
		t.Errorf("the write that hangs was not ended (%v)", err)
	}
}

// What is written is where training stood when the write began, though training has gone on meanwhile.
func TestACheckpointIsOfOneMoment(t *testing.T) {
	s := prepare(t, Classification, `{"epochs": 3}`)
	want := loop(t, s)
	if err := want.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	store := hanging{checkpoint.Folder(t.TempDir()), make(chan struct{}, 100), make(chan struct{})}
	checkpoints := NewCheckpoints(store, 0, failOn(t))
	later := Hook{Step: func(_ context.Context, l *Loop) error {
		if l.state.Step == 14 {
			close(store.release)
			checkpoints.await()
			return errEnough
		}
		return nil
	}}
	if err := loop(t, s, checkpoints.Hook(), later).Run(t.Context()); !errors.Is(err, errEnough) {
		t.Fatal(err)
	}
	l := loop(t, s)
	if step, err := NewCheckpoints(store.Store, 0, failOn(t)).Resume(t.Context(), l); step != 1 || err != nil {
		t.Fatalf("resumed at step %d, want 1 (%v)", step, err)
	}
	if err := l.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	if withoutTimes(l) != withoutTimes(want) {
		t.Error("the training that went on from it ended otherwise")
	}
}

// An interruption saves the newest step though an older one is still being written.
func TestAnInterruptionSavesWhatIsNewest(t *testing.T) {
	s := prepare(t, Classification, `{"epochs": 2}`)
	folder := checkpoint.Folder(t.TempDir())
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	stop := Hook{Step: func(_ context.Context, l *Loop) error {
		if l.state.Step == 5 {
			cancel()
		}
		return nil
	}}
	checkpoints := NewCheckpoints(hangingBefore{folder, "checkpoint-000000000005.swath"}, 0, failOn(t))
	var saved, resumed int
	checkpoints.OnStored(func(step int) { saved = step })
	if err := loop(t, s, checkpoints.Hook(), stop).Run(ctx); !errors.Is(err, ErrInterrupted) {
		t.Fatalf("error %v, want %v", err, ErrInterrupted)
	}
	if checkpoints.writing != nil {
		t.Error("the older write goes on, and takes from the time that is left")
	}
	again := NewCheckpoints(folder, 0, failOn(t))
	again.OnStored(func(step int) { resumed = step })
	if step, err := again.Resume(t.Context(), loop(t, s)); step != 5 || err != nil {
		t.Errorf("resumed at step %d, want 5 (%v)", step, err)
	}
	if saved != 5 || resumed != 5 {
		t.Errorf("told that the checkpoints of the steps %d and %d are stored, want 5 and 5", saved, resumed)
	}
}

// hangingBefore takes one name and hangs at all others.
type hangingBefore struct {
	checkpoint.Store
	name string
}

func (h hangingBefore) Write(ctx context.Context, name string, write func(io.Writer) error) error {
	if name == h.name {
		return h.Store.Write(ctx, name, write)
	}
	<-ctx.Done()
	return ctx.Err()
}

func TestCheckpointsOfAnotherTrainingAreNotTaken(t *testing.T) {
	file := func(class func(chip, pixel int) int) string {
		return chips{task: Classification, n: 60, side: 8, count: 3, store: hdf5.GuideOptions, class: class}.write(t)
	}
	path := file(nil)
	other := file(func(chip, _ int) int { return chip / 2 % 3 })
	prepared := func(hyperparameters string) *Session { return session(t, Classification, path, hyperparameters) }
	cases := map[string]*Session{
		"another seed":         prepared(`{"epochs": 1, "seed": 1}`),
		"another augmentation": prepared(`{"epochs": 1, "augmentation": "flips"}`),
		"another fraction":     prepared(`{"epochs": 1, "validationFraction": 0.3}`),
		"another file":         session(t, Classification, other, `{"epochs": 1}`),
	}
	// As after a change of the platform's statistics, or of how files are split.
	normalised := prepared(`{"epochs": 1}`)
	normalised.report.Normalization.Bands[1].Mean++
	cases["another normalisation"] = normalised
	split := prepared(`{"epochs": 1}`)
	split.train, split.valid = split.valid, split.train
	cases["another split"] = split
	for name, s := range cases {
		t.Run(name, func(t *testing.T) {
			store := checkpoint.Folder(t.TempDir())
			first := loop(t, prepared(`{"epochs": 1}`), NewCheckpoints(store, 0, failOn(t)).Hook())
			if err := first.Save(t.Context()); err != nil {
				t.Fatal(err)
			}
			said := ""
			step, err := NewCheckpoints(store, 0, func(text string) { said += text }).Resume(t.Context(), loop(t, s))
			if err != nil || step != 0 || !strings.Contains(said, "another training") {
				t.Errorf("resumed at step %d, error %v, said %q; want a new beginning that is said", step, err, said)
			}
		})
	}
}

// As after a change of what checkpoints hold: such a training begins again, it does not fail for ever.
func TestAStateThatCannotBeReadIsPassedOver(t *testing.T) {
	s := prepare(t, Classification, `{"epochs": 1}`)
	store := checkpoint.Folder(t.TempDir())
	l := loop(t, s)
	changed := map[string]any{"identity": l.state.Identity, "epoch": "the third"}
	if err := checkpoint.NewKeeper(store).Save(t.Context(), 7, changed, l.tensors()); err != nil {
		t.Fatal(err)
	}
	said := ""
	step, err := NewCheckpoints(store, time.Hour, func(text string) { said += text }).Resume(t.Context(), l)
	if err != nil || step != 0 || !strings.Contains(said, "passed over") {
		t.Errorf("resumed at step %d, error %v, said %q; want a new beginning that is said", step, err, said)
	}
}

// A change here is a change of what jobs compute: raise augmentVersion with it, so that no checkpoint of before is taken.
func TestMovesStayWhatTheyAre(t *testing.T) {
	a := newAugmenter(AugmentationD4, 42, 8, 1)
	var moves []int
	for sample := range 16 {
		moves = append(moves, a.move(3, sample))
	}
	text, err := json.Marshal(moves)
	if want := goldenMoves; err != nil || string(text) != want {
		t.Errorf("the moves are %s, and were %s in version %d", text, want, augmentVersion)
	}
}

const goldenMoves = "[1,5,5,5,2,6,5,7,1,7,3,6,6,7,5,3]"
