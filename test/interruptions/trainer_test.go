// Package interruptions kills real trainings and checks that they end as if nothing had happened.
package interruptions

import (
	"bytes"
	"context"
	"encoding/csv"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/swath-dev/swath/internal/dataset"
	"github.com/swath-dev/swath/internal/hdf5"
	"github.com/swath-dev/swath/internal/training"
	"github.com/swath-dev/swath/internal/training/manifest"
	"github.com/swath-dev/swath/test/await"
)

const (
	olinda = "../testdata/olinda/landcover-"
	// patience is how long a test waits for a state.
	patience = await.Patience
)

// recipe is what is trained.
type recipe struct {
	task, training, validation string
	classes, epochs            int
	// limit is the memory limit in bytes of a stage; 0 for none.
	limit int64
}

// classified are chips that are trained on in a few seconds.
var classified = recipe{task: "classification", training: olinda + "classification-train.h5", validation: olinda + "classification-validation.h5", classes: 3, epochs: 24}

// segmented are chips with a label for each pixel.
var segmented = recipe{task: "segmentation", training: olinda + "segmentation-train.h5", validation: olinda + "segmentation-validation.h5", classes: 3, epochs: 3}

// windowed are the same chips in chunks of seven, which are streamed in windows since there is no memory for all of them.
func windowed(t *testing.T) recipe {
	t.Helper()
	r := segmented
	r.training = rechunked(t, r.training)
	session, err := training.Prepare(t.Context(), training.Request{
		Task: training.Segmentation, Training: training.File{Path: r.training, Name: "train"},
		Validation: training.File{Path: r.validation, Name: "validation"}, Hyperparameters: training.Hyperparameters{NumClasses: &r.classes, Epochs: &r.epochs},
	})
	if err != nil {
		t.Fatal(err)
	}
	defer session.Close()
	if r.limit, err = session.Memory(); err != nil {
		t.Fatal(err)
	}
	return r
}

// rechunked copies a file of segmentation into chunks of seven chips.
func rechunked(t *testing.T, path string) string {
	t.Helper()
	from, err := dataset.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer from.Close()
	to := filepath.Join(t.TempDir(), "chunks.h5")
	out, err := os.Create(to)
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	format := dataset.Format{Bands: len(from.Summary().Bands), Side: from.Side(), Task: dataset.Segmentation}
	w, err := dataset.NewWriter(out, format, hdf5.WriterOptions{SamplesPerChunk: 7, Deflate: 1})
	if err != nil {
		t.Fatal(err)
	}
	reader := from.NewReader()
	for i := range from.Len() {
		var s dataset.Sample
		if err := reader.ReadSample(i, &s); err != nil {
			t.Fatal(err)
		}
		if err := w.Write(&s); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return to
}

// process is a running trainer.
type process struct {
	*exec.Cmd
	output *output
	ended  chan error
}

// output is standard error of a process, which may be read while it runs.
type output struct {
	mu    sync.Mutex
	bytes bytes.Buffer
}

// Write implements io.Writer.
func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.bytes.Write(p)
}

// String is what was written so far.
func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.bytes.String()
}

// start starts a command; it is killed when the test ends, if it has not ended before.
func start(t *testing.T, environment []string, name string, args ...string) *process {
	t.Helper()
	p := &process{Cmd: exec.Command(name, args...), output: &output{}, ended: make(chan error, 1)}
	p.Env = append(os.Environ(), environment...)
	p.Stderr = p.output
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = p.Process.Kill() })
	go func() { p.ended <- p.Wait() }()
	return p
}

// exit waits for the end and gives the exit code; -1 stands for a signal.
func (p *process) exit(t *testing.T) int {
	t.Helper()
	select {
	case err := <-p.ended:
		var failed *exec.ExitError
		if errors.As(err, &failed) {
			return failed.ExitCode()
		}
		if err != nil {
			t.Fatal(err)
		}
		return 0
	case <-time.After(patience):
		t.Fatalf("the trainer did not end:\n%s", p.output)
		return 0
	}
}

// succeed waits for an end without error.
func (p *process) succeed(t *testing.T) {
	t.Helper()
	if code := p.exit(t); code != 0 {
		t.Fatalf("the trainer ended with %d:\n%s", code, p.output)
	}
}

// when waits until a condition holds, and reports whether it came to that before the process ended.
func (p *process) when(t *testing.T, what string, holds func() bool) bool {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for !holds() {
		select {
		case err := <-p.ended:
			p.ended <- err
			return false
		case <-ctx.Done():
			t.Fatalf("waiting for %s took too long:\n%s", what, p.output)
		case <-tick.C:
		}
	}
	return true
}

// kill ends the process as a crash would, and waits until it is gone.
func (p *process) kill(t *testing.T) {
	t.Helper()
	if err := p.Process.Kill(); err != nil && !errors.Is(err, os.ErrProcessDone) {
		t.Fatal(err)
	}
	p.exit(t)
}

// terminate sends SIGTERM, as the kubelet does.
func (p *process) terminate(t *testing.T) {
	t.Helper()
	if err := p.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
}

// model is all that training leaves, without what may differ between two runs.
func model(t *testing.T, folder, results string) map[string]string {
	t.Helper()
	files, err := os.ReadDir(folder)
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]string{"results": withoutTimes(t, results)}
	for _, file := range files {
		if file.IsDir() || file.Name() == filepath.Base(results) {
			continue
		}
		data, err := os.ReadFile(filepath.Join(folder, file.Name()))
		if err != nil {
			t.Fatal(err)
		}
		if file.Name() == "model.json" {
			data = withoutRun(t, data)
		}
		all[file.Name()] = string(data)
	}
	return all
}

func withoutRun(t *testing.T, data []byte) []byte {
	t.Helper()
	m, err := manifest.Decode(data)
	if err != nil {
		t.Fatal(err)
	}
	m.Run = manifest.Run{}
	text, err := json.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// withoutTimes is a results file without its last two columns.
func withoutTimes(t *testing.T, path string) string {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	rows, err := csv.NewReader(bytes.NewReader(data)).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	var text strings.Builder
	for _, row := range rows {
		text.WriteString(strings.Join(row[:len(row)-2], ",") + "\n")
	}
	return text.String()
}

// same fails the test where two models differ.
func same(t *testing.T, got, want map[string]string) {
	t.Helper()
	for name := range want {
		if got[name] != want[name] {
			t.Errorf("%s differs from that of the training without interruption", name)
		}
	}
	for name := range got {
		if _, ok := want[name]; !ok {
			t.Errorf("%s was left behind", name)
		}
	}
}
