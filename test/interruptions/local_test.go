package interruptions

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/swath-dev/swath/test/programs"
)

// train starts a training that writes a checkpoint after each step.
func (r recipe) train(t *testing.T, folder string) *process {
	t.Helper()
	return start(t, nil, programs.Trainer(t), r.arguments(folder)...)
}

func (r recipe) arguments(folder string) []string {
	return []string{
		"train", "--task", r.task, "--training-file", r.training, "--validation-file", r.validation, "--num-classes", strconv.Itoa(r.classes),
		"--epochs", strconv.Itoa(r.epochs), "--checkpoint-interval", "0s", "--output", folder,
	}
}

// undisturbed is what a training leaves that nothing interrupts.
func (r recipe) undisturbed(t *testing.T) map[string]string {
	t.Helper()
	folder := filepath.Join(t.TempDir(), "undisturbed")
	r.train(t, folder).succeed(t)
	return model(t, folder, filepath.Join(folder, "results.csv"))
}

// checkpoints lists the checkpoints in the output folder of a training, the newest last.
func checkpoints(folder string) []string {
	found, _ := filepath.Glob(filepath.Join(folder, ".checkpoints", "checkpoint-*.swath"))
	slices.Sort(found)
	return found
}

// step is that of the newest checkpoint, 0 without one.
func step(folder string) int {
	all := checkpoints(folder)
	if len(all) == 0 {
		return 0
	}
	var n int
	_, _ = fmt.Sscanf(filepath.Base(all[len(all)-1]), "checkpoint-%d.swath", &n)
	return n
}

// killed trains until the given step is reached, and kills the process there; it reports whether it came to that.
func (r recipe) killed(t *testing.T, folder string, at int) bool {
	t.Helper()
	p := r.train(t, folder)
	if !p.when(t, fmt.Sprintf("step %d", at), func() bool { return step(folder) >= at }) {
		p.succeed(t)
		return false
	}
	p.kill(t)
	return true
}

func TestKilledAtRandomStepsATrainingEndsTheSame(t *testing.T) {
	for _, c := range []struct {
		recipe
		// apart is how many steps are between two kills at most.
		apart int
	}{{classified, 60}, {segmented, 10}} {
		t.Run(c.task, func(t *testing.T) {
			want := c.undisturbed(t)
			seed := rand.Uint64()
			t.Logf("seed %d", seed)
			random := rand.New(rand.NewPCG(seed, 0))
			folder := filepath.Join(t.TempDir(), "killed")
			kills := 0
			for at := 1 + random.IntN(5); c.killed(t, folder, at); at += 1 + random.IntN(c.apart) {
				kills++
			}
			t.Logf("killed %d times", kills)
			if kills < 2 {
				t.Errorf("the training was killed %d times only", kills)
			}
			same(t, model(t, folder, filepath.Join(folder, "results.csv")), want)
		})
	}
}

func TestACheckpointCutShortIsPassedOver(t *testing.T) {
	want := classified.undisturbed(t)
	folder := filepath.Join(t.TempDir(), "cut")
	if !classified.killed(t, folder, 20) {
		t.Fatal("the training ended before it could be killed")
	}
	all := checkpoints(folder)
	if len(all) < 2 {
		t.Fatalf("there are %d checkpoints, want 2 or, between writing and removing, 3", len(all))
	}
	if err := os.Truncate(all[len(all)-1], 10_000); err != nil {
		t.Fatal(err)
	}
	p := classified.train(t, folder)
	p.succeed(t)
	if !strings.Contains(p.output.String(), "damaged") || !strings.Contains(p.output.String(), "resumed") {
		t.Errorf("it did not say that a checkpoint is damaged and an older one is taken:\n%s", p.output)
	}
	same(t, model(t, folder, filepath.Join(folder, "results.csv")), want)
}

func TestSIGTERMSavesACheckpoint(t *testing.T) {
	want := classified.undisturbed(t)
	folder := filepath.Join(t.TempDir(), "terminated")
	args := append(classified.arguments(folder), "--checkpoint-interval", "1h")
	p := start(t, nil, programs.Trainer(t), args...)
	if !p.when(t, "the first epoch", func() bool { return strings.Contains(p.output.String(), "epoch=1 ") }) {
		t.Fatal("the training ended before it could be told to stop")
	}
	p.terminate(t)
	if code := p.exit(t); code != 75 {
		t.Fatalf("it ended with %d, want 75:\n%s", code, p.output)
	}
	if step(folder) == 0 {
		t.Fatal("there is no checkpoint")
	}
	classified.train(t, folder).succeed(t)
	same(t, model(t, folder, filepath.Join(folder, "results.csv")), want)
}

// A limit on the size of files stands for a full disk: what is written beyond it fails.
func limited(t *testing.T, kibibytes int, folder string) *process {
	t.Helper()
	script := fmt.Sprintf(`ulimit -f %d && exec "$0" "$@"`, kibibytes)
	return start(t, nil, "bash", append([]string{"-c", script, programs.Trainer(t)}, classified.arguments(folder)...)...)
}

func TestAFullDiskForCheckpointsIsSurvived(t *testing.T) {
	want := classified.undisturbed(t)
	folder := filepath.Join(t.TempDir(), "full")
	p := limited(t, 150, folder)
	p.succeed(t)
	if !strings.Contains(p.output.String(), "could not be written, training goes on") {
		t.Errorf("it did not say that checkpoints are missing:\n%s", p.output)
	}
	same(t, model(t, folder, filepath.Join(folder, "results.csv")), want)
}

func TestAFullDiskLeavesNoHalfOfAModel(t *testing.T) {
	want := classified.undisturbed(t)
	folder := filepath.Join(t.TempDir(), "full")
	p := limited(t, 20, folder)
	if code := p.exit(t); code != 73 {
		t.Fatalf("it ended with %d, want 73:\n%s", code, p.output)
	}
	if _, err := os.Stat(filepath.Join(folder, "model.json")); err == nil {
		t.Fatal("there is a model.json though the model could not be written")
	}
	classified.train(t, folder).succeed(t)
	same(t, model(t, folder, filepath.Join(folder, "results.csv")), want)
}

func TestAnotherModelIsNotOverwritten(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "twice")
	classified.train(t, folder).succeed(t)
	before := model(t, folder, filepath.Join(folder, "results.csv"))
	classified.train(t, folder).succeed(t)
	if code := start(t, nil, programs.Trainer(t), append(classified.arguments(folder), "--seed", "1")...).exit(t); code != 76 {
		t.Errorf("training another model there ended with %d, want 76", code)
	}
	same(t, model(t, folder, filepath.Join(folder, "results.csv")), before)
}
