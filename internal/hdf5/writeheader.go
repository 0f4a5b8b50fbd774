package hdf5

import (
	"encoding/binary"
	"math/bits"
)

// encoder builds a structure.
type encoder struct{ b []byte }

func (e *encoder) bytes(b ...byte) { e.b = append(e.b, b...) }
func (e *encoder) text(s string)   { e.b = append(e.b, s...) }
func (e *encoder) u64(v uint64)    { e.b = binary.LittleEndian.AppendUint64(e.b, v) }
func (e *encoder) zeros(n int)     { e.b = append(e.b, make([]byte, n)...) }
func (e *encoder) checksum()       { e.uint(uint64(lookup3(e.b)), 4) }

// uint writes the low n bytes of v.
func (e *encoder) uint(v uint64, n int) {
	for range n {
		e.b = append(e.b, byte(v))
		v >>= 8
	}
}

// header collects the messages of a version 2 object header (IV.A.1.b).
type header struct{ messages encoder }

func (h *header) add(kind int, flags byte, body encoder) {
	h.messages.bytes(byte(kind))
	h.messages.uint(uint64(len(body.b)), 2)
	h.messages.bytes(flags)
	h.messages.b = append(h.messages.b, body.b...)
}

func (h *header) encode() []byte {
	var e encoder
	e.text("OHDR")
	e.bytes(2, 2) // the size has 4 bytes
	e.uint(uint64(len(h.messages.b)), 4)
	e.b = append(e.b, h.messages.b...)
	e.checksum()
	return e.b
}

// rootHeader is the root group's with its one link.
func rootHeader(name string, dataset uint64) []byte {
	var h header
	var info, group, link encoder
	info.bytes(0, 0)
	info.u64(undefined)
	info.u64(undefined)
	h.add(messageLinkInfo, 0, info)
	group.bytes(0, 0)
	h.add(messageGroupInfo, 0, group)
	link.bytes(1, 1) // the name's length has 2 bytes
	link.uint(uint64(len(name)), 2)
	link.text(name)
	link.u64(dataset)
	h.add(messageLink, 0, link)
	return h.encode()
}

const (
	messageFillValue = 0x05
	messageGroupInfo = 0x0a
	// constantMessage is the flag of what does not change after it was made.
	constantMessage = 1
)

// datasetHeader describes the dataset whose data, or whose index, is at addr.
func (w *Writer) datasetHeader(addr uint64) []byte {
	var h header
	var space, typ, fill, layout, filters encoder
	space.bytes(2, 1, 0, 1)
	space.u64(uint64(w.n))
	h.add(messageDataspace, 0, space)
	typ.datatype(w.typ)
	h.add(messageDatatype, constantMessage, typ)
	fill.bytes(3, 0x0a) // storage made late or step by step, filled only where asked for
	if w.opts.SamplesPerChunk > 0 {
		fill.b[1] = 0x0b
	}
	h.add(messageFillValue, constantMessage, fill)
	if w.opts.SamplesPerChunk == 0 {
		layout.bytes(3, 1)
		layout.u64(addr)
		layout.u64(uint64(w.n) * uint64(w.typ.Size))
	} else {
		layout.bytes(3, 2, 2)
		layout.u64(addr)
		layout.uint(uint64(w.opts.SamplesPerChunk), 4)
		layout.uint(uint64(w.typ.Size), 4)
	}
	h.add(messageLayout, 0, layout)
	if pipeline := w.filters.pipeline; len(pipeline) > 0 {
		filters.bytes(2, byte(len(pipeline)))
		for _, f := range pipeline {
			filters.uint(uint64(f.id), 2)
			filters.uint(0, 2)
			filters.uint(uint64(len(f.args)), 2)
			for _, a := range f.args {
				filters.uint(uint64(a), 4)
			}
		}
		h.add(messageFilters, constantMessage, filters)
	}
	return h.encode()
}

// datatype writes a datatype message (IV.A.2.d): version 1 for single values, 2
// for arrays, 3 for compounds, as HDF5 1.8 does.
func (e *encoder) datatype(t *Type) {
	head := func(version int, flags uint64) {
		e.bytes(byte(version<<4 | int(t.Class)))
		e.uint(flags, 3)
		e.uint(uint64(t.Size), 4)
	}
	var flags uint64
	if t.BigEndian {
		flags = 1
	}
	switch t.Class {
	case Integer:
		if t.Signed {
			flags |= 8
		}
		head(1, flags)
		e.uint(0, 2)
		e.uint(uint64(8*t.Size), 2)
	case Float:
		// Normalised with a hidden bit, and the place of the sign.
		head(1, flags|0x20|uint64(8*t.Size-1)<<8)
		e.text(ieee[t.Size])
	case String:
		head(1, 1) // filled up with NULs
	case Array:
		head(2, 0)
		e.bytes(byte(len(t.Dims)), 0, 0, 0)
		for _, d := range t.Dims {
			e.uint(uint64(d), 4)
		}
		e.zeros(4 * len(t.Dims))
		e.datatype(t.Elem)
	case Compound:
		head(3, uint64(len(t.Members)))
		width := (bits.Len(uint(t.Size)) + 7) / 8
		for _, m := range t.Members {
			e.text(m.Name + "\x00")
			e.uint(uint64(m.Offset), width)
			e.datatype(m.Type)
		}
	}
}
