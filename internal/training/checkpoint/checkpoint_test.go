package checkpoint

import (
	"bytes"
	"context"
	"errors"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

type state struct {
	Step int       `json:"step"`
	Sums []float64 `json:"sums"`
}

func sample() (state, []Tensor) {
	long := make([]float32, 3*block+5)
	for i := range long {
		long[i] = float32(i) / 7
	}
	return state{Step: 12, Sums: []float64{0.1, 1.0 / 3}}, []Tensor{
		{"weights", long},
		{"empty", nil},
		{"edges", []float32{0, float32(math.Copysign(0, -1)), math.MaxFloat32, math.SmallestNonzeroFloat32}},
	}
}

func encode(t *testing.T) []byte {
	t.Helper()
	s, tensors := sample()
	var out bytes.Buffer
	if err := Write(&out, s, tensors); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func TestReadGivesWhatWasWritten(t *testing.T) {
	want, wantTensors := sample()
	var got state
	tensors, err := Read(bytes.NewReader(encode(t)), &got)
	if err != nil {
		t.Fatal(err)
	}
	if got.Step != want.Step || !slices.Equal(got.Sums, want.Sums) {
		t.Errorf("state = %+v, want %+v", got, want)
	}
	for i, w := range wantTensors {
		same := slices.EqualFunc(tensors[i].Values, w.Values, func(a, b float32) bool {
			return math.Float32bits(a) == math.Float32bits(b)
		})
		if tensors[i].Name != w.Name || !same {
			t.Errorf("tensor %s differs", w.Name)
		}
	}
}

func TestEveryCutAndEveryFlippedByteIsFound(t *testing.T) {
	whole := encode(t)
	for n := 0; n < len(whole); n += 1 + n/50 {
		var s state
		if _, err := Read(bytes.NewReader(whole[:n]), &s); !errors.Is(err, ErrDamaged) {
			t.Fatalf("cut to %d of %d bytes: error %v", n, len(whole), err)
		}
	}
	for n := 0; n < len(whole); n += 1 + n/50 {
		changed := slices.Clone(whole)
		changed[n] ^= 0x41
		var s state
		if _, err := Read(bytes.NewReader(changed), &s); !errors.Is(err, ErrDamaged) {
			t.Fatalf("byte %d changed: error %v", n, err)
		}
	}
}

func TestErrorsOfTheStoreAreNotTakenForDamage(t *testing.T) {
	broken := io.MultiReader(bytes.NewReader(encode(t)[:100]), failing{})
	var s state
	if _, err := Read(broken, &s); err == nil || errors.Is(err, ErrDamaged) {
		t.Errorf("error %v, want one that is not damage", err)
	}
}

type failing struct{}

func (failing) Read([]byte) (int, error) { return 0, errors.New("connection refused") }

func TestKeeperKeepsTheLastTwoAndPassesOverADamagedOne(t *testing.T) {
	ctx, folder := context.Background(), filepath.Join(t.TempDir(), "made when needed")
	k := NewKeeper(Folder(folder))
	if _, found, _, err := k.Load(ctx, &state{}); found || err != nil {
		t.Fatalf("an empty folder: found %v, error %v", found, err)
	}
	for step := 1; step <= 4; step++ {
		if err := k.Save(ctx, step, state{Step: step}, []Tensor{{"w", []float32{float32(step)}}}); err != nil {
			t.Fatal(err)
		}
	}
	// A process that was killed while it wrote leaves a temporary file.
	if err := os.WriteFile(filepath.Join(folder, ".checkpoint-000000000002.swath.123"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	names, _, _ := k.names(ctx)
	if want := []string{"checkpoint-000000000004.swath", "checkpoint-000000000003.swath"}; !slices.Equal(names, want) {
		t.Fatalf("kept %v, want %v", names, want)
	}
	if err := os.Truncate(filepath.Join(folder, names[0]), 40); err != nil {
		t.Fatal(err)
	}
	var got state
	tensors, found, skipped, err := k.Load(ctx, &got)
	if err != nil || !found || got.Step != 3 || tensors[0].Values[0] != 3 || len(skipped) != 1 {
		t.Errorf("found %v step %d, skipped %v, error %v; want step 3 and one skipped", found, got.Step, skipped, err)
	}
	if err := k.RemoveAll(ctx); err != nil {
		t.Fatal(err)
	}
	if left, _ := os.ReadDir(folder); len(left) != 0 {
		t.Errorf("left behind: %v", left)
	}
}

// vanishing is a store from which other processes remove the checkpoints that were listed, a few times.
type vanishing struct {
	Folder
	// next has what is there after each removal: the step of the only checkpoint, 0 for none.
	next []int
}

func (v *vanishing) Open(ctx context.Context, name string) (io.ReadCloser, error) {
	if len(v.next) == 0 {
		return v.Folder.Open(ctx, name)
	}
	k, step := NewKeeper(v.Folder), v.next[0]
	v.next = v.next[1:]
	if err := k.RemoveAll(ctx); err != nil {
		return nil, err
	}
	if step > 0 {
		if err := k.Save(ctx, step, state{Step: step}, nil); err != nil {
			return nil, err
		}
	}
	return v.Folder.Open(ctx, name)
}

func TestCheckpointsThatDisappearAreListedAgain(t *testing.T) {
	forever := make([]int, 1000)
	for i := range forever {
		forever[i] = i + 2
	}
	for name, c := range map[string]struct {
		next   []int
		found  bool
		step   int
		failed bool
	}{
		"a newer one is there":  {next: []int{7}, found: true, step: 7},
		"twice":                 {next: []int{7, 9}, found: true, step: 9},
		"the other run is done": {next: []int{0}},
		"without end":           {next: forever, failed: true},
	} {
		t.Run(name, func(t *testing.T) {
			store := &vanishing{Folder: Folder(t.TempDir()), next: c.next}
			if err := NewKeeper(store.Folder).Save(t.Context(), 1, state{Step: 1}, nil); err != nil {
				t.Fatal(err)
			}
			var got state
			_, found, skipped, err := NewKeeper(store).Load(t.Context(), &got)
			if found != c.found || (found && got.Step != c.step) || len(skipped) != 0 || (err != nil) != c.failed {
				t.Errorf("found %v step %d, skipped %v, error %v", found, got.Step, skipped, err)
			}
		})
	}
}

func TestAFailedWriteLeavesTheOldFileAndNothingElse(t *testing.T) {
	folder := t.TempDir()
	path := filepath.Join(folder, "f")
	if err := WriteFile(path, func(w io.Writer) error { _, err := w.Write([]byte("old")); return err }); err != nil {
		t.Fatal(err)
	}
	full := errors.New("disk full")
	if err := WriteFile(path, func(w io.Writer) error { _, _ = w.Write([]byte("ne")); return full }); !errors.Is(err, full) {
		t.Fatalf("error %v, want %v", err, full)
	}
	got, _ := os.ReadFile(path)
	left, _ := os.ReadDir(folder)
	if string(got) != "old" || len(left) != 1 {
		t.Errorf("file holds %q, folder holds %v", got, left)
	}
}

func FuzzRead(f *testing.F) {
	var out bytes.Buffer
	_ = Write(&out, state{Step: 1}, []Tensor{{"w", []float32{1, 2, 3}}})
	f.Add(out.Bytes())
	f.Fuzz(func(t *testing.T, data []byte) {
		var s state
		_, _ = Read(bytes.NewReader(data), &s)
	})
}
