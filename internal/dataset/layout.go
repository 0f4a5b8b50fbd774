package dataset

import (
	"fmt"

	"github.com/swath-dev/swath/internal/hdf5"
)

// kind is what a member's values must be.
type kind int

const (
	text kind = iota
	number
	integer
)

var kindNames = map[kind]string{text: "strings", number: "numbers (float32)", integer: "whole numbers (int64)"}

func (k kind) accepts(t *hdf5.Type) bool {
	switch t = t.Scalar(); k {
	case text:
		return t.Class == hdf5.String || (t.Class == hdf5.VarLen && t.VarString)
	case number:
		return t.Class == hdf5.Float || t.Class == hdf5.Integer
	}
	return t.Class == hdf5.Integer
}

// layout checks everything that the file's types say, before any sample is read.
func (f *File) layout() error {
	if f.data.Len() == 0 {
		return f.invalid(-1, RuleSamples, `dataset "data" has no samples; write at least one`)
	}
	if f.data.Len() > maxSamples {
		return f.invalid(-1, RuleSamples, "there are %d samples, more than the %d that there can be", f.data.Len(), maxSamples)
	}
	for _, m := range []struct {
		into *hdf5.Member
		name string
		kind kind
		rank int // dimensions; -1: any, checked below
	}{
		{&f.bands, "bands", text, 1},
		{&f.gsd, "gsd", number, 0},
		{&f.pixels, "pixels", number, 3},
		{&f.platform, "platform", text, 0},
		{&f.point, "point", number, 1},
		{&f.timestamp, "timestamp", integer, 0},
		{&f.label, "label", integer, -1},
	} {
		member, ok := f.data.Member(m.name)
		if !ok {
			return f.invalid(-1, RuleMembers, "member %q is missing; every sample needs bands, gsd, pixels, platform, point, timestamp and label", m.name)
		}
		if !m.kind.accepts(member.Type) {
			return f.invalid(-1, RuleMembers, "member %q is of type %s; it must be %s", m.name, member.Type, kindNames[m.kind])
		}
		if got := len(member.Type.Shape()); m.rank >= 0 && got != m.rank {
			return f.invalid(-1, RuleMembers, "member %q is of type %s, with %d dimensions; it must have %d", m.name, member.Type, got, m.rank)
		}
		*m.into = member
	}
	return f.shapes()
}

func (f *File) shapes() error {
	if n := f.point.Type.Len(); n != 2 {
		return f.invalid(-1, RuleMembers, `member "point" has %d values; it must have 2, latitude and longitude`, n)
	}
	shape := f.pixels.Type.Shape()
	bands, h, w := shape[0], shape[1], shape[2]
	if n := f.bands.Type.Len(); n != bands {
		return f.invalid(-1, RuleShape, "there are %d band names but pixels have %d bands (bands × height × width is %s); name each band", n, bands, times(shape))
	}
	if h != w {
		return f.invalid(-1, RuleShape, "chips are %d × %d pixels; they must be square: cut or pad them to one side", h, w)
	}
	if h%8 != 0 {
		return f.invalid(-1, RuleShape, "chips have a side of %d pixels; it must be divisible by 8: %s", h, otherSides(h))
	}
	label := f.label.Type.Shape()
	switch {
	case len(label) == 0:
	case len(label) == 2 && label[0] == h && label[1] == w:
	case len(label) == 2:
		return f.invalid(-1, RuleShape, "labels are %s but chips are %d × %d pixels; a label for each pixel is needed", times(label), h, w)
	default:
		return f.invalid(-1, RuleShape, "labels have the shape %s; it must be one whole number a chip, or %d × %d, one a pixel", times(label), h, w)
	}
	f.summary.Samples = f.data.Len()
	f.summary.Shape = shape
	f.summary.LabelShape = append([]int{}, label...)
	return nil
}

// otherSides says to which sides chips can be cut or padded.
func otherSides(side int) string {
	pad := fmt.Sprintf("pad them to %d", (side+7)/8*8)
	if side < 8 {
		return pad
	}
	return fmt.Sprintf("cut them to %d or %s", side/8*8, pad)
}

// times writes a shape as people do: 4 × 224 × 224.
func times(shape []int) string {
	s := ""
	for i, d := range shape {
		if i > 0 {
			s += " × "
		}
		s += fmt.Sprint(d)
	}
	return s
}
