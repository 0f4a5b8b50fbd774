package dataset

import (
	"errors"

	"github.com/swath-dev/swath/internal/hdf5"
)

// Sample is one sample as the file has it.
type Sample struct {
	// Bands are the band names in the order of Pixels.
	Bands []string
	// GSD is the ground sample distance in metres a pixel.
	GSD float32
	// Pixels are raw values, bands × height × width.
	Pixels []float32
	// Platform is empty where it is unknown.
	Platform string
	// Point is latitude and longitude in degrees; 0, 0 where unknown.
	Point [2]float32
	// Timestamp is in Unix seconds; 0 where unknown.
	Timestamp int64
	// Labels is the class of the chip, or height × width classes.
	Labels []int64
}

// Reader reads the samples of a file one by one. Reading in the order of the
// file is fastest. It is not for use by several goroutines.
type Reader struct {
	f      *File
	r      *hdf5.Reader
	labels []int64
}

// NewReader makes a reader of the file's samples.
func (f *File) NewReader() *Reader {
	return &Reader{f: f, r: f.data.NewReader(), labels: make([]int64, f.LabelsPerSample())}
}

// ReadSample reads sample i, from 0 on, into s, whose slices are used again if
// they are large enough. It does not check the values; Validate does.
func (r *Reader) ReadSample(i int, s *Sample) error {
	f := r.f
	record, err := r.r.ReadSample(i)
	if err != nil {
		return readError(f.name, i, err)
	}
	s.Pixels = resize(s.Pixels, f.PixelsPerSample())
	s.Labels = resize(s.Labels, f.LabelsPerSample())
	var one [1]float32
	var when [1]int64
	for _, err := range []error{
		f.pixels.Float32s(s.Pixels, record),
		f.label.Int64s(s.Labels, record),
		f.gsd.Float32s(one[:], record),
		f.point.Float32s(s.Point[:], record),
		f.timestamp.Int64s(when[:], record),
	} {
		if err != nil {
			return r.valueError(i, RuleMembers, err)
		}
	}
	s.GSD, s.Timestamp = one[0], when[0]
	platform, err := r.r.Strings(f.platform, record)
	if err != nil {
		return readError(f.name, i, err)
	}
	s.Platform = platform[0]
	if s.Bands, err = r.r.Strings(f.bands, record); err != nil {
		return readError(f.name, i, err)
	}
	return nil
}

// readInto reads the pixels and labels of sample i and nothing else: what a
// batch needs. Labels become int16, with -1 for the ignored one.
func (r *Reader) readInto(i int, pixels []float32, labels []int16, rule labelRule) error {
	f := r.f
	if err := r.r.ReadFloat32s(i, f.pixels, pixels); err != nil {
		return r.valueError(i, RuleMembers, err)
	}
	if err := r.readLabels(i); err != nil {
		return err
	}
	for k, v := range r.labels {
		c, ok := rule.class(v)
		if !ok {
			return f.invalid(i, RuleLabel, "%s", rule.complaint(v, f.place(k)))
		}
		labels[k] = c
	}
	return nil
}

// readLabels reads the labels of sample i into r.labels.
func (r *Reader) readLabels(i int) error {
	if err := r.r.ReadInt64s(i, r.f.label, r.labels); err != nil {
		return r.valueError(i, RuleLabel, err)
	}
	return nil
}

// valueError is for a member that cannot be read, whose type is known to be
// right: what is wrong is the file, the system, or the value.
func (r *Reader) valueError(i int, rule Rule, err error) error {
	var value *hdf5.ValueError
	if errors.As(err, &value) {
		return r.f.invalid(i, rule, "%v", err)
	}
	return readError(r.f.name, i, err)
}

func resize[T any](s []T, n int) []T {
	if cap(s) < n {
		return make([]T, n)
	}
	return s[:n]
}
