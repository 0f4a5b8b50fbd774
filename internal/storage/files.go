package storage

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"gocloud.dev/blob"
)

const (
	filesFolder = "files"
	notesFolder = "notes"
	noteSuffix  = ".json"
)

// FileInfo is what is known of an uploaded file.
type FileInfo struct {
	ID string `json:"id"`
	// Filename is the name the user gave it; it is never used as a path.
	Filename  string    `json:"filename"`
	Bytes     int64     `json:"bytes"`
	SHA256    string    `json:"sha256,omitempty"`
	CreatedAt time.Time `json:"createdAt"`
}

// PutFile streams r to the file with the given ID. The file is there once
// PutFile has returned without error, and not before; it is created then, by a
// clock that shows now when PutFile is called.
func (s *Store) PutFile(ctx context.Context, id, filename string, r io.Reader, now time.Time) (FileInfo, error) {
	k, err := key(filesFolder, id)
	if err != nil {
		return FileInfo{}, err
	}
	info := FileInfo{ID: id, Filename: filename}
	began := time.Now()
	// The note is there before the file: a file that is there is known, and a note on nothing is not seen.
	noted := false
	note := func(digest Digest) error {
		info.Bytes, info.SHA256 = digest.Bytes, digest.SHA256
		info.CreatedAt = now.Add(time.Since(began)).UTC().Truncate(time.Second)
		noted = true
		return s.putNote(ctx, info)
	}
	if _, err := s.put(ctx, k, r, s.pieces(), note); err != nil {
		if noted {
			err = errors.Join(err, s.removeNoteOnNothing(context.WithoutCancel(ctx), id))
		}
		return FileInfo{}, err
	}
	return info, nil
}

// FileInfo is what is known of the file. A file that was put into the bucket
// with other tools has its ID as name and no digest.
func (s *Store) FileInfo(ctx context.Context, id string) (FileInfo, error) {
	k, err := key(filesFolder, id)
	if err != nil {
		return FileInfo{}, err
	}
	attributes, err := s.attributes(ctx, id, k)
	if err != nil {
		return FileInfo{}, err
	}
	return s.describe(ctx, stored{id: id, bytes: attributes.Size, changed: attributes.ModTime})
}

// FileSize is the size of the file in bytes.
func (s *Store) FileSize(ctx context.Context, id string) (int64, error) {
	k, err := key(filesFolder, id)
	if err != nil {
		return 0, err
	}
	attributes, err := s.attributes(ctx, id, k)
	if err != nil {
		return 0, err
	}
	return attributes.Size, nil
}

// attributes are those of the file with an ID, at its key.
func (s *Store) attributes(ctx context.Context, id, k string) (attributes *blob.Attributes, err error) {
	if temporary.MatchString(id) {
		return nil, fmt.Errorf("reading %s: %w", s.Location(k), ErrNotFound)
	}
	err = s.call(ctx, func(ctx context.Context) (err error) {
		attributes, err = s.bucket.Attributes(ctx, k)
		return err
	})
	if err != nil {
		err = classify(fmt.Errorf("reading %s: %w", s.Location(k), err))
		if isNotFound(err) && s.hasNoBucket(ctx) {
			err = fmt.Errorf("%w: the bucket of %s does not exist", ErrConfiguration, s.root)
		}
		return nil, err
	}
	return attributes, nil
}

// HasFile reports whether the file exists.
func (s *Store) HasFile(ctx context.Context, id string) (bool, error) {
	k, err := key(filesFolder, id)
	if err != nil || temporary.MatchString(id) {
		return false, err
	}
	exists, err := s.exists(ctx, k)
	if err == nil && !exists && s.hasNoBucket(ctx) {
		err = fmt.Errorf("%w: the bucket of %s does not exist", ErrConfiguration, s.root)
	}
	return exists, err
}

func (s *Store) exists(ctx context.Context, key string) (exists bool, err error) {
	err = s.call(ctx, func(ctx context.Context) (err error) {
		exists, err = s.bucket.Exists(ctx, key)
		return err
	})
	if err != nil {
		err = classify(fmt.Errorf("looking for %s: %w", s.Location(key), err))
	}
	return exists, err
}

// OpenFile reads the file with the given ID from offset on; length -1 reads to
// the end. The caller closes the reader.
func (s *Store) OpenFile(ctx context.Context, id string, offset, length int64) (*Reader, error) {
	k, err := key(filesFolder, id)
	if err != nil {
		return nil, err
	}
	return s.open(ctx, k, offset, length)
}

// FetchFile copies the file with the given ID to path, which is there whole or
// not at all, and gives its digest.
func (s *Store) FetchFile(ctx context.Context, id, path string) (_ Digest, err error) {
	reader, err := s.OpenFile(ctx, id, 0, -1)
	if err != nil {
		return Digest{}, err
	}
	defer reader.Close()
	temporary, err := os.CreateTemp(filepath.Dir(path), ".fetch-*")
	if err != nil {
		return Digest{}, classify(fmt.Errorf("fetching file %s to %s: %w", id, path, err))
	}
	defer func() {
		_ = temporary.Close()
		if err != nil {
			_ = os.Remove(temporary.Name())
		}
	}()
	hash := sha256.New()
	n, err := io.Copy(io.MultiWriter(temporary, hash), reader)
	if err != nil {
		return Digest{}, classify(fmt.Errorf("fetching file %s to %s: %w", id, path, err))
	}
	if n != reader.Size() {
		return Digest{}, fmt.Errorf("%w: file %s ended after %d of %d bytes", ErrUnavailable, id, n, reader.Size())
	}
	if err := os.Rename(temporary.Name(), path); err != nil {
		return Digest{}, classify(fmt.Errorf("fetching file %s to %s: %w", id, path, err))
	}
	return Digest{SHA256: hex.EncodeToString(hash.Sum(nil)), Bytes: n}, nil
}

// DeleteFile deletes the file with the given ID.
func (s *Store) DeleteFile(ctx context.Context, id string) error {
	k, err := key(filesFolder, id)
	if err != nil {
		return err
	}
	// The file goes first: what is left of a deletion cut off is a note on nothing, which is not seen.
	if err := s.remove(ctx, k); err != nil {
		return err
	}
	return s.removeNote(ctx, id)
}

func jsonOptions() *blob.WriterOptions {
	return &blob.WriterOptions{ContentType: "application/json"}
}

func isNotFound(err error) bool {
	return errors.Is(err, ErrNotFound)
}
