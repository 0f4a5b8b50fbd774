package storage

import (
	"context"
	"fmt"
	"io"

	"gocloud.dev/blob"
)

// Reader reads something from storage. Its errors are of the kinds of this
// package.
type Reader struct {
	reader   *blob.Reader
	watch    *watch
	location string
}

// open reads key from offset on; length -1 reads to the end.
func (s *Store) open(ctx context.Context, key string, offset, length int64) (*Reader, error) {
	w := s.watch(ctx)
	w.step(1)
	reader, err := s.bucket.NewRangeReader(w.ctx, key, offset, length, nil)
	if err = w.done(err); err != nil {
		w.stop()
		return nil, classify(fmt.Errorf("reading %s: %w", s.Location(key), err))
	}
	return &Reader{reader: reader, watch: w, location: s.Location(key)}, nil
}

// Read implements io.Reader.
func (r *Reader) Read(buffer []byte) (int, error) {
	r.watch.step(1)
	n, err := r.reader.Read(buffer)
	// Only the plain EOF is the end: a connection that breaks is an error with an EOF in it.
	if err = r.watch.done(err); err != nil && err != io.EOF { //nolint:errorlint // See above.
		err = classify(fmt.Errorf("reading %s: %w", r.location, err))
	}
	return n, err
}

// all reads all, of so many bytes at most.
func (r *Reader) all(most int64) ([]byte, error) {
	data, err := io.ReadAll(io.LimitReader(r, most))
	if err != nil {
		return nil, classify(fmt.Errorf("reading %s: %w", r.location, err))
	}
	return data, nil
}

// Size is the size in bytes of the whole, also where a part of it is read.
func (r *Reader) Size() int64 { return r.reader.Size() }

// Close ends reading.
func (r *Reader) Close() error {
	defer r.watch.stop()
	if err := r.reader.Close(); err != nil {
		return classify(fmt.Errorf("reading %s: %w", r.location, err))
	}
	return nil
}
