package hdf5

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"testing"
)

// FuzzOpen reads whatever comes as a file: it must be read or refused with an
// *Error, soon, and never bring the program down.
func FuzzOpen(f *testing.F) {
	files, err := filepath.Glob(filepath.Join(testdata, "*.h5"))
	if err != nil || len(files) == 0 {
		f.Fatalf("there are no files in %s: %v", testdata, err)
	}
	for _, path := range files {
		b, err := os.ReadFile(path)
		if err != nil {
			f.Fatal(err)
		}
		if len(b) < 100_000 { // v_bomb is too large to change much of it
			f.Add(b)
		}
	}
	f.Fuzz(func(t *testing.T, file []byte) {
		d, err := Open(bytes.NewReader(file), int64(len(file)), "fuzz.h5", "data")
		if err != nil {
			requireError(t, err)
			return
		}
		// A damaged file may claim samples without end in one chunk, and large ones.
		r := d.NewReader()
		for i := range min(d.Len(), 1+1<<20/d.SampleBytes(), 200) {
			record, err := r.ReadSample(i)
			if err != nil {
				requireError(t, err)
				return
			}
			record = bytes.Clone(record) // good only until the next call
			for _, m := range d.Type().Members {
				readMember(t, r, m, i, record)
			}
		}
	})
}

// readMember reads a member in every way that its type allows.
func readMember(t *testing.T, r *Reader, m Member, i int, record []byte) {
	switch m.Type.Scalar().Class {
	case Integer:
		var value *ValueError
		dst := make([]int64, m.Type.Len())
		if err := m.Int64s(dst, record); err != nil && !errors.As(err, &value) {
			t.Fatalf("integers: %v", err)
		}
		fallthrough
	case Float:
		dst, again := make([]float32, m.Type.Len()), make([]float32, m.Type.Len())
		if err := m.Float32s(dst, record); err != nil {
			t.Fatalf("numbers: %v", err)
		}
		if err := r.ReadFloat32s(i, m, again); err != nil {
			t.Fatalf("numbers: %v", err)
		}
		if !bytes.Equal(bytesOf(dst), bytesOf(again)) {
			t.Fatal("two ways to read a number give two numbers")
		}
	case String, VarLen:
		// A reference to a string may lead anywhere.
		if _, err := r.Strings(m, record); err != nil && m.Type.Scalar().VarString {
			requireError(t, err)
		}
	}
}

func requireError(t *testing.T, err error) {
	t.Helper()
	var fault *Error
	if !errors.As(err, &fault) {
		t.Fatalf("the error is %T (%v), not an *Error", err, err)
	}
}
