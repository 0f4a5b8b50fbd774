// Package janitor removes from storage what nothing refers to any more: uploads that were cut off, checkpoints of jobs that are
// gone or have ended, and models that no job names.
//
// What nothing refers to is first marked, and removed only once it has been marked for long enough: a cluster that is being
// restored from a backup has no jobs for a while, and must not lose its models for that.
package janitor

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/swath-dev/swath/api/v1alpha1"
	"github.com/swath-dev/swath/internal/contract"
	"github.com/swath-dev/swath/internal/storage"
)

// Options say what is removed when. A time that is 0 removes nothing of its kind.
type Options struct {
	// CutOff is after how long an upload that does not get on counts as cut off.
	CutOff time.Duration
	// Checkpoints and Models are for how long nothing may have referred to them.
	Checkpoints time.Duration
	Models      time.Duration
	// DryRun removes nothing and tells what would be.
	DryRun bool
}

// Done is what was removed, or with Options.DryRun what would have been.
type Done struct {
	CutOff      []string
	Checkpoints []string
	Models      []string
	// Marked is how much waits for its time.
	Marked int
}

// marks tell since when nothing has referred to the checkpoints of a job, or to a model.
type marks struct {
	Checkpoints map[string]time.Time `json:"checkpoints"`
	Models      map[string]time.Time `json:"models"`
}

// Clean cleans the storage of one namespace. Jobs are all jobs of the namespace, read after the storage could have been: list
// gives them.
func Clean(ctx context.Context, store *storage.Store, list func(context.Context) ([]v1alpha1.TrainingJob, error), options Options, now time.Time, log *slog.Logger) (Done, error) {
	var done Done
	before, err := readMarks(ctx, store)
	if err != nil {
		return done, err
	}
	// Storage is looked at first: a job that is made meanwhile is then known, and its model not taken for an orphan.
	folders, err := store.JobFolders(ctx)
	if err != nil {
		return done, err
	}
	models, err := store.ModelIDs(ctx)
	if err != nil {
		return done, err
	}
	jobs, err := list(ctx)
	if err != nil {
		return done, err
	}
	working, named := references(jobs)
	after := marks{Checkpoints: map[string]time.Time{}, Models: map[string]time.Time{}}
	var old []string
	for _, folder := range folders {
		if !working[folder.ID] && due(before.Checkpoints, after.Checkpoints, folder.ID, options.Checkpoints, now) {
			old = append(old, folder.ID)
		}
	}
	done.Checkpoints, err = removeEach(ctx, "checkpoints", old, after.Checkpoints, store.DeleteJob, options, log)
	if err != nil {
		return done, err
	}
	old = nil
	for _, model := range models {
		if !named[model] && due(before.Models, after.Models, model, options.Models, now) {
			old = append(old, model)
		}
	}
	if done.Models, err = removeEach(ctx, "model", old, after.Models, store.DeleteModel, options, log); err != nil {
		return done, err
	}
	if options.CutOff > 0 {
		if done.CutOff, err = removeCutOff(ctx, store, now.Add(-options.CutOff), options, log); err != nil {
			return done, err
		}
	}
	done.Marked = len(after.Checkpoints) + len(after.Models)
	if options.DryRun {
		return done, nil
	}
	return done, writeMarks(ctx, store, before, after)
}

// references are the jobs that still work, and the models that a job names or is about to name, by their IDs.
func references(jobs []v1alpha1.TrainingJob) (working, named map[string]bool) {
	working, named = map[string]bool{}, map[string]bool{}
	for i := range jobs {
		job := &jobs[i]
		id := job.Status.ID
		if id == "" {
			id = contract.JobID(string(job.UID))
		}
		if job.Status.TrainedModel != "" {
			named[job.Status.TrainedModel] = true
		}
		if !job.Status.Phase.Finished() {
			working[id] = true
			named[contract.ModelID(id)] = true
		}
	}
	return working, named
}

// due tells whether something has been marked for long enough, and marks it.
func due(before, after map[string]time.Time, id string, keep time.Duration, now time.Time) bool {
	since, marked := before[id]
	if !marked {
		since = now
	}
	after[id] = since
	return marked && keep > 0 && now.Sub(since) >= keep
}

// removeEach removes what is due, and the marks of it.
func removeEach(ctx context.Context, kind string, ids []string, marked map[string]time.Time, remove func(context.Context, string) error, options Options, log *slog.Logger) ([]string, error) {
	var removed []string
	for _, id := range ids {
		log.Info("removing what nothing refers to", "kind", kind, "id", id, "marked", marked[id], "dryRun", options.DryRun)
		if !options.DryRun {
			if err := remove(ctx, id); err != nil {
				return removed, err
			}
			delete(marked, id)
		}
		removed = append(removed, id)
	}
	return removed, nil
}

func removeCutOff(ctx context.Context, store *storage.Store, before time.Time, options Options, log *slog.Logger) ([]string, error) {
	keys, err := store.CutOff(ctx, before)
	if err != nil {
		return nil, err
	}
	for _, key := range keys {
		log.Info("removing an upload that was cut off", "key", store.Location(key), "dryRun", options.DryRun)
	}
	if options.DryRun || len(keys) == 0 {
		return keys, nil
	}
	return keys, store.RemoveCutOff(ctx, before)
}

func readMarks(ctx context.Context, store *storage.Store) (marks, error) {
	var read marks
	data, err := store.JanitorMarks(ctx)
	if err != nil || data == nil {
		return read, err
	}
	if err := json.Unmarshal(data, &read); err != nil {
		return read, fmt.Errorf("reading what the janitor has marked: %w", err)
	}
	return read, nil
}

// writeMarks keeps the marks, unless there were none and are none.
func writeMarks(ctx context.Context, store *storage.Store, before, after marks) error {
	if len(before.Checkpoints)+len(before.Models)+len(after.Checkpoints)+len(after.Models) == 0 {
		return nil
	}
	data, err := json.Marshal(after)
	if err != nil {
		return fmt.Errorf("writing what the janitor has marked: %w", err)
	}
	return store.PutJanitorMarks(ctx, data)
}

// Namespaces are those that something can be in: the namespaces of the jobs and the given ones, each once.
func Namespaces(jobs []v1alpha1.TrainingJob, given []string) []string {
	names := slices.Clone(given)
	for i := range jobs {
		names = append(names, jobs[i].Namespace)
	}
	slices.Sort(names)
	return slices.Compact(names)
}
