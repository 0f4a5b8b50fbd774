package storage

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"

	"gocloud.dev/blob"
)

// marksKey is where the janitor keeps whose it is and what it has seen.
const marksKey = "janitor.json"

// JanitorMarks is what the janitor wrote last; nil where it has not yet.
func (s *Store) JanitorMarks(ctx context.Context) ([]byte, error) {
	data, err := s.read(ctx, marksKey, maxMarks)
	if errors.Is(err, ErrNotFound) {
		return nil, nil
	}
	return data, err
}

// PutJanitorMarks keeps what the janitor has seen. The first ones are written
// only if there are none: otherwise the error is ErrExists.
func (s *Store) PutJanitorMarks(ctx context.Context, data []byte, first bool) error {
	options := jsonOptions()
	options.IfNotExist = first
	_, err := s.put(ctx, marksKey, bytes.NewReader(data), options, nil)
	return err
}

// IsEmpty tells whether nothing is stored.
func (s *Store) IsEmpty(ctx context.Context) (bool, error) {
	empty := true
	err := s.list(ctx, below(""), func(*blob.ListObject) error {
		empty = false
		return errEnough
	})
	return empty, err
}

// Prefixes lists the prefixes of a whole bucket, without the slash: those of
// namespaces, and what others keep in it.
func Prefixes(ctx context.Context, bucketURL string) ([]string, error) {
	bucket, parsed, err := openBucket(ctx, bucketURL)
	if err != nil {
		return nil, err
	}
	s := &Store{bucket: bucket, bucketName: parsed.Host, root: withoutQuery(parsed), patience: DefaultPatience}
	defer s.Close()
	var prefixes []string
	err = s.list(ctx, &blob.ListOptions{Delimiter: "/"}, func(object *blob.ListObject) error {
		if object.IsDir {
			prefixes = append(prefixes, strings.TrimSuffix(object.Key, "/"))
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("listing the namespaces of a bucket: %w", err)
	}
	return prefixes, nil
}
