// Package janitor removes from storage what nothing refers to any more: uploads that were cut off, checkpoints of jobs that are
// gone or have ended, models of jobs that were cancelled or failed, and what is left of models that were written or deleted in
// part. Models whose jobs have succeeded stay when their jobs are gone, unless a time is set for them.
//
// What nothing refers to is first marked, and removed only once it has been marked for long enough: a cluster that is being
// restored from a backup has no jobs for a while, and must not lose its models for that. The marks say which cluster's janitor
// wrote them, since another cluster knows nothing of the jobs that a model belongs to.
package janitor

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"slices"
	"time"

	"github.com/swath-dev/swath/api/v1alpha1"
	"github.com/swath-dev/swath/internal/contract"
	"github.com/swath-dev/swath/internal/storage"
)

// Options say what is removed when. A time that is 0 removes nothing of its kind.
type Options struct {
	// Cluster is the ID of the cluster whose jobs the storage is for.
	Cluster string
	// UID is the UID of the namespace that the storage has to belong to. It is empty for a namespace that is gone, whose storage
	// is cleaned, too.
	UID string
	// TakeOver takes the storage over from the janitor of another cluster.
	TakeOver bool
	// OnlyClaimed passes over storage that this cluster's janitor has not cleaned before.
	OnlyClaimed bool
	// CutOff is after how long an upload that does not get on counts as cut off.
	CutOff time.Duration
	// Checkpoints and Models are for how long nothing may have referred to them. What is left of a model that is not whole is
	// kept as checkpoints are.
	Checkpoints time.Duration
	Models      time.Duration
	// ListUnrecorded puts models into the catalog whose job is gone and whose success nobody has recorded.
	ListUnrecorded bool
	// Most is how many jobs, models and entries of the catalog are looked at in one go, for a tenant can store as many as it likes;
	// 100,000 where it is 0. Those that go make room for the next ones.
	Most int
	// DryRun removes nothing and tells what would be.
	DryRun bool
}

const defaultMost = 100_000

// Done is what was removed, or with Options.DryRun what would have been.
type Done struct {
	CutOff      []string
	Checkpoints []string
	Models      []string
	// Refused are models that were committed though their jobs were cancelled or failed.
	Refused []string
	// Entries are those of the catalog whose models were deleted.
	Entries []string
	// Parts are the models of which parts were left and no manifest.
	Parts []string
	// Strays are the models beside which parts were left that are not theirs: of a trainer whose manifest came too late.
	Strays []string
	// Marked is how much waits for its time.
	Marked int
	// Skipped tells that the storage is not this cluster's, or not known to be.
	Skipped bool
}

// Lister lists all jobs of the namespace as they are now.
type Lister func(context.Context) ([]v1alpha1.TrainingJob, error)

// cleaner cleans the storage of one namespace.
type cleaner struct {
	store   *storage.Store
	options Options
	now     time.Time
	log     *slog.Logger

	before, after marks
	done          Done
}

// Clean cleans the storage of one namespace. The error is a *ForeignError where another cluster's janitor does, and a
// *storage.NotOwnerError where the storage belongs to another namespace.
func Clean(ctx context.Context, store *storage.Store, list Lister, options Options, now time.Time, log *slog.Logger) (Done, error) {
	options.Most = cmp.Or(options.Most, defaultMost)
	c := &cleaner{store: store, options: options, now: now, log: log, after: newMarks(options.Cluster)}
	ours, err := c.claim(ctx)
	if err != nil || !ours {
		c.done.Skipped = err == nil
		return c.done, err
	}
	return c.done, c.clean(ctx, list)
}

