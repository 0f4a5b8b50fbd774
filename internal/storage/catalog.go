package storage

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"gocloud.dev/blob"
)

const catalogFolder = "catalog"

// CatalogEntry records that the job of a model has succeeded. It outlives the job.
type CatalogEntry struct {
	Model string `json:"model"`
	Task  string `json:"task"`
	// Job and Name are the ID and the name of the TrainingJob.
	Job        string     `json:"job,omitempty"`
	Name       string     `json:"name,omitempty"`
	FinishedAt *time.Time `json:"finishedAt,omitempty"`
	// Manifest is the SHA-256 of the model's manifest as the job's status has it; empty where it has none.
	Manifest string `json:"manifest,omitempty"`
}

func catalogKey(model string) (string, error) {
	k, err := key(catalogFolder, model)
	return k + noteSuffix, err
}

// PutCatalogEntry stores an entry. One that is there already is left as it is.
func (s *Store) PutCatalogEntry(ctx context.Context, entry CatalogEntry) error {
	k, err := catalogKey(entry.Model)
	if err != nil {
		return err
	}
	data, err := json.Marshal(entry)
	if err != nil {
		return fmt.Errorf("encoding the catalog entry of model %s: %w", entry.Model, err)
	}
	options := jsonOptions()
	options.IfNotExist = true
	if _, err := s.put(ctx, k, bytes.NewReader(data), options, nil); !errors.Is(err, ErrExists) {
		return err
	}
	return nil
}

// CatalogEntry reads the entry of a model. The error is ErrNotFound for a model
// whose job is not known to have succeeded, and ErrForeignObject for an entry that
// others have written.
func (s *Store) CatalogEntry(ctx context.Context, model string) (CatalogEntry, error) {
	var entry CatalogEntry
	k, err := catalogKey(model)
	if err != nil {
		return entry, err
	}
	data, err := s.read(ctx, k, maxNote)
	if err != nil {
		return entry, err
	}
	if err := json.Unmarshal(data, &entry); err != nil || entry.Model != model {
		return entry, fmt.Errorf("%w: %s is not the catalog entry of model %s", ErrForeignObject, s.Location(k), model)
	}
	return entry, nil
}

// CatalogIDs lists at most limit models of the catalog behind the ID after, in the
// order of their IDs; limit 0 is all of them.
func (s *Store) CatalogIDs(ctx context.Context, after string, limit int) ([]string, error) {
	const prefix = catalogFolder + "/"
	options := below(prefix)
	if after != "" {
		options.BeforeList = s.startAfter(prefix + after)
	}
	var ids []string
	err := s.list(ctx, options, func(object *blob.ListObject) error {
		id, ok := strings.CutSuffix(strings.TrimPrefix(object.Key, prefix), noteSuffix)
		if !ok || !isName(id) || id <= after {
			return nil
		}
		if ids = append(ids, id); len(ids) == limit {
			return errEnough
		}
		return nil
	})
	return ids, err
}

// DeleteCatalogEntry deletes the entry of a model.
func (s *Store) DeleteCatalogEntry(ctx context.Context, model string) error {
	k, err := catalogKey(model)
	if err != nil {
		return err
	}
	return s.remove(ctx, k)
}
