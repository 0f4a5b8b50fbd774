// Package memory trains on a file that is larger than the memory there is.
package memory

import (
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
	"time"

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

// writeChips writes a segmentation file with so many chips of 4 × 224 × 224 pixels, whose label follows the first band. Few
// of them are different: what matters is how many there are.
func writeChips(t *testing.T, path string, chips int) {
	t.Helper()
	out, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	w, err := dataset.NewWriter(out, dataset.Format{Bands: bands, Side: side, Task: dataset.Segmentation}, hdf5.GuideOptions)
	if err != nil {
		t.Fatal(err)
	}
	s := &dataset.Sample{
		Bands: []string{"red", "green", "blue", "nir"}, GSD: 1, Pixels: make([]float32, bands*side*side), Labels: make([]int64, side*side),
	}
	for i := range chips {
		for at := range side * side {
			value := (at/side/(8+i%5) + at%side/16 + i) % 2
			s.Labels[at] = int64(value)
			for band := range bands {
				s.Pixels[band*side*side+at] = float32(100*value + (at*7+band*31+i%11)%40)
			}
		}
		if err := w.Write(s); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
}

// By default the file has 120 MB of pixels, which do not fit beside the network. SWATH_LARGE_FILE_GB=10 makes it as large as
// users' files get.
func TestALimitOf512MiBIsKept(t *testing.T) {
	if testing.Short() {
		t.Skip("it takes a minute")
	}
	chips := int(120e6) / chip
	if gb := os.Getenv("SWATH_LARGE_FILE_GB"); gb != "" {
		n, err := strconv.ParseFloat(gb, 64)
		if err != nil {
			t.Fatal(err)
		}
		chips = int(n * 1e9 / chip)
	}
	folder := t.TempDir()
	path, work := filepath.Join(folder, "large.h5"), filepath.Join(folder, "work")
	writeChips(t, path, chips)
	url := "file://" + folder
	store, err := storage.Open(t.Context(), url, "tenant")
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	file, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	if _, err := store.PutFile(t.Context(), "file-large", "large.h5", file, time.Now()); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(work, 0o700); err != nil {
		t.Fatal(err)
	}
	trainer := filepath.Join(folder, "trainer")
	if output, err := exec.CommandContext(t.Context(), "go", "build", "-o", trainer, "github.com/swath-dev/swath/cmd/trainer").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, output)
	}
	stage := exec.CommandContext(t.Context(), trainer, "stage", "train", "--job", job, "--start", "1", "--task", "segmentation",
		"--training-file", "file-large", "--hyperparameters", `{"numClasses": 2, "epochs": 1}`, "--work-dir", work, "--listen", "127.0.0.1:0")
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
	t.Logf("%d chips, %d MB of pixels: %d MiB at most, mean IoU %.3f, %.0f s", chips, chips*chip/1e6, m.Run.PeakMemory>>20, m.Metrics.Validation.MeanIoU, m.Run.Seconds)
	if m.Run.PeakMemory > limit {
		t.Errorf("training took %d MiB, more than its limit of %d", m.Run.PeakMemory>>20, limit>>20)
	}
	if m.Metrics.Validation.MeanIoU < 0.9 {
		t.Errorf("the mean IoU is %.3f: the chips were not learnt", m.Metrics.Validation.MeanIoU)
	}
}
