// Package memory trains on a file that is larger than the memory there is.
package memory

import (
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/swath-dev/swath/test/cgroup"

	"github.com/swath-dev/swath/internal/contract"
	"github.com/swath-dev/swath/internal/dataset"
	"github.com/swath-dev/swath/internal/hdf5"
	"github.com/swath-dev/swath/internal/storage"
	"github.com/swath-dev/swath/internal/training/manifest"
)

const (
	job = "trainingjob-abcdefghijkl"
	// limit is the memory limit of the container.
	limit = 512 << 20
	bands = 4
	side  = 224
	// chip is what a decoded chip has in bytes of pixels.
	chip = 4 * bands * side * side
)

// writeChips writes chips of 4 × 224 × 224 pixels until the file has at least so many bytes, and returns how many. Classes
// are 100 apart, and noise between them is what compression leaves large.
func writeChips(t *testing.T, path string, size int64, task dataset.Task, store hdf5.WriterOptions) (chips int) {
	t.Helper()
	out, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	w, err := dataset.NewWriter(out, dataset.Format{Bands: bands, Side: side, Task: task}, store)
	if err != nil {
		t.Fatal(err)
	}
	s := &dataset.Sample{Bands: []string{"red", "green", "blue", "nir"}, GSD: 1, Pixels: make([]float32, bands*side*side), Labels: make([]int64, 1)}
	if task == dataset.Segmentation {
		s.Labels = make([]int64, side*side)
	}
	noise := rand.New(rand.NewPCG(1, 1))
	for written := int64(0); written < size; chips++ {
		s.Labels[0] = int64(chips % 2)
		for at := range side * side {
			class := s.Labels[0]
			if task == dataset.Segmentation {
				class = int64((at/side/(8+chips%5) + at%side/16 + chips) % 2)
				s.Labels[at] = class
			}
			for band := range bands {
				s.Pixels[band*side*side+at] = float32(100*class) + 40*noise.Float32()
			}
		}
		if err := w.Write(s); err != nil {
			t.Fatal(err)
		}
		info, err := out.Stat()
		if err != nil {
			t.Fatal(err)
		}
		written = info.Size()
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return chips
}

// TestALimitOf512MiBIsKept trains on a file that is larger than the limit, so that it cannot all be in memory. By default it
// has 540 MB. SWATH_LARGE_FILE_GB=10 makes one as large as users' files get, for the task that is quicker to train: what it
// shows is that memory does not grow with the file.
func TestALimitOf512MiBIsKept(t *testing.T) {
	if testing.Short() {
		t.Skip("it takes minutes")
	}
	trainer := filepath.Join(t.TempDir(), "trainer")
	if output, err := exec.CommandContext(t.Context(), "go", "build", "-o", trainer, "github.com/swath-dev/swath/cmd/trainer").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, output)
	}
	perSample, ofEight := hdf5.GuideOptions, hdf5.WriterOptions{SamplesPerChunk: 8, Deflate: 1}
	if gb := os.Getenv("SWATH_LARGE_FILE_GB"); gb != "" {
		n, err := strconv.ParseFloat(gb, 64)
		if err != nil {
			t.Fatal(err)
		}
		trainWithin(t, trainer, int64(n*1e9), dataset.Classification, ofEight)
		return
	}
	for name, store := range map[string]hdf5.WriterOptions{"a chunk a sample": perSample, "compressed chunks of eight": ofEight} {
		t.Run(name, func(t *testing.T) { trainWithin(t, trainer, 540e6, dataset.Segmentation, store) })
	}
}

// trainWithin trains in a control group that has no more memory than the limit.
func trainWithin(t *testing.T, trainer string, size int64, task dataset.Task, layout hdf5.WriterOptions) {
	folder := t.TempDir()
	path, work := filepath.Join(folder, "large.h5"), filepath.Join(folder, "work")
	chips := writeChips(t, path, size, task, layout)
	if size <= limit || chips*chip <= limit {
		t.Fatalf("a file of %d MB with %d chips could be in memory", size/1e6, chips)
	}
	url := "file://" + folder
	store, err := storage.Open(t.Context(), url, "tenant")
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	putFile(t, store, path)
	if err := os.Mkdir(work, 0o700); err != nil {
		t.Fatal(err)
	}
	g := cgroup.New(t, limit)
	stage := g.Command(t, trainer, "stage", "train", "--job", job, "--start", "1", "--task", string(task),
		"--training-file", "file-large", "--hyperparameters", `{"numClasses": 2, "epochs": 1, "modelSize": "small", "validationFraction": 0.1}`,
		"--work-dir", work, "--listen", "127.0.0.1:0")
	stage.Env = append(os.Environ(), contract.EnvStorageURL+"="+url, contract.EnvStoragePrefix+"=tenant", contract.EnvMemoryLimit+"="+strconv.Itoa(limit))
	if output, err := stage.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, output)
	}
	data, err := store.ModelManifest(t.Context(), contract.ModelID(job))
	if err != nil {
		t.Fatal(err)
	}
	m, err := manifest.Decode(data)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%d chips, %d MB of pixels in a file of %d MB: %d MiB at most, %s with the pages of files, accuracy %.3f, %.0f s", chips, chips*chip/1e6,
		m.Training.TrainingFile.Bytes/1e6, m.Run.PeakMemory>>20, g.Highest(t), m.Metrics.Validation.Accuracy, m.Run.Seconds)
	if m.Training.TrainingFile.Samples != chips {
		t.Errorf("it trained on %d samples, not %d", m.Training.TrainingFile.Samples, chips)
	}
	if m.Run.PeakMemory > limit {
		t.Errorf("training took %d MiB, more than its limit of %d", m.Run.PeakMemory>>20, limit>>20)
	}
	if m.Metrics.Validation.Accuracy < 0.95 {
		t.Errorf("the accuracy is %.3f: the chips were not learnt", m.Metrics.Validation.Accuracy)
	}
}

// putFile moves a file into the bucket.
func putFile(t *testing.T, store *storage.Store, path string) {
	t.Helper()
	file, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	if _, err := store.PutFile(t.Context(), "file-large", "large.h5", file, time.Now()); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
}
