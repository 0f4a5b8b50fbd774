package hdf5

import (
	"fmt"
	"strings"
)

// Error says what is wrong with a file, and where. It is always the file's
// fault: failures of the medium that it is read from are other errors.
type Error struct {
	// File is the name that the file was opened with.
	File string
	// Chunk is the index of the chunk that is concerned, or -1 if it is none.
	Chunk int
	// Offset is the byte in the file where the broken structure begins, or -1
	// if it has no place.
	Offset int64
	// Reason says in words what is wrong, and what to do about it where that is
	// known.
	Reason string
}

// Error implements error.
func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString(e.File)
	b.WriteString(": ")
	if e.Chunk >= 0 {
		fmt.Fprintf(&b, "chunk %d", e.Chunk)
		if e.Offset >= 0 {
			fmt.Fprintf(&b, " at byte %d", e.Offset)
		}
		b.WriteString(": ")
	} else if e.Offset >= 0 {
		fmt.Fprintf(&b, "at byte %d: ", e.Offset)
	}
	b.WriteString(e.Reason)
	return b.String()
}

// ValueError is for an unsigned number that is too large for an int64.
type ValueError struct {
	Member string
	Value  uint64
}

// Error implements error.
func (e *ValueError) Error() string {
	return fmt.Sprintf("%s has the value %d, which is too large", e.Member, e.Value)
}
