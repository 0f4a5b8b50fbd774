// Package dryrun compares what a training takes with what --dry-run says that it would take.
package dryrun

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"testing"
	"time"

	"github.com/swath-dev/swath/internal/training/manifest"
	"github.com/swath-dev/swath/test/programs"
)

const (
	// factor is how far a time may be off in either direction, on a machine that does other things meanwhile.
	factor = 5
	// tries is how often times are compared: what else the machine does may change between the estimate and the training.
	tries = 3
)

func TestADryRunSaysWhatTrainingTakes(t *testing.T) {
	const olinda = "../testdata/olinda/landcover-"
	cases := map[string][]string{
		"classification":                  {"--task", "classification", "--training-file", olinda + "classification-train.h5"},
		"segmentation":                    {"--task", "segmentation", "--num-classes", "3", "--epochs", "6", "--training-file", olinda + "segmentation-train.h5"},
		"classification, large":           {"--task", "classification", "--epochs", "4", "--model-size", "large", "--training-file", olinda + "classification-train.h5"},
		"segmentation without validation": {"--task", "segmentation", "--num-classes", "3", "--epochs", "3", "--validation-fraction", "0", "--training-file", olinda + "segmentation-train.h5"},
	}
	for name, args := range cases {
		t.Run(name, func(t *testing.T) {
			for range tries {
				if took, within := compare(t, args); took <= factor*within && within <= factor*took {
					return
				}
			}
			t.Errorf("the time that is said is off by more than a factor of %d, %d times in a row", factor, tries)
		})
	}
}

// compare holds a training to its estimate, and returns how long it took and how long was said.
func compare(t *testing.T, args []string) (took, within time.Duration) {
	t.Helper()
	said := run(t, append([]string{"train", "--dry-run"}, args...)...)
	steps, memory := steps(t, said), memory(t, said)
	within = duration(t, said)
	folder := filepath.Join(t.TempDir(), "model")
	began := time.Now()
	run(t, append([]string{"train", "--output", folder}, args...)...)
	took = time.Since(began)
	data, err := os.ReadFile(filepath.Join(folder, "model.json"))
	if err != nil {
		t.Fatal(err)
	}
	m, err := manifest.Decode(data)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("said %d MiB and %v, took %d MiB and %v", memory>>20, within, m.Run.PeakMemory>>20, took.Round(10*time.Millisecond))
	if steps != m.Training.Steps {
		t.Errorf("it said %d steps, and did %d", steps, m.Training.Steps)
	}
	if m.Run.PeakMemory > memory {
		t.Errorf("it took %d MiB, more than the %d MiB that were said", m.Run.PeakMemory>>20, memory>>20)
	}
	return took, within
}

// run runs the trainer and gives its output.
func run(t *testing.T, args ...string) string {
	t.Helper()
	command := exec.CommandContext(t.Context(), programs.Trainer(t), args...)
	var stderr bytes.Buffer
	command.Stderr = &stderr
	output, err := command.Output()
	if err != nil {
		t.Fatalf("trainer %v: %v\n%s", args, err, stderr.String())
	}
	return string(output)
}

func found(t *testing.T, said, pattern string) []string {
	t.Helper()
	groups := regexp.MustCompile(pattern).FindStringSubmatch(said)
	if groups == nil {
		t.Fatalf("%s is missing in\n%s", pattern, said)
	}
	return groups
}

func steps(t *testing.T, said string) int {
	t.Helper()
	n, err := strconv.Atoi(found(t, said, `steps +(\d+)`)[1])
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func memory(t *testing.T, said string) int64 {
	t.Helper()
	groups := found(t, said, `memory +about ([0-9.]+) (MiB|GiB)`)
	n, err := strconv.ParseFloat(groups[1], 64)
	if err != nil {
		t.Fatal(err)
	}
	return int64(n * map[string]float64{"MiB": 1 << 20, "GiB": 1 << 30}[groups[2]])
}

func duration(t *testing.T, said string) time.Duration {
	t.Helper()
	d, err := time.ParseDuration(found(t, said, `time +about ([0-9.hms]+)`)[1])
	if err != nil {
		t.Fatal(err)
	}
	return d
}
