package dataset

import (
	"encoding/binary"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/swath-dev/swath/internal/hdf5"
)

// numbers that pixels and labels can be stored as.
var numberTypes = map[string]*hdf5.Type{
	"int8": {Class: hdf5.Integer, Size: 1, Signed: true}, "uint8": {Class: hdf5.Integer, Size: 1},
	"int16": {Class: hdf5.Integer, Size: 2, Signed: true}, "uint16": {Class: hdf5.Integer, Size: 2},
	"int32": {Class: hdf5.Integer, Size: 4, Signed: true}, "uint32": {Class: hdf5.Integer, Size: 4},
	"int64": {Class: hdf5.Integer, Size: 8, Signed: true}, "uint64": {Class: hdf5.Integer, Size: 8},
	"big-endian int32": {Class: hdf5.Integer, Size: 4, Signed: true, BigEndian: true},
	"float16":          {Class: hdf5.Float, Size: 2, Signed: true},
	"float32":          {Class: hdf5.Float, Size: 4, Signed: true},
	"float64":          {Class: hdf5.Float, Size: 8, Signed: true},
	"big-endian float": {Class: hdf5.Float, Size: 4, Signed: true, BigEndian: true},
}

// encode appends a number as a type has it.
func encode(t *hdf5.Type, b []byte, v float64) []byte {
	bits := uint64(int64(v))
	if t.Class == hdf5.Float {
		switch t.Size {
		case 2:
			bits = half(v)
		case 4:
			bits = uint64(math.Float32bits(float32(v)))
		case 8:
			bits = math.Float64bits(v)
		}
	}
	var all [8]byte
	binary.LittleEndian.PutUint64(all[:], bits)
	if t.BigEndian {
		slices.Reverse(all[:t.Size])
	}
	return append(b, all[:t.Size]...)
}

// half are the bits of a whole number up to 2048 as binary16.
func half(v float64) uint64 {
	if v == 0 {
		return 0
	}
	fraction, exponent := math.Frexp(math.Abs(v))
	bits := uint64(exponent+14)<<10 | uint64(fraction*2048)&1023
	if v < 0 {
		bits |= 1 << 15
	}
	return bits
}

// typed makes a file with pixels and labels of types, whose values are those of
// sample i at place k.
type typed struct {
	samples, bands, side int
	task                 Task
	pixel, label         *hdf5.Type
	pixels               func(i, k int) float64
	labels               func(i, k int) float64
}

func (f typed) write(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "typed.h5")
	out, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	label, labels := f.label, 1
	if f.task == Segmentation {
		label, labels = hdf5.ArrayOf(f.label, f.side, f.side), f.side*f.side
	}
	w, err := hdf5.NewWriter(out, "data", hdf5.CompoundOf(
		hdf5.Member{Name: "bands", Type: hdf5.ArrayOf(hdf5.FixedString(6), f.bands)},
		hdf5.Member{Name: "gsd", Type: hdf5.Float32()},
		hdf5.Member{Name: "pixels", Type: hdf5.ArrayOf(f.pixel, f.bands, f.side, f.side)},
		hdf5.Member{Name: "platform", Type: hdf5.FixedString(4)},
		hdf5.Member{Name: "point", Type: hdf5.ArrayOf(hdf5.Float32(), 2)},
		hdf5.Member{Name: "timestamp", Type: hdf5.Int64()},
		hdf5.Member{Name: "label", Type: label},
	), hdf5.GuideOptions)
	if err != nil {
		t.Fatal(err)
	}
	for i := range f.samples {
		var b []byte
		for band := range f.bands {
			b = appendText(b, fmt.Sprintf("b%d", band), 6)
		}
		b = appendFloat(b, 10)
		for k := range f.bands * f.side * f.side {
			b = encode(f.pixel, b, f.pixels(i, k))
		}
		b = append(b, make([]byte, 4+2*4+8)...)
		for k := range labels {
			b = encode(f.label, b, f.labels(i, k))
		}
		if err := w.Append(b); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return path
}

// requireBatches checks that a file is valid and that loaders give the values
// that were written, from memory and from the file.
func (f typed) requireBatches(t *testing.T, classes int) {
	t.Helper()
	path := f.write(t)
	r := validate(t, ValidateOptions{Task: f.task, NumClasses: classes, TrainingFile: path})
	if r.NumClasses != classes || len(r.Training.Bands) != f.bands || r.Training.Samples != f.samples {
		t.Errorf("there are %d classes, %d bands and %d samples", r.NumClasses, len(r.Training.Bands), r.Training.Samples)
	}
	file := open(t, path)
	for _, budget := range []int64{0, plenty} {
		l := loader(t, file.All(), LoaderOptions{BatchSize: 2, MemoryBudget: budget, NumClasses: classes})
		for _, b := range drain(t, l, l.Shuffled(t.Context(), 0, 0)) {
			for k, i := range b.Samples {
				pixels, labels := file.PixelsPerSample(), file.LabelsPerSample()
				for p, got := range b.Pixels[k*pixels : (k+1)*pixels] {
					if want := float32(f.pixels(int(i), p)); got != want {
						t.Fatalf("pixel %d of sample %d is %v, was %v", p, i, got, want)
					}
				}
				for p, got := range b.Labels[k*labels : (k+1)*labels] {
					if want := int16(f.labels(int(i), p)); got != want {
						t.Fatalf("label %d of sample %d is %v, was %v", p, i, got, want)
					}
				}
			}
		}
	}
}

