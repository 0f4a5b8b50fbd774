package hdf5

import (
	"fmt"
	"math/bits"
)

// Class is a kind of datatype (IV.A.2.d).
type Class int

// The classes that are read; others make Open fail.
const (
	Integer  Class = 0
	Float    Class = 1
	String   Class = 3
	Compound Class = 6
	Enum     Class = 8
	VarLen   Class = 9
	Array    Class = 10
)

// String implements fmt.Stringer.
func (c Class) String() string {
	names := map[Class]string{
		Integer: "integer", Float: "float", String: "string", Compound: "compound", Enum: "enum", VarLen: "variable-length",
		Array: "array", 2: "time", 4: "bit field", 5: "opaque", 7: "reference",
	}
	if n, ok := names[c]; ok {
		return n
	}
	return fmt.Sprintf("class %d", int(c))
}

// Type is a datatype.
type Type struct {
	Class Class
	// Size is what a value takes in a record, in bytes.
	Size int
	// BigEndian and Signed are of Integer and Float.
	BigEndian bool
	Signed    bool
	// VarString says that a VarLen is a string and not a list.
	VarString bool
	// Dims are the dimensions of an Array.
	Dims []int
	// Elem is the type of an Array's or a VarLen's elements, and of an Enum's values.
	Elem *Type
	// Members are the members of a Compound, in the order of the file.
	Members []Member
}

// Member is a member of a compound type.
type Member struct {
	Name string
	// Offset is where the member begins in a record, in bytes.
	Offset int
	Type   *Type
}

// String implements fmt.Stringer: "float32[4 224 224]", "int64", "string(10)[3]".
func (t *Type) String() string {
	switch t.Class {
	case Integer:
		if !t.Signed {
			return fmt.Sprintf("uint%d", 8*t.Size)
		}
		return fmt.Sprintf("int%d", 8*t.Size)
	case Float:
		return fmt.Sprintf("float%d", 8*t.Size)
	case String:
		return fmt.Sprintf("string(%d)", t.Size)
	case VarLen:
		if t.VarString {
			return "string"
		}
		return "list of " + t.Elem.String()
	case Enum:
		return "enum of " + t.Elem.String()
	case Array:
		return fmt.Sprintf("%s%v", t.Scalar(), t.Shape())
	}
	return t.Class.String()
}

// Scalar is the type of the single values in an array of whatever depth, and of
// the numbers behind an enum.
func (t *Type) Scalar() *Type {
	for t.Class == Array || t.Class == Enum {
		t = t.Elem
	}
	return t
}

// Shape is the dimensions of all arrays in one another; nil for a single value.
func (t *Type) Shape() []int {
	var dims []int
	for ; t.Class == Array; t = t.Elem {
		dims = append(dims, t.Dims...)
	}
	return dims
}

// Len is the number of single values: the product of the shape.
func (t *Type) Len() int {
	n := 1
	for ; t.Class == Array; t = t.Elem {
		for _, d := range t.Dims {
			n *= d
		}
	}
	return n
}

const (
	maxTypeDepth = 8
)

// ieee are the properties of the floating-point types that are read: IEEE 754's
// binary16, binary32 and binary64, by their size.
var ieee = map[int]string{
	2: "\x00\x00\x10\x00\x0a\x05\x00\x0a\x0f\x00\x00\x00",
	4: "\x00\x00\x20\x00\x17\x08\x00\x17\x7f\x00\x00\x00",
	8: "\x00\x00\x40\x00\x34\x0b\x00\x34\xff\x03\x00\x00",
}

