package storage

import (
	"bytes"
	"context"
)

// OverwriteManifest replaces a manifest, which nothing but a test does.
func OverwriteManifest(ctx context.Context, s *Store, id string, manifest []byte) error {
	k, err := key(modelsFolder, id, ManifestName)
	if err != nil {
		return err
	}
	_, err = s.put(ctx, k, bytes.NewReader(manifest), jsonOptions(), nil)
	return err
}
