package dataset

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/swath-dev/swath/internal/hdf5"
)

// testFile makes training files for tests: samples that break no rule, each with
// pixels of its own and of class i mod 2, unless Change says otherwise.
type testFile struct {
	Samples int
	Bands   []string
	Side    int
	Task    Task
	Store   hdf5.WriterOptions
	// Change edits sample i before it is written.
	Change func(i int, s *Sample)
}

// chips is a file of n chips of red, green and blue, 8 × 8 pixels.
func chips(n int) testFile {
	return testFile{Samples: n, Bands: []string{"red", "green", "blue"}, Side: 8, Task: Classification, Store: hdf5.GuideOptions}
}

func (f testFile) task(t Task) testFile                     { f.Task = t; return f }
func (f testFile) store(o hdf5.WriterOptions) testFile      { f.Store = o; return f }
func (f testFile) bands(names ...string) testFile           { f.Bands = names; return f }
func (f testFile) side(n int) testFile                      { f.Side = n; return f }
func (f testFile) change(c func(i int, s *Sample)) testFile { f.Change = c; return f }

// write writes the file under a name and returns its path.
func (f testFile) write(t testing.TB, name string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	out, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	w, err := NewWriter(out, Format{Bands: len(f.Bands), Side: f.Side, Task: f.Task}, f.Store)
	if err != nil {
		t.Fatal(err)
	}
	for i := range f.Samples {
		if err := w.Write(f.sample(i)); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return path
}

// sample makes sample i.
func (f testFile) sample(i int) *Sample {
	s := &Sample{Bands: f.Bands, GSD: 10, Pixels: make([]float32, len(f.Bands)*f.Side*f.Side), Labels: []int64{int64(i % 2)}}
	if f.Task == Segmentation {
		s.Labels = make([]int64, f.Side*f.Side)
		for k := range s.Labels {
			s.Labels[k] = int64((i + k) % 2)
		}
	}
	for k := range s.Pixels {
		s.Pixels[k] = float32(1000*i + k%97)
	}
	if f.Change != nil {
		f.Change(i, s)
	}
	return s
}