// datatype parses a datatype message (IV.A.2.d).
func (c *cursor) datatype(depth int) *Type {
	if depth > maxTypeDepth {
		c.failf("is nested more than %d times", maxTypeDepth)
	}
	head := c.u8()
	flags := c.uint(3)
	t := &Type{Class: Class(head & 15), Size: int(c.u32())}
	version := head >> 4
	if c.err != nil {
		return t
	}
	if version < 1 || version > 5 {
		c.failf("has version %d, which is not known", version)
	}
	if t.Size <= 0 || t.Size > MaxChunkBytes {
		c.failf("has %d bytes, not 1 to %d (64 MiB); make the chips smaller", t.Size, MaxChunkBytes)
	}
	switch t.Class {
	case Integer:
		c.integer(t, flags)
	case Float:
		t.BigEndian, t.Signed = flags&1 != 0, true
		if string(c.take(12)) != ieee[t.Size] || flags&0x40 != 0 {
			c.failf("is a floating-point type other than IEEE 754's of 2, 4 and 8 bytes")
		}
	case String:
	case Enum:
		c.enum(t, version, int(flags&0xffff), depth)
	case VarLen:
		t.VarString = flags&15 == 1
		t.Elem = c.datatype(depth + 1)
		if t.Size != 4+c.f.offsetSize+4 {
			c.failf("is a variable-length type of %d bytes", t.Size)
		}
	case Array:
		c.array(t, version, depth)
	case Compound:
		c.compound(t, version, int(flags&0xffff), depth)
	default:
		c.failf("is of a class (%s) that training files do not have", t.Class)
	}
	return t
}

func (c *cursor) integer(t *Type, flags uint64) {
	t.BigEndian, t.Signed = flags&1 != 0, flags&8 != 0
	shift, precision := c.u16(), c.u16()
	if c.err == nil && (shift != 0 || precision != 8*t.Size || bits.OnesCount(uint(t.Size)) != 1 || t.Size > 8) {
		c.failf("is an integer of %d bits in %d bytes, which is not supported", precision, t.Size)
	}
}

func (c *cursor) enum(t *Type, version, n, depth int) {
	t.Elem = c.datatype(depth + 1)
	if c.err == nil && (t.Elem.Class != Integer || t.Elem.Size != t.Size) {
		c.failf("is an enum of something else than integers")
	}
	for i := 0; i < n && c.err == nil; i++ {
		c.name(version)
	}
	c.skip(n * t.Size)
}

// name reads a member's name; before version 3 it fills a multiple of 8 bytes.
func (c *cursor) name(version int) string {
	start := c.pos
	s := c.text()
	if version < 3 {
		if used := c.pos - start; used%8 != 0 {
			c.skip(8 - used%8)
		}
	}
	return s
}

func (c *cursor) array(t *Type, version, depth int) {
	rank := c.u8()
	if version < 3 {
		c.skip(3)
	}
	total := 1
	for i := 0; i < rank && c.err == nil; i++ {
		d := int(c.u32())
		if d <= 0 || d > MaxChunkBytes/total {
			c.failf("has an array dimension of %d", d)
			return
		}
		total *= d
		t.Dims = append(t.Dims, d)
	}
	if version < 3 {
		c.skip(4 * rank)
	}
	t.Elem = c.datatype(depth + 1)
	if c.err == nil && total*t.Elem.Size != t.Size {
		c.failf("is an array of %d times %d bytes in %d bytes", total, t.Elem.Size, t.Size)
	}
}

func (c *cursor) compound(t *Type, version, n, depth int) {
	width := 4
	if version >= 3 {
		width = (bits.Len(uint(t.Size)) + 7) / 8
	}
	for ; n > 0 && c.err == nil; n-- {
		m := Member{Name: c.name(version), Offset: int(c.uint(width))}
		if version == 1 {
			if rank := c.u8(); rank != 0 {
				c.failf("has an array in the style of HDF5 before 1.4, which is not supported")
			}
			c.skip(27)
		}
		m.Type = c.datatype(depth + 1)
		if c.err == nil && (m.Offset < 0 || m.Offset > t.Size-m.Type.Size) {
			c.failf("has a member %q outside of its record", m.Name)
		}
		t.Members = append(t.Members, m)
	}
}
