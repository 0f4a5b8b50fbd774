package storage

import (
	"context"
	"fmt"
	"time"

	"golang.org/x/sync/semaphore"
)

// These bound how many bytes of manifests are in memory at a time: those of all namespaces together, and those of one. Manifests
// of Swath have a few KiB, but a tenant may put some of 4 MiB there, and asking about a model costs it nothing.
const (
	mostManifests      = 32 << 20
	manifestsNamespace = 8 << 20
)

// allManifests are the bytes of manifests that all stores of the program may have in memory.
var allManifests = semaphore.NewWeighted(mostManifests)

// WithManifest calls use with the manifest of a model, which use must not keep. It waits while too many bytes of manifests are
// in use; use must not read another one. The error is ErrNotFound where there is no such model.
func (s *Store) WithManifest(ctx context.Context, id string, use func(manifest []byte) error) error {
	return s.withManifest(ctx, id, func(manifest []byte, _ time.Time) error { return use(manifest) })
}

// withManifest is WithManifest, and says when the manifest was written.
func (s *Store) withManifest(ctx context.Context, id string, use func(manifest []byte, createdAt time.Time) error) error {
	k, err := key(modelsFolder, id, ManifestName)
	if err != nil {
		return err
	}
	reader, err := s.openSmall(ctx, k, maxManifest)
	if err != nil {
		return err
	}
	defer reader.Close()
	// A namespace waits for its own share first, so that it does not keep the others waiting.
	for _, memory := range []*semaphore.Weighted{s.manifests, allManifests} {
		if err := memory.Acquire(ctx, reader.Size()); err != nil {
			return fmt.Errorf("waiting to read %s: %w", s.Location(k), err)
		}
		defer memory.Release(reader.Size())
	}
	data, err := reader.all(maxManifest)
	if err != nil {
		return err
	}
	return use(data, reader.reader.ModTime())
}
