package dataset

import (
	"fmt"
	"os"

	"github.com/swath-dev/swath/internal/hdf5"
)

// Task is what a model is trained for.
type Task string

// The tasks, in the words of the API.
const (
	Classification Task = "classification"
	Segmentation   Task = "segmentation"
)

// Summary is what a file's layout and its first sample say.
type Summary struct {
	Samples int `json:"samples"`
	// Bands are the names of the bands in the order of the pixels.
	Bands []string `json:"bands"`
	// Shape is that of a chip: bands, height, width.
	Shape []int `json:"shape"`
	// LabelShape is that of a label: empty for a class a chip, height and width
	// for a class a pixel.
	LabelShape []int  `json:"labelShape"`
	Platform   string `json:"platform"`
	// GSD is the ground sample distance in metres a pixel.
	GSD float32 `json:"gsd"`
	// Storage is how the file keeps its samples: "chunks of 16", "contiguous".
	Storage string `json:"storage"`
}

// File is an open training or validation file whose layout is valid. It may be
// used by several goroutines.
type File struct {
	name   string
	data   *hdf5.Dataset
	closer func() error

	bands, gsd, pixels, platform, point, timestamp, label hdf5.Member

	summary Summary
	// window is windowBytes but for tests.
	window int
}

// Open opens the file at path and checks its layout: the dataset "data" with at
// least one sample, all members with their types, square chips whose side is
// divisible by 8, labels for each chip or for each pixel. It reads no sample but
// the first; that is Validate's part. Messages name the file by its path.
func Open(path string) (*File, error) { return OpenNamed(path, path) }

// OpenNamed is Open with a name for messages that says more to the user than the
// path, such as the ID of an uploaded file.
func OpenNamed(path, name string) (*File, error) {
	r, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("opening the file: %w", err)
	}
	f, err := openReader(r, name)
	if err != nil {
		r.Close()
		return nil, err
	}
	f.closer = r.Close
	return f, nil
}

func openReader(r *os.File, name string) (*File, error) {
	info, err := r.Stat()
	if err != nil {
		return nil, fmt.Errorf("opening the file: %w", err)
	}
	if info.IsDir() {
		return nil, fmt.Errorf("opening the file: %s is a folder", name)
	}
	data, err := hdf5.Open(r, info.Size(), name, "data")
	if err != nil {
		return nil, readError(name, -1, err)
	}
	f := &File{name: name, data: data, window: windowBytes}
	if err := f.layout(); err != nil {
		return nil, err
	}
	return f, f.first()
}

// Close closes the file.
func (f *File) Close() error {
	if f.closer == nil {
		return nil
	}
	return f.closer()
}

// Name is the name that the file was opened with.
func (f *File) Name() string { return f.name }

// Len is the number of samples.
func (f *File) Len() int { return f.data.Len() }

// Summary is what the file's layout and its first sample say.
func (f *File) Summary() Summary { return f.summary }

// Task is the task that the labels' shape is for.
func (f *File) Task() Task {
	if len(f.summary.LabelShape) == 0 {
		return Classification
	}
	return Segmentation
}

// Side is the height and the width of a chip, in pixels.
func (f *File) Side() int { return f.summary.Shape[1] }

// PixelsPerSample is the number of float32 values of a chip: bands·h·w.
func (f *File) PixelsPerSample() int { return f.pixels.Type.Len() }

// LabelsPerSample is 1 for classification and h·w for segmentation.
func (f *File) LabelsPerSample() int { return f.label.Type.Len() }

// invalid makes the error for a broken rule.
func (f *File) invalid(sample int, rule Rule, format string, args ...any) error {
	return &InvalidError{File: f.name, Sample: sample, Rule: rule, Message: fmt.Sprintf(format, args...)}
}

// first reads what all samples have in common from the first one.
func (f *File) first() error {
	r := f.NewReader()
	var s Sample
	if err := r.ReadSample(0, &s); err != nil {
		return err
	}
	f.summary.Bands = s.Bands
	f.summary.Platform = s.Platform
	f.summary.GSD = s.GSD
	f.summary.Storage = f.data.Storage()
	return nil
}
