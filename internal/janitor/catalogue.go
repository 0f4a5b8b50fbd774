package janitor

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/swath-dev/swath/api/v1alpha1"
	"github.com/swath-dev/swath/internal/catalog"
	"github.com/swath-dev/swath/internal/storage"
)

// catalogue records the jobs that have succeeded, as far as the gateway has not, and gives the entries of the catalog as they
// were before: Whole where their model is there. Entries of models behind the last one that was looked at are left out.
func (c *cleaner) catalogue(ctx context.Context, jobs []v1alpha1.TrainingJob, models []storage.Folder, known known) ([]storage.Folder, error) {
	ids, err := c.store.CatalogIDs(ctx, "", c.options.Most)
	if err != nil {
		return nil, err
	}
	there := map[string]bool{}
	for _, model := range models {
		there[model.ID] = model.Whole
	}
	recorded := map[string]bool{}
	entries := make([]storage.Folder, 0, len(ids))
	for _, id := range ids {
		recorded[id] = true
		if len(models) < c.options.Most || !models[len(models)-1].IsBefore(id) {
			entries = append(entries, storage.Folder{ID: id, Whole: there[id]})
		}
	}
	if c.options.DryRun {
		return entries, nil
	}
	for i := range jobs {
		if model := jobs[i].Status.TrainedModel; catalog.Succeeded(&jobs[i]) && there[model] && !recorded[model] {
			if err := catalog.Record(ctx, c.store, &jobs[i]); err != nil && !c.isOdd(err, "model", model) {
				return nil, err
			}
		}
	}
	for _, model := range models {
		if c.options.ListUnrecorded && model.Whole && !recorded[model.ID] && !known.named[model.ID] && !known.refused[model.ID] {
			if err := c.listUnrecorded(ctx, model.ID); err != nil && !c.isOdd(err, "model", model.ID) {
				return nil, err
			}
		}
	}
	return entries, nil
}

// listUnrecorded puts a model into the catalog by what its manifest says.
func (c *cleaner) listUnrecorded(ctx context.Context, id string) error {
	data, err := c.store.ModelManifest(ctx, id)
	if err != nil {
		return err
	}
	var manifest struct {
		Task string `json:"task"`
	}
	if err := json.Unmarshal(data, &manifest); err != nil {
		return fmt.Errorf("%w: the manifest of model %s cannot be read: %w", storage.ErrForeignObject, id, err)
	}
	c.log.Info("putting a model into the catalog whose job is gone", "model", id)
	return c.store.PutCatalogEntry(ctx, storage.CatalogEntry{Model: id, Task: manifest.Task, Job: "trainingjob-" + strings.TrimPrefix(id, "model-")})
}
