// Package checkpoint keeps the state of a training run so that it survives its process: a file format that cannot be
// taken for whole when it is not, and a keeper that holds the last two of them in a folder or a bucket.
//
// A checkpoint file is, in this order: 8 bytes of magic, the length of the header as 8 bytes, the header as JSON (the
// state and the names and lengths of the tensors), the tensors as float32, and the SHA-256 of everything before it. All
// numbers are little-endian.
package checkpoint

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
)

const (
	magic = "SWATHCP1"
	// maxHeader bounds what a damaged length can make the reader allocate, in bytes.
	maxHeader = 256 << 20
	// maxTensor bounds the elements of one tensor.
	maxTensor = 1 << 30
	// block is how many elements are converted at a time.
	block = 16 << 10
)

// ErrDamaged says that a checkpoint is not whole: cut short, changed, or not a checkpoint at all.
var ErrDamaged = errors.New("the checkpoint is damaged")

// Tensor is a named list of numbers: weights, moments of the optimiser, statistics.
type Tensor struct {
	Name   string
	Values []float32
}

// header is what stands before the numbers.
type header struct {
	State   json.RawMessage `json:"state"`
	Tensors []tensorHeader  `json:"tensors"`
}

type tensorHeader struct {
	Name   string `json:"name"`
	Length int    `json:"length"`
}

// Write writes a checkpoint: a state, which is anything that survives JSON, and tensors.
func Write(w io.Writer, state any, tensors []Tensor) error {
	h := header{}
	var err error
	if h.State, err = json.Marshal(state); err != nil {
		return fmt.Errorf("encoding the state of a checkpoint: %w", err)
	}
	for _, t := range tensors {
		h.Tensors = append(h.Tensors, tensorHeader{t.Name, len(t.Values)})
	}
	text, err := json.Marshal(h)
	if err != nil {
		return fmt.Errorf("encoding the header of a checkpoint: %w", err)
	}
	digest := sha256.New()
	buffered := bufio.NewWriterSize(w, 256<<10)
	out := io.MultiWriter(buffered, digest)
	prefix := binary.LittleEndian.AppendUint64([]byte(magic), uint64(len(text)))
	if _, err := out.Write(append(prefix, text...)); err != nil {
		return fmt.Errorf("writing the header of a checkpoint: %w", err)
	}
	bytes := make([]byte, 4*block)
	for _, t := range tensors {
		if err := writeFloats(out, t.Values, bytes); err != nil {
			return fmt.Errorf("writing tensor %s of a checkpoint: %w", t.Name, err)
		}
	}
	if _, err := buffered.Write(digest.Sum(nil)); err != nil {
		return fmt.Errorf("writing the digest of a checkpoint: %w", err)
	}
	if err := buffered.Flush(); err != nil {
		return fmt.Errorf("writing a checkpoint: %w", err)
	}
	return nil
}

func writeFloats(w io.Writer, values []float32, bytes []byte) error {
	for len(values) > 0 {
		n := min(len(values), block)
		for i, v := range values[:n] {
			binary.LittleEndian.PutUint32(bytes[4*i:], math.Float32bits(v))
		}
		if _, err := w.Write(bytes[:4*n]); err != nil {
			return err
		}
		values = values[n:]
	}
	return nil
}

// Read reads a checkpoint into state, a pointer to what was given to [Write]. Nothing is returned unless the digest is
// right; what is not a whole checkpoint, or has a state of another form, gives [ErrDamaged]. Other errors are those of r.
func Read(r io.Reader, state any) ([]Tensor, error) {
	digest := sha256.New()
	buffered := bufio.NewReaderSize(r, 256<<10)
	in := io.TeeReader(buffered, digest)
	prefix := make([]byte, len(magic)+8)
	if err := readWhole(in, prefix); err != nil {
		return nil, err
	}
	length := binary.LittleEndian.Uint64(prefix[len(magic):])
	if string(prefix[:len(magic)]) != magic || length > maxHeader {
		return nil, fmt.Errorf("%w: it does not begin like one", ErrDamaged)
	}
	// The buffer grows with what is there, so a false length cannot make it large.
	var text bytes.Buffer
	if n, err := io.CopyN(&text, in, int64(length)); err != nil {
		return nil, cutShort(err, "the header has %d of %d bytes", n, length)
	}
	var h header
	if err := json.Unmarshal(text.Bytes(), &h); err != nil {
		return nil, fmt.Errorf("%w: its header: %w", ErrDamaged, err)
	}
	tensors := make([]Tensor, 0, len(h.Tensors))
	for _, t := range h.Tensors {
		values, err := readFloats(in, t.Length)
		if err != nil {
			return nil, fmt.Errorf("reading tensor %s: %w", t.Name, err)
		}
		tensors = append(tensors, Tensor{t.Name, values})
	}
	want, got := make([]byte, sha256.Size), digest.Sum(nil)
	if err := readWhole(buffered, want); err != nil {
		return nil, err
	}
	if !bytes.Equal(want, got) {
		return nil, fmt.Errorf("%w: its digest is %x and should be %x", ErrDamaged, got, want)
	}
	if err := json.Unmarshal(h.State, state); err != nil {
		return nil, fmt.Errorf("%w: its state: %w", ErrDamaged, err)
	}
	return tensors, nil
}

func readFloats(r io.Reader, length int) ([]float32, error) {
	if length < 0 || length > maxTensor {
		return nil, fmt.Errorf("%w: a tensor of %d elements", ErrDamaged, length)
	}
	values := make([]float32, 0, min(length, 64*block))
	bytes := make([]byte, 4*min(length, block))
	for len(values) < length {
		n := min(length-len(values), block)
		if err := readWhole(r, bytes[:4*n]); err != nil {
			return nil, err
		}
		for i := range n {
			values = append(values, math.Float32frombits(binary.LittleEndian.Uint32(bytes[4*i:])))
		}
	}
	return values, nil
}

func readWhole(r io.Reader, buffer []byte) error {
	if n, err := io.ReadFull(r, buffer); err != nil {
		return cutShort(err, "%d of %d bytes are there", n, len(buffer))
	}
	return nil
}

// cutShort tells a file that ends early, which is damage, from storage that fails, which may get better.
func cutShort(err error, format string, args ...any) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return fmt.Errorf("%w: cut short, %s", ErrDamaged, fmt.Sprintf(format, args...))
	}
	return fmt.Errorf("reading a checkpoint: %w", err)
}
