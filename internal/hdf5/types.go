package hdf5

// Int64 is a signed integer of 8 bytes, little-endian.
func Int64() *Type { return &Type{Class: Integer, Size: 8, Signed: true} }

// Float32 is IEEE 754's binary32, little-endian.
func Float32() *Type { return &Type{Class: Float, Size: 4, Signed: true} }

// FixedString is a string of n bytes, filled up with NULs.
func FixedString(n int) *Type { return &Type{Class: String, Size: n} }

// ArrayOf is an array of elements with the given dimensions.
func ArrayOf(elem *Type, dims ...int) *Type {
	t := &Type{Class: Array, Size: elem.Size, Elem: elem, Dims: dims}
	for _, d := range dims {
		t.Size *= d
	}
	return t
}

// CompoundOf is a record of members without gaps; their offsets are set here.
func CompoundOf(members ...Member) *Type {
	t := &Type{Class: Compound}
	for _, m := range members {
		m.Offset = t.Size
		t.Size += m.Type.Size
		t.Members = append(t.Members, m)
	}
	return t
}
