package storage

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"gocloud.dev/blob"
)

const (
	filesFolder = "files"
	infoSuffix  = ".json"
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
// PutFile has returned without error, and not before.
func (s *Store) PutFile(ctx context.Context, id, filename string, r io.Reader, now time.Time) (FileInfo, error) {
	k, err := key(filesFolder, id)
	if err != nil {
		return FileInfo{}, err
	}
	// Uploads go on side by side in the gateway: each has but a few pieces in memory. Pieces of this size let a file be as
	// large as S3 allows 10,000 of them to be, which is 78 GiB.
	digest, err := s.put(ctx, k, r, &blob.WriterOptions{BufferSize: 8 << 20, MaxConcurrency: 2})
	if err != nil {
		return FileInfo{}, err
	}
	info := FileInfo{ID: id, Filename: filename, Bytes: digest.Bytes, SHA256: digest.SHA256, CreatedAt: now.UTC().Truncate(time.Second)}
	data, err := json.Marshal(info)
	if err != nil {
		return FileInfo{}, fmt.Errorf("encoding what is known of file %s: %w", id, err)
	}
	if _, err := s.put(ctx, k+infoSuffix, strings.NewReader(string(data)), jsonOptions()); err != nil {
		// Nobody is going to be told the ID: the file would only take up room.
		return FileInfo{}, errors.Join(err, s.remove(context.WithoutCancel(ctx), k))
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
	if temporary.MatchString(id) {
		return FileInfo{}, fmt.Errorf("reading %s: %w", s.Location(k), ErrNotFound)
	}
	attributes, err := s.bucket.Attributes(ctx, k)
	if err != nil {
		err = classify(fmt.Errorf("reading %s: %w", s.Location(k), err))
		if isNotFound(err) && s.hasNoBucket(ctx) {
			err = fmt.Errorf("%w: the bucket of %s does not exist", ErrConfiguration, s.root)
		}
		return FileInfo{}, err
	}
	return s.describe(ctx, stored{id: id, bytes: attributes.Size, changed: attributes.ModTime})
}

// describe reads what is known of a file that is there.
func (s *Store) describe(ctx context.Context, file stored) (FileInfo, error) {
	k, err := key(filesFolder, file.id+infoSuffix)
	if err != nil {
		return FileInfo{}, err
	}
	data, err := s.read(ctx, k)
	if errors.Is(err, ErrNotFound) {
		return FileInfo{ID: file.id, Filename: file.id, Bytes: file.bytes, CreatedAt: file.changed.UTC().Truncate(time.Second)}, nil
	}
	if err != nil {
		return FileInfo{}, err
	}
	var info FileInfo
	if err := json.Unmarshal(data, &info); err != nil {
		return FileInfo{}, fmt.Errorf("%w: reading %s: %w", ErrUnavailable, s.Location(k), err)
	}
	return info, nil
}

// OpenFile reads the file with the given ID from offset on; length -1 reads to
// the end. The caller closes the reader.
func (s *Store) OpenFile(ctx context.Context, id string, offset, length int64) (*blob.Reader, error) {
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
	// The file goes first: what is left of a deletion cut off is a note on
	// nothing, not a file that nothing is known of.
	if err := s.remove(ctx, k); err != nil {
		return err
	}
	return s.remove(ctx, k+infoSuffix)
}

func jsonOptions() *blob.WriterOptions {
	return &blob.WriterOptions{ContentType: "application/json"}
}

func isNotFound(err error) bool {
	return errors.Is(err, ErrNotFound)
}
