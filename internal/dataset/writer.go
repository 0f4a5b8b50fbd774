package dataset

import (
	"encoding/binary"
	"fmt"
	"io"
	"math"

	"github.com/swath-dev/swath/internal/hdf5"
)

// Format is what all samples of a file that is written have in common.
type Format struct {
	// Bands is the number of bands, and Side the height and width of a chip.
	Bands, Side int
	// Task is Segmentation for a label for each pixel.
	Task Task
}

// Lengths of strings in the guides' files.
const (
	bandNameBytes = 10
	platformBytes = 20
)

// Writer writes a training file in the form of the service's guides. It writes
// what it is given: breaking a rule of valid files is what tests do with it.
type Writer struct {
	w      *hdf5.Writer
	format Format
	record []byte
	n      int
}

// NewWriter begins a training file. hdf5.GuideOptions store it as the guides do.
func NewWriter(w io.WriterAt, format Format, o hdf5.WriterOptions) (*Writer, error) {
	label := hdf5.Int64()
	if format.Task == Segmentation {
		label = hdf5.ArrayOf(hdf5.Int64(), format.Side, format.Side)
	}
	t := hdf5.CompoundOf(
		hdf5.Member{Name: "bands", Type: hdf5.ArrayOf(hdf5.FixedString(bandNameBytes), format.Bands)},
		hdf5.Member{Name: "gsd", Type: hdf5.Float32()},
		hdf5.Member{Name: "pixels", Type: hdf5.ArrayOf(hdf5.Float32(), format.Bands, format.Side, format.Side)},
		hdf5.Member{Name: "platform", Type: hdf5.FixedString(platformBytes)},
		hdf5.Member{Name: "point", Type: hdf5.ArrayOf(hdf5.Float32(), 2)},
		hdf5.Member{Name: "timestamp", Type: hdf5.Int64()},
		hdf5.Member{Name: "label", Type: label},
	)
	inner, err := hdf5.NewWriter(w, "data", t, o)
	if err != nil {
		return nil, fmt.Errorf("writing a training file: %w", err)
	}
	return &Writer{w: inner, format: format, record: make([]byte, 0, t.Size)}, nil
}

// Write writes a sample, whose slices must have the lengths of the format.
func (w *Writer) Write(s *Sample) error {
	pixels, labels := w.format.Bands*w.format.Side*w.format.Side, 1
	if w.format.Task == Segmentation {
		labels = w.format.Side * w.format.Side
	}
	if len(s.Bands) != w.format.Bands || len(s.Pixels) != pixels || len(s.Labels) != labels {
		return fmt.Errorf("writing sample %d: it has %d bands, %d pixels and %d labels, not %d, %d and %d",
			w.n, len(s.Bands), len(s.Pixels), len(s.Labels), w.format.Bands, pixels, labels)
	}
	b := w.record[:0]
	for _, name := range s.Bands {
		b = appendText(b, name, bandNameBytes)
	}
	b = appendFloat(b, s.GSD)
	for _, v := range s.Pixels {
		b = appendFloat(b, v)
	}
	b = appendText(b, s.Platform, platformBytes)
	b = appendFloat(appendFloat(b, s.Point[0]), s.Point[1])
	b = binary.LittleEndian.AppendUint64(b, uint64(s.Timestamp))
	for _, v := range s.Labels {
		b = binary.LittleEndian.AppendUint64(b, uint64(v))
	}
	w.record = b
	w.n++
	return w.w.Append(b)
}

// Close completes the file. It does not close what is written to.
func (w *Writer) Close() error { return w.w.Close() }

func appendFloat(b []byte, v float32) []byte {
	return binary.LittleEndian.AppendUint32(b, math.Float32bits(v))
}

// appendText appends a string of n bytes, cut off or filled up with NULs.
func appendText(b []byte, s string, n int) []byte {
	s = s[:min(len(s), n)]
	return append(append(b, s...), make([]byte, n-len(s))...)
}
