package hdf5

import (
	"encoding/binary"
	"unsafe"
)

// nativeFloat32 says whether numbers of this type are what the processor has, so
// that their bytes can be copied as they are: float32 in its own byte order.
// Nearly all pixels are.
func (t *Type) nativeFloat32() bool {
	return t.Class == Float && t.Size == 4 && t.BigEndian == (binary.NativeEndian.Uint16([]byte{0, 1}) == 1)
}

// bytesOf is the memory of x. Every pattern of bits is a float32, so writing to
// it is as safe as a conversion, and spares one copy of all pixels.
func bytesOf(x []float32) []byte {
	return unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(x))), 4*len(x))
}