func TestPixelsAndLabelsOfAnyType(t *testing.T) {
	for name, kind := range numberTypes {
		for _, task := range []Task{Classification, Segmentation} {
			f := typed{
				samples: 6, bands: 2, side: 8, task: task, pixel: kind, label: hdf5.Int64(),
				pixels: func(i, k int) float64 { return float64((7*i + k) % 100) },
				labels: func(i, k int) float64 { return float64((i + k) % 2) },
			}
			if kind.Signed {
				f.pixels = func(i, k int) float64 { return float64((7*i+k)%200 - 100) }
			}
			t.Run(fmt.Sprintf("pixels of %s, %s", name, task), func(t *testing.T) { f.requireBatches(t, 2) })
			f.pixel, f.label = hdf5.Float32(), kind
			t.Run(fmt.Sprintf("labels of %s, %s", name, task), func(t *testing.T) {
				if kind.Class == hdf5.Integer {
					f.requireBatches(t, 2)
					return
				}
				o := ValidateOptions{Task: task, NumClasses: 2, TrainingFile: f.write(t)}
				_, err := Validate(t.Context(), o)
				broken{RuleMembers, -1, `member "label" is of type float`}.require(t, err, "typed.h5")
			})
		}
	}
}

func TestNumbersThatNoTypeHereCanHold(t *testing.T) {
	good := typed{
		samples: 4, bands: 1, side: 8, task: Classification, pixel: hdf5.Float32(), label: hdf5.Int64(),
		pixels: func(i, k int) float64 { return float64(i + k) },
		labels: func(i, _ int) float64 { return float64(i % 2) },
	}
	huge, negative := good, good
	huge.pixel, huge.pixels = numberTypes["float64"], func(i, k int) float64 { return float64(i+k) * 1e300 }
	negative.label, negative.labels = numberTypes["uint64"], func(i, _ int) float64 { return float64(-i) }
	for name, c := range map[string]struct {
		file typed
		want broken
	}{
		"a double beyond float32":   {huge, broken{RuleFinite, 0, `the pixel of band "b0" at row 0, column 1 is +Inf`}},
		"a label beyond any number": {negative, broken{RuleMembers, 1, "label has the value 18446744073709551615, which is too large"}},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Validate(t.Context(), ValidateOptions{Task: Classification, TrainingFile: c.file.write(t)})
			c.want.require(t, err, "typed.h5")
		})
	}
}

func TestSizesAtTheirBounds(t *testing.T) {
	float, byteType := hdf5.Float32(), numberTypes["uint8"]
	for name, c := range map[string]struct {
		samples, bands, side, classes int
		task                          Task
		pixel, label                  *hdf5.Type
	}{
		"13 bands":               {8, 13, 64, 3, Segmentation, float, byteType},
		"200 bands":              {8, 200, 8, 3, Classification, float, byteType},
		"a side of 8":            {8, 3, 8, 3, Segmentation, float, byteType},
		"a side of 1024":         {2, 4, 1024, 3, Segmentation, float, hdf5.Int64()},
		"256 classes of chips":   {512, 1, 8, 256, Classification, float, byteType},
		"256 classes of pixels":  {2, 1, 16, 256, Segmentation, byteType, byteType},
		"two samples":            {2, 3, 8, 2, Classification, float, byteType},
		"two samples, of pixels": {2, 3, 8, 2, Segmentation, float, byteType},
	} {
		t.Run(name, func(t *testing.T) {
			typed{
				samples: c.samples, bands: c.bands, side: c.side, task: c.task, pixel: c.pixel, label: c.label,
				pixels: func(i, k int) float64 { return float64((31*i + k) % 251) },
				labels: func(i, k int) float64 { return float64((i + k) % c.classes) },
			}.requireBatches(t, c.classes)
		})
	}
}

func TestOneClassIsRefusedForBothTasks(t *testing.T) {
	for _, task := range []Task{Classification, Segmentation} {
		path := chips(6).task(task).change(func(_ int, s *Sample) {
			for k := range s.Labels {
				s.Labels[k] = 1
			}
		}).write(t, "a.h5")
		_, err := Validate(t.Context(), ValidateOptions{Task: task, NumClasses: 2, TrainingFile: path})
		broken{RuleClasses, -1, "every label is 1; a training file needs at least two classes"}.require(t, err, "a.h5")
	}
}
