package storage

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"time"

	"gocloud.dev/blob"
)

// These bound what is read into memory at once, since others may write to a tenant's storage as well: what the janitor has
// marked, a manifest (one of 256 classes has 2 MiB), and what is known of a file.
const (
	maxMarks    = 16 << 20
	maxManifest = 4 << 20
	maxNote     = 4 << 10
)

// Digest is the SHA-256 of some bytes in hexadecimal, and their number.
type Digest struct {
	SHA256 string `json:"sha256"`
	Bytes  int64  `json:"bytes"`
}

// DigestOf is the digest of data.
func DigestOf(data []byte) Digest {
	sum := sha256.Sum256(data)
	return Digest{SHA256: hex.EncodeToString(sum[:]), Bytes: int64(len(data))}
}

// put streams r to key and gives its digest. Nothing is visible under key until
// all of it is there; an error leaves what was there before. Before, if there is
// such a function, is called when all is written and nothing is visible yet.
func (s *Store) put(ctx context.Context, key string, r io.Reader, options *blob.WriterOptions, before func(Digest) error) (Digest, error) {
	fail := func(err error) (Digest, error) {
		return Digest{}, classify(fmt.Errorf("writing %s: %w", s.Location(key), err))
	}
	w := s.watch(ctx)
	// Ending the writer's context before Close throws away what was written.
	defer w.stop()
	w.step(1)
	writer, err := s.bucket.NewWriter(w.ctx, key, withType(options))
	if err = w.done(err); err != nil {
		return fail(err)
	}
	hash := sha256.New()
	n, err := io.Copy(io.MultiWriter(watchedWriter{writer, w}, hash), r)
	digest := Digest{SHA256: hex.EncodeToString(hash.Sum(nil)), Bytes: n}
	if err == nil && before != nil {
		err = before(digest)
	}
	if err != nil {
		w.stop()
		_ = writer.Close()
		return fail(err)
	}
	w.step(closingPatience)
	if err := w.done(writer.Close()); err != nil {
		return fail(err)
	}
	return digest, nil
}

// withType are the given options with a content type, without which the first
// bytes would be held back until Close.
func withType(given *blob.WriterOptions) *blob.WriterOptions {
	options := blob.WriterOptions{}
	if given != nil {
		options = *given
	}
	if options.ContentType == "" {
		options.ContentType = "application/octet-stream"
	}
	return &options
}

// watchedWriter is a writer whose every step is watched.
type watchedWriter struct {
	writer io.Writer
	watch  *watch
}

func (w watchedWriter) Write(data []byte) (int, error) {
	w.watch.step(1)
	n, err := w.writer.Write(data)
	return n, w.watch.done(err)
}

// read is all of a small object. More than so many bytes are ErrForeignObject.
func (s *Store) read(ctx context.Context, key string, most int64) ([]byte, error) {
	reader, err := s.openSmall(ctx, key, most)
	if err != nil {
		return nil, err
	}
	defer reader.Close()
	return reader.all(most)
}

// openSmall opens an object for reading. One of more than so many bytes is ErrForeignObject.
func (s *Store) openSmall(ctx context.Context, key string, most int64) (*Reader, error) {
	reader, err := s.open(ctx, key, 0, -1)
	if err != nil {
		return nil, err
	}
	if size := reader.Size(); size > most {
		_ = reader.Close()
		return nil, fmt.Errorf("%w: %s has %d bytes, more than %d", ErrForeignObject, s.Location(key), size, most)
	}
	return reader, nil
}

// remove deletes key; what is not there is deleted already.
func (s *Store) remove(ctx context.Context, key string) error {
	err := classify(s.call(ctx, func(ctx context.Context) error { return s.bucket.Delete(ctx, key) }))
	if err == nil || isNotFound(err) {
		return nil
	}
	return fmt.Errorf("deleting %s: %w", s.Location(key), err)
}

// Object is an entry of a listing.
type Object struct {
	Key   string
	Bytes int64
	// Changed is when it was written last, where the listing says so.
	Changed time.Time
}

// errEnough ends a list before its end.
var errEnough = errors.New("enough is listed")

// list calls visit for each object whose key begins with prefix, in the order of keys, until visit gives errEnough.
func (s *Store) list(ctx context.Context, options *blob.ListOptions, visit func(*blob.ListObject) error) error {
	objects := s.bucket.List(options)
	for {
		var object *blob.ListObject
		err := s.call(ctx, func(ctx context.Context) (err error) {
			object, err = objects.Next(ctx)
			return err
		})
		// Only the plain EOF is the end: a connection that breaks is an error with an EOF in it.
		if err == io.EOF { //nolint:errorlint // See above.
			return nil
		}
		if err != nil {
			return classify(fmt.Errorf("listing %s: %w", s.Location(options.Prefix), err))
		}
		if err := visit(object); err != nil {
			if errors.Is(err, errEnough) {
				return nil
			}
			return err
		}
	}
}

// below are the options of a list of all that has a prefix.
func below(prefix string) *blob.ListOptions { return &blob.ListOptions{Prefix: prefix} }
