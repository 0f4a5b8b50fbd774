package gateway

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"k8s.io/utils/ptr"

	"github.com/swath-dev/swath/internal/storage"
	"github.com/swath-dev/swath/internal/training"
	"github.com/swath-dev/swath/internal/training/manifest"
)

// keptChecks is how many parts are remembered that were found to be as the manifest says.
const keptChecks = 4096

// checkedModel is a model whose manifest is the one that the job's status names. A model of a job that ended before
// statuses named one is taken as it is.
type checkedModel struct {
	*Server
	store *storage.Store
	id    string
	// digest is the SHA-256 of the manifest.
	digest string
	// listed are the parts that the manifest lists; none where it is of another trainer that lists none.
	listed map[string]manifest.Part
	parts  []storage.Object
}

// checkKey is a part of a model as it was when it was checked.
type checkKey struct {
	location, sha256 string
	changed          time.Time
}

// checked reads the manifest of a model, and which of its parts are stored. A part that the manifest does not list is no
// part of it.
func (s *Server) checked(ctx context.Context, store *storage.Store, model Model, parts []storage.Object) (*checkedModel, error) {
	c := &checkedModel{Server: s, store: store, id: model.ID}
	var err error
	if c.listed, c.digest, err = listedParts(ctx, store, model); err != nil {
		return nil, err
	}
	stored := map[string]bool{}
	for _, part := range parts {
		stored[part.Key] = true
		if _, listed := c.listed[part.Key]; listed || len(c.listed) == 0 || part.Key == storage.ManifestName {
			c.parts = append(c.parts, part)
		}
	}
	for name := range c.listed {
		if !stored[name] {
			return nil, damaged(model.ID, &manifest.DamagedError{What: name, Problem: "it is not in storage"})
		}
	}
	return c, nil
}

// listedParts are the parts that the manifest of a model lists, and its digest. The error says so where it is another
// manifest than the one that the job's status names.
func listedParts(ctx context.Context, store *storage.Store, model Model) (parts map[string]manifest.Part, digest string, err error) {
	err = store.WithManifest(ctx, model.ID, func(data []byte) (err error) {
		if err := manifest.CheckManifest(data, ptr.Deref(model.ManifestSHA256, "")); err != nil {
			return damaged(model.ID, err)
		}
		digest = storage.DigestOf(data).SHA256
		parts, err = manifest.Parts(data)
		return damaged(model.ID, err)
	})
	return parts, digest, as(err, storage.ErrNotFound, errModelNotFound)
}

// checkNetwork returns an error where data is not the network that training stored.
func checkNetwork(ctx context.Context, store *storage.Store, model Model, data []byte) error {
	parts, _, err := listedParts(ctx, store, model)
	if err != nil {
		return err
	}
	part, listed := parts[training.ModelName]
	if !listed {
		return nil
	}
	return damaged(model.ID, manifest.CheckPart(part, bytes.NewReader(data)))
}

// sha256 is the digest that a part has to have; empty where it is not known.
func (c *checkedModel) sha256(name string) string {
	if name == storage.ManifestName {
		return c.digest
	}
	return c.listed[name].SHA256
}

// check reads a part, unless it was checked already and has not changed since, and returns an error where it is not what
// the manifest says.
func (c *checkedModel) check(ctx context.Context, part storage.Object) error {
	listed, ok := c.listed[part.Key]
	if !ok {
		return nil
	}
	key := checkKey{c.store.Location("models/" + c.id + "/" + part.Key), listed.SHA256, part.Changed}
	if _, known := c.checks.Get(key); known {
		return nil
	}
	reader, err := c.store.OpenModelPart(ctx, c.id, part.Key)
	if err != nil {
		return err
	}
	defer reader.Close()
	if err := manifest.CheckPart(listed, reader); err != nil {
		return damaged(c.id, err)
	}
	c.checks.Add(key, true)
	return nil
}

// damaged is the answer where a model is not what training stored. Nobody gets a part of it: it is not the model.
func damaged(id string, err error) error {
	wrong, ok := errors.AsType[*manifest.DamagedError](err)
	if !ok {
		return err
	}
	return &callError{
		status: http.StatusInternalServerError,
		detail: fmt.Sprintf("The stored model %s is not what training stored: %s. Restore it from a backup, or train again", id, wrong),
	}
}
