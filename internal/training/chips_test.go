package training

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/swath-dev/swath/internal/dataset"
	"github.com/swath-dev/swath/internal/hdf5"
)

// chips is a file of chips whose classes are easily told apart: the pixels of class c are about 100·c, in two bands.
type chips struct {
	task           Task
	n, side, count int
	store          hdf5.WriterOptions
	// class is that of a chip, or of a pixel of it; by default they take turns.
	class func(chip, pixel int) int
}

func (c chips) classOf(chip, pixel int) int {
	switch {
	case c.class != nil:
		return c.class(chip, pixel)
	case c.task == Segmentation:
		return (chip + pixel%c.side/(c.side/2)) % c.count
	}
	return chip % c.count
}

// write writes the file and gives its path.
func (c chips) write(t testing.TB) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "chips.h5")
	out, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	w, err := dataset.NewWriter(out, dataset.Format{Bands: 2, Side: c.side, Task: c.task}, c.store)
	if err != nil {
		t.Fatal(err)
	}
	area := c.side * c.side
	for chip := range c.n {
		s := dataset.Sample{Bands: []string{"red", "nir"}, GSD: 10, Pixels: make([]float32, 2*area), Labels: make([]int64, 1)}
		if c.task == Segmentation {
			s.Labels = make([]int64, area)
		}
		for at := range area {
			class := c.classOf(chip, at)
			s.Labels[at%len(s.Labels)] = int64(class)
			s.Pixels[at] = float32(100*class + (chip*37+at*13)%40)
			s.Pixels[area+at] = float32(100*class + (chip*11+at*29)%40)
		}
		if err := w.Write(&s); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return path
}

// session prepares training on a file.
func session(t testing.TB, task Task, path, hyperparameters string) *Session {
	t.Helper()
	h, err := ParseHyperparameters(hyperparameters)
	if err != nil {
		t.Fatal(err)
	}
	s, err := Prepare(t.Context(), Request{Task: task, Training: File{Path: path, Name: "train"}, Hyperparameters: h, Trainer: "test"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

// loop makes a loop of a session.
func loop(t testing.TB, s *Session, hooks ...Hook) *Loop {
	t.Helper()
	l, err := s.Loop(t.Context(), hooks...)
	if err != nil {
		t.Fatal(err)
	}
	return l
}
