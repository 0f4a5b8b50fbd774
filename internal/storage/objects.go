package storage

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"

	"gocloud.dev/blob"
)

// maxSmall bounds what is read into memory at once: manifests and the like.
const maxSmall = 16 << 20

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
// all of it is there; an error leaves what was there before.
func (s *Store) put(ctx context.Context, key string, r io.Reader, options *blob.WriterOptions) (Digest, error) {
	fail := func(err error) (Digest, error) {
		return Digest{}, classify(fmt.Errorf("writing %s: %w", s.Location(key), err))
	}
	// Cancelling the writer's context before Close throws away what was written.
	writeCtx, discard := context.WithCancel(ctx)
	defer discard()
	var file durable
	writer, err := s.bucket.NewWriter(writeCtx, key, file.options(options))
	if err != nil {
		return fail(err)
	}
	hash := sha256.New()
	n, err := io.Copy(io.MultiWriter(writer, hash), r)
	if err == nil {
		err = file.syncContent()
	}
	if err != nil {
		discard()
		_ = writer.Close()
		return fail(err)
	}
	if err := writer.Close(); err != nil {
		return fail(err)
	}
	if err := file.syncName(); err != nil {
		return fail(err)
	}
	return Digest{SHA256: hex.EncodeToString(hash.Sum(nil)), Bytes: n}, nil
}

// open reads key from offset on; length -1 reads to the end.
func (s *Store) open(ctx context.Context, key string, offset, length int64) (*blob.Reader, error) {
	reader, err := s.bucket.NewRangeReader(ctx, key, offset, length, nil)
	if err != nil {
		return nil, classify(fmt.Errorf("reading %s: %w", s.Location(key), err))
	}
	return reader, nil
}

// read is all of a small object.
func (s *Store) read(ctx context.Context, key string) ([]byte, error) {
	reader, err := s.open(ctx, key, 0, -1)
	if err != nil {
		return nil, err
	}
	defer reader.Close()
	data, err := io.ReadAll(io.LimitReader(reader, maxSmall+1))
	if err != nil {
		return nil, classify(fmt.Errorf("reading %s: %w", s.Location(key), err))
	}
	if len(data) > maxSmall {
		return nil, fmt.Errorf("%w: %s is over %d bytes", ErrConfiguration, s.Location(key), maxSmall)
	}
	return data, nil
}

// remove deletes key; what is not there is deleted already.
func (s *Store) remove(ctx context.Context, key string) error {
	err := classify(s.bucket.Delete(ctx, key))
	if err == nil || isNotFound(err) {
		return nil
	}
	return fmt.Errorf("deleting %s: %w", s.Location(key), err)
}

// Object is an entry of a listing.
type Object struct {
	Key   string
	Bytes int64
}

// list calls visit for each object whose key begins with prefix, in the order of keys.
func (s *Store) list(ctx context.Context, prefix string, visit func(*blob.ListObject) error) error {
	objects := s.bucket.List(&blob.ListOptions{Prefix: prefix})
	for {
		object, err := objects.Next(ctx)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return classify(fmt.Errorf("listing %s: %w", s.Location(prefix), err))
		}
		if err := visit(object); err != nil {
			return err
		}
	}
}
