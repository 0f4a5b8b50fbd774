package storage

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"time"

	"gocloud.dev/blob"
)

const (
	modelsFolder = "models"
	// ManifestName is the part of a model that is written last and only once:
	// with it the model exists.
	ManifestName = "model.json"
)

// Part is a part of a model.
type Part struct {
	Name    string
	Content []byte
}

// CommitModel stores a model: its parts first, the manifest last and only if
// there is none. The manifest lists its parts with their digests, and they are
// stored below a folder that is named after this list. Two trainers of different
// versions therefore never write to the same keys, and the manifest that wins has
// its own parts. CommitModel returns the manifest that stands there afterwards:
// if it is another than the given one, someone else has committed the model
// before, and the error is ErrExists.
func (s *Store) CommitModel(ctx context.Context, id string, parts []Part, manifest []byte) ([]byte, error) {
	manifestKey, err := key(modelsFolder, id, ManifestName)
	if err != nil {
		return nil, err
	}
	folder, err := folderFor(parts, manifest)
	if err != nil {
		return nil, fmt.Errorf("storing model %s: %w", id, err)
	}
	if standing, err := s.ModelManifest(ctx, id); !errors.Is(err, ErrNotFound) {
		return standing, sameManifest(standing, manifest, err)
	}
	for _, part := range parts {
		k, err := partKey(id, folder, part.Name)
		if err != nil {
			return nil, err
		}
		if _, err := s.put(ctx, k, bytes.NewReader(part.Content), nil, nil); err != nil {
			return nil, err
		}
	}
	options := jsonOptions()
	options.IfNotExist = true
	_, err = s.put(ctx, manifestKey, bytes.NewReader(manifest), options, nil)
	if errors.Is(err, ErrExists) {
		standing, err := s.ModelManifest(ctx, id)
		return standing, sameManifest(standing, manifest, err)
	}
	return manifest, err
}

func sameManifest(standing, ours []byte, err error) error {
	if err != nil || bytes.Equal(standing, ours) {
		return err
	}
	return ErrExists
}

// ModelManifest is the manifest of a model; ErrNotFound means that there is no
// such model.
func (s *Store) ModelManifest(ctx context.Context, id string) ([]byte, error) {
	k, err := key(modelsFolder, id, ManifestName)
	if err != nil {
		return nil, err
	}
	return s.read(ctx, k, maxManifest)
}

// ModelInfo is the size of a model in bytes, over all its parts (the first 256
// of more), and when its manifest was written.
type ModelInfo struct {
	ID        string
	Bytes     int64
	CreatedAt time.Time
}

// ModelInfo gives the size and age of a model that exists.
func (s *Store) ModelInfo(ctx context.Context, id string) (ModelInfo, error) {
	m, err := s.listModel(ctx, id)
	if err != nil && !errors.Is(err, ErrTooManyParts) {
		return ModelInfo{ID: id}, err
	}
	info := ModelInfo{ID: id, Bytes: m.manifestBytes, CreatedAt: m.createdAt}
	for _, part := range m.parts {
		info.Bytes += part.Bytes
	}
	return info, nil
}

// DeleteModel deletes a model and its entry in the catalog: the manifest first, so
// that the model never exists in part.
func (s *Store) DeleteModel(ctx context.Context, id string) error {
	prefix, err := key(modelsFolder, id)
	if err != nil {
		return err
	}
	if err := s.remove(ctx, prefix+"/"+ManifestName); err != nil {
		return err
	}
	if err := s.removeAll(ctx, prefix+"/"); err != nil {
		return err
	}
	return s.DeleteCatalogEntry(ctx, id)
}

// DeleteModelParts deletes what is left of a model that does not exist: parts
// without a manifest. The error is ErrExists where the model does exist.
func (s *Store) DeleteModelParts(ctx context.Context, id string) error {
	prefix, err := key(modelsFolder, id)
	if err != nil {
		return err
	}
	switch _, err := s.ModelManifest(ctx, id); {
	case err == nil:
		return fmt.Errorf("deleting parts of %s: %w", s.Location(prefix), ErrExists)
	case !errors.Is(err, ErrNotFound):
		return err
	}
	return s.removeAll(ctx, prefix+"/")
}

// removeAll deletes every object whose key begins with prefix.
func (s *Store) removeAll(ctx context.Context, prefix string) error {
	return s.list(ctx, below(prefix), func(object *blob.ListObject) error {
		return s.remove(ctx, object.Key)
	})
}