func (c *cleaner) clean(ctx context.Context, list Lister) error {
	// Storage is looked at first: a job that is made meanwhile is then known, and its model not taken for an orphan.
	folders, err := c.store.JobFolders(ctx, c.options.Most)
	if err != nil {
		return err
	}
	models, err := c.store.ModelFolders(ctx, c.options.Most)
	if err != nil {
		return err
	}
	jobs, err := list(ctx)
	if err != nil {
		return err
	}
	known := references(jobs)
	entries, err := c.catalogue(ctx, jobs, models, known)
	if err != nil {
		return err
	}
	for _, kind := range []kind{
		{
			name: "checkpoints", found: folders, keep: c.options.Checkpoints, before: c.before.Checkpoints, after: c.after.Checkpoints, removed: &c.done.Checkpoints,
			needed: func(f storage.Folder) bool { return known.working[f.ID] }, remove: c.store.DeleteJob,
		},
		{
			name: "model", found: models, keep: c.options.Models, before: c.before.Models, after: c.after.Models, removed: &c.done.Models,
			needed: func(f storage.Folder) bool { return !f.Whole || known.named[f.ID] || known.refused[f.ID] }, remove: c.store.DeleteModel,
		},
		{
			name: "model of a job without success", found: models, keep: c.options.Checkpoints, before: c.before.Refused, after: c.after.Refused, removed: &c.done.Refused,
			needed: func(f storage.Folder) bool { return !f.Whole || !known.refused[f.ID] }, remove: c.store.DeleteModel,
		},
		{
			name: "parts of a model", found: models, keep: c.options.Checkpoints, before: c.before.Parts, after: c.after.Parts, removed: &c.done.Parts,
			needed: func(f storage.Folder) bool { return f.Whole || known.coming[f.ID] }, remove: c.store.DeleteModelParts,
		},
		{
			name: "parts of another model", found: models, keep: c.options.Checkpoints, before: c.before.Strays, after: c.after.Strays, removed: &c.done.Strays,
			needed: func(f storage.Folder) bool { return !f.Whole || !f.Mixed || known.coming[f.ID] }, remove: c.store.DeleteStrayParts,
		},
		{
			name: "catalog entry", found: entries, keep: c.options.Checkpoints, before: c.before.Entries, after: c.after.Entries, removed: &c.done.Entries,
			needed: func(f storage.Folder) bool { return f.Whole }, remove: c.store.DeleteCatalogEntry,
		},
	} {
		if err := c.sweep(ctx, kind); err != nil {
			return err
		}
	}
	if c.options.CutOff > 0 {
		if err := c.removeCutOff(ctx); err != nil {
			return err
		}
	}
	c.done.Marked = c.after.count()
	return c.keepMarks(ctx)
}

// known is what jobs refer to, by ID.
type known struct {
	// working are the jobs that have not ended, and coming the models that they are going to commit.
	working, coming map[string]bool
	// named are the models that a job names, and those that are coming.
	named map[string]bool
	// refused are the models that the trainers of cancelled and failed jobs may have committed.
	refused map[string]bool
}

func references(jobs []v1alpha1.TrainingJob) known {
	k := known{working: map[string]bool{}, coming: map[string]bool{}, named: map[string]bool{}, refused: map[string]bool{}}
	for i := range jobs {
		job := &jobs[i]
		id := contract.RecordedJobID(job.Status.ID, string(job.UID))
		if job.Status.TrainedModel != "" {
			k.named[job.Status.TrainedModel] = true
		}
		switch job.Status.Phase {
		case v1alpha1.PhaseCancelled, v1alpha1.PhaseFailed:
			k.refused[contract.ModelID(id)] = true
		}
		if !job.Status.Phase.Finished() {
			k.working[id] = true
			k.coming[contract.ModelID(id)] = true
			k.named[contract.ModelID(id)] = true
		}
	}
	return k
}

// kind is a kind of things that jobs refer to.
type kind struct {
	name          string
	found         []storage.Folder
	keep          time.Duration
	before, after map[string]time.Time
	needed        func(storage.Folder) bool
	remove        func(ctx context.Context, id string) error
	removed       *[]string
}

// sweep marks what nothing needs, and removes what has been marked for long enough.
func (c *cleaner) sweep(ctx context.Context, k kind) error {
	for _, folder := range k.found {
		if k.needed(folder) {
			continue
		}
		since, marked := k.before[folder.ID]
		if !marked {
			since = c.now
		}
		k.after[folder.ID] = since
		if !marked || k.keep <= 0 || c.now.Sub(since) < k.keep {
			continue
		}
		c.log.Info("removing what nothing refers to", "kind", k.name, "id", folder.ID, "marked", since, "dryRun", c.options.DryRun)
		if !c.options.DryRun {
			err := k.remove(ctx, folder.ID)
			if c.isOdd(err, k.name, folder.ID) {
				continue
			}
			if err != nil && !errors.Is(err, storage.ErrExists) {
				return err
			}
			delete(k.after, folder.ID)
			if err != nil {
				continue // It is whole by now.
			}
		}
		*k.removed = append(*k.removed, folder.ID)
	}
	return nil
}

// isOdd reports whether an error is about one object only that others have put into storage, and logs it: what else is in the
// storage is cleaned all the same.
func (c *cleaner) isOdd(err error, kind, id string) bool {
	odd := errors.Is(err, storage.ErrForeignObject) || errors.Is(err, storage.ErrTooManyParts)
	if odd {
		c.log.Warn("passing over what is not as Swath stores it", "kind", kind, "id", id, "error", err)
	}
	return odd
}

func (c *cleaner) removeCutOff(ctx context.Context) error {
	before := c.now.Add(-c.options.CutOff)
	keys, err := c.store.CutOff(ctx, before)
	if err != nil {
		return err
	}
	for _, key := range keys {
		c.log.Info("removing what was cut off", "key", c.store.Location(key), "dryRun", c.options.DryRun)
	}
	c.done.CutOff = keys
	if c.options.DryRun || len(keys) == 0 {
		return nil
	}
	return c.store.RemoveCutOff(ctx, before)
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
