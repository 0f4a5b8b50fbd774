package gateway

import (
	"context"
	"errors"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/swath-dev/swath/api/v1alpha1"
	"github.com/swath-dev/swath/internal/catalog"
	"github.com/swath-dev/swath/internal/gateway/access"
	"github.com/swath-dev/swath/internal/gateway/jobs"
	"github.com/swath-dev/swath/internal/storage"
)

const (
	modelsPath = "/models"
	modelPath  = modelsPath + "/{id}"
)

// Model is what the documented API shows of a model.
type Model struct {
	Task      v1alpha1.Task `json:"task" enum:"classification,segmentation" doc:"The task that the model was trained for."`
	ID        string        `json:"id" doc:"The object identifier, which can be referenced in the API endpoints." example:"model-5ms9ja6hk2x0"`
	CreatedAt int64         `json:"created_at" doc:"The Unix timestamp (in seconds) for when the model was stored."`
	Bytes     int64         `json:"bytes" doc:"The size of the model in bytes, with all its parts."`
	// ManifestSHA256 is what makes a download checkable.
	ManifestSHA256 *string `json:"manifest_sha256" doc:"The SHA-256 of model.json in hexadecimal, which has those of the other parts; null for models of jobs that ended before it was recorded."`
}

// modelCalls are the calls on models.
func (s *Server) modelCalls() []call {
	tags := []string{"Models"}
	return []call{
		s.modelContentCall(),
		s.modelListCall(),
		{
			Operation: s.document(huma.Operation{
				Method: http.MethodGet, Path: modelPath, OperationID: "getModel", Tags: tags,
				Summary: "Get a model's metadata", Parameters: idParam("model", exampleModel),
			}, Model{}, http.StatusNotFound),
			right: access.Get, timeout: callTimeout, handle: s.getModel,
		},
		{
			Operation: s.document(huma.Operation{
				Method: http.MethodDelete, Path: modelPath, OperationID: "deleteModel", Tags: tags,
				Summary: "Delete a model", Description: "Deletes the model and answers what it was.", Parameters: idParam("model", exampleModel),
			}, Model{}, http.StatusNotFound),
			right: access.Delete, timeout: callTimeout, handle: s.deleteModel,
		},
	}
}

// model is the storage of the caller's namespace and the model in it that the path names. A model exists once a job's status
// has named it, whether the job is still there or not.
func (s *Server) model(r *request, id string) (*storage.Store, Model, error) {
	var none Model
	if storage.CheckName(id) != nil {
		return nil, none, errModelNotFound
	}
	store, err := s.stores.Store(r.Context(), r.caller.Namespace)
	if err != nil {
		return nil, none, err
	}
	entry, err := s.entryOf(r, store, id)
	if err != nil {
		return nil, none, err
	}
	model, err := describeModel(r.Context(), store, entry)
	return store, model, as(err, storage.ErrNotFound, errModelNotFound)
}

// entryOf is the catalog's entry of a model of a job that has succeeded, from the job or from the catalog. A job that the cache
// has is read; without one the catalog is asked first, since looking for a job that is gone takes a list of all jobs.
func (s *Server) entryOf(r *request, store *storage.Store, id string) (storage.CatalogEntry, error) {
	known, err := s.jobs.KnowsModel(r.Context(), r.caller.Namespace, id)
	if err != nil {
		return storage.CatalogEntry{}, err
	}
	if !known {
		entry, err := store.CatalogEntry(r.Context(), id)
		if !errors.Is(err, storage.ErrNotFound) {
			return entry, err
		}
	}
	job, err := s.jobs.WithModel(r.Context(), r.caller.Namespace, id)
	switch {
	case errors.Is(err, jobs.ErrNoModel):
		return storage.CatalogEntry{}, errModelNotFound
	case errors.Is(err, jobs.ErrNotFound):
		// It may have been deleted just now.
		entry, err := store.CatalogEntry(r.Context(), id)
		return entry, as(err, storage.ErrNotFound, errModelNotFound)
	case err != nil:
		return storage.CatalogEntry{}, err
	}
	return catalog.EntryOf(job), nil
}

func describeModel(ctx context.Context, store *storage.Store, entry storage.CatalogEntry) (Model, error) {
	info, err := store.ModelInfo(ctx, entry.Model)
	return Model{
		Task: v1alpha1.Task(entry.Task), ID: entry.Model, CreatedAt: info.CreatedAt.Unix(), Bytes: info.Bytes, ManifestSHA256: orNil(entry.Manifest),
	}, err
}

func (s *Server) getModel(w http.ResponseWriter, r *request) error {
	_, model, err := s.model(r, r.PathValue("id"))
	if err != nil {
		return err
	}
	writeJSON(w, http.StatusOK, model)
	return nil
}

func (s *Server) deleteModel(w http.ResponseWriter, r *request) error {
	store, model, err := s.model(r, r.PathValue("id"))
	if err != nil {
		return err
	}
	if err := store.DeleteModel(r.Context(), model.ID); err != nil {
		return err
	}
	writeJSON(w, http.StatusOK, model)
	return nil
}
