package gateway

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	"net/http"
	"slices"

	"github.com/danielgtaylor/huma/v2"
	"golang.org/x/sync/errgroup"

	"github.com/swath-dev/swath/api/v1alpha1"
	"github.com/swath-dev/swath/internal/catalog"
	"github.com/swath-dev/swath/internal/gateway/access"
	"github.com/swath-dev/swath/internal/storage"
)

// errNoModelCursor is the answer where a list of models cannot be continued.
var errNoModelCursor = &callError{
	status: http.StatusBadRequest,
	detail: "There is no model to continue after: use next of the page before, or begin the list again without after",
}

// modelReaders is how many models of a page are described at a time.
const modelReaders = 8

func (s *Server) modelListCall() call {
	return call{
		Operation: s.document(huma.Operation{
			Method: http.MethodGet, Path: modelsPath, OperationID: "listModels", Tags: []string{"Models"},
			Summary:     "List models",
			Description: "Lists the models of the namespace in the order of their IDs, also those whose training job was deleted.",
			Parameters:  pageParams("next of the page before, or the ID of its last model."),
		}, Page[Model]{}, http.StatusUnprocessableEntity),
		right: access.List, timeout: callTimeout, handle: s.listModels,
	}
}

// recordSuccess puts the model of a job that has succeeded into the catalog.
func (s *Server) recordSuccess(ctx context.Context, job *v1alpha1.TrainingJob) error {
	store, err := s.stores.Store(ctx, job.Namespace)
	if refused, ok := errors.AsType[*callError](err); ok && refused.status == http.StatusForbidden {
		return nil // The namespace has no storage any more.
	}
	if err != nil {
		return err
	}
	return catalog.Record(ctx, store, job)
}

func (s *Server) listModels(w http.ResponseWriter, r *request) error {
	store, err := s.stores.Store(r.Context(), r.caller.Namespace)
	if err != nil {
		return err
	}
	list := &modelList{store: store, log: r.log}
	if list.jobs, err = s.jobs.WithModels(r.Context(), r.caller.Namespace); err != nil {
		return err
	}
	if err := list.begin(r.Context(), r.query.Get("after")); err != nil {
		return err
	}
	limit := r.limit()
	var models []Model
	for len(models) <= limit && !list.ended {
		more, err := list.next(r.Context(), limit+1-len(models))
		if err != nil {
			return err
		}
		models = append(models, more...)
	}
	page := Page[Model]{Data: models[:min(limit, len(models))], HasMore: len(models) > limit}
	if page.HasMore {
		page.Next = orNil(fileCursor(page.Data[limit-1].ID))
	}
	if page.Data == nil {
		page.Data = []Model{}
	}
	writeJSON(w, http.StatusOK, page)
	return nil
}

// modelList lists the models of the catalog and those of jobs that the catalog does not have yet, in the order of their IDs.
type modelList struct {
	store *storage.Store
	log   *slog.Logger
	jobs  map[string]*v1alpha1.TrainingJob
	// after is the last ID that was looked at, and ended whether none follows.
	after string
	ended bool
}

// begin has the list begin behind a cursor, or a model of it.
func (l *modelList) begin(ctx context.Context, after string) error {
	if after == "" {
		return nil
	}
	if id, ok := cursorID(after); ok {
		l.after = id
		return nil
	}
	l.after = after
	if l.jobs[after] != nil {
		return nil
	}
	if storage.CheckName(after) != nil {
		return errNoModelCursor
	}
	_, err := l.store.CatalogEntry(ctx, after)
	if errors.Is(err, storage.ErrForeignObject) {
		return nil
	}
	return as(err, storage.ErrNotFound, errNoModelCursor)
}

// next describes the models among the next so many IDs: those that were deleted are left out, and so
// are those that others have spoilt in storage, which must not take the whole list away.
func (l *modelList) next(ctx context.Context, limit int) ([]Model, error) {
	ids, err := l.store.CatalogIDs(ctx, l.after, limit)
	if err != nil {
		return nil, err
	}
	for id := range maps.Keys(l.jobs) {
		if id > l.after {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	ids = slices.Compact(ids)
	if l.ended = len(ids) <= limit; !l.ended {
		ids = ids[:limit]
	}
	// As many may be left in the catalog as were asked for.
	l.ended = l.ended && len(ids) < limit
	if len(ids) > 0 {
		l.after = ids[len(ids)-1]
	}
	found := make([]Model, len(ids))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(modelReaders)
	for i, id := range ids {
		group.Go(func() (err error) {
			found[i], err = l.describe(ctx, id)
			if errors.Is(err, storage.ErrForeignObject) {
				l.log.Warn("leaving a model out of the list", "model", id, "error", err)
				found[i], err = Model{}, nil
			}
			return as(err, storage.ErrNotFound, nil)
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	return slices.DeleteFunc(found, func(model Model) bool { return model.ID == "" }), nil
}

// describe describes a model; the error is storage.ErrNotFound for one that was deleted.
func (l *modelList) describe(ctx context.Context, id string) (Model, error) {
	var entry storage.CatalogEntry
	if job := l.jobs[id]; job != nil {
		entry = catalog.EntryOf(job)
	} else {
		var err error
		if entry, err = l.store.CatalogEntry(ctx, id); err != nil {
			return Model{}, err
		}
	}
	model, err := describeModel(ctx, l.store, entry)
	if err != nil {
		return Model{}, err
	}
	return model, nil
}
