package jobs

import (
	"context"
	"slices"

	"golang.org/x/sync/errgroup"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/swath-dev/swath/api/v1alpha1"
)

// readers is how many jobs of a page are read at a time.
const readers = 8

// Page is a part of a list.
type Page struct {
	Jobs []*v1alpha1.TrainingJob
	// Next is what to continue after; empty where nothing follows.
	Next string
}

// Page lists the namespace's jobs from the newest to the oldest: those after a cursor or the job with an ID, at most limit.
func (j *Jobs) Page(ctx context.Context, namespace, after string, limit int) (Page, error) {
	all, err := j.all(ctx, client.InNamespace(namespace))
	if err != nil {
		return Page{}, err
	}
	newest := newestFirst(all)
	if after != "" {
		cursor, err := j.positionAfter(ctx, namespace, after)
		if err != nil {
			return Page{}, err
		}
		first := slices.IndexFunc(newest, func(job *v1alpha1.TrainingJob) bool { return cursor.compare(positionOf(job)) < 0 })
		if first < 0 {
			first = len(newest)
		}
		newest = newest[first:]
	}
	var page Page
	if len(newest) > limit {
		newest = newest[:limit]
		page.Next = positionOf(newest[limit-1]).String()
	}
	page.Jobs, err = j.refresh(ctx, namespace, newest, len(all) <= manyJobs)
	return page, err
}

func newestFirst(all []v1alpha1.TrainingJob) []*v1alpha1.TrainingJob {
	sorted := make([]*v1alpha1.TrainingJob, len(all))
	for i := range all {
		sorted[i] = &all[i]
	}
	slices.SortFunc(sorted, func(a, b *v1alpha1.TrainingJob) int { return positionOf(a).compare(positionOf(b)) })
	return sorted
}

const (
	// fewReads is up to how many jobs are simply read; for more, it is asked first which of them have changed.
	fewReads = 4
	// manyJobs is how many jobs of a namespace are too many to ask that: then those of the page are read, however many.
	manyJobs = 4 * lookPage
)

// refresh makes sure that those jobs that had not ended when the cache saw them are shown as they are now, and drops those that
// are gone.
func (j *Jobs) refresh(ctx context.Context, namespace string, page []*v1alpha1.TrainingJob, few bool) ([]*v1alpha1.TrainingJob, error) {
	open := 0
	for _, job := range page {
		if !job.Status.Phase.Finished() {
			open++
		}
	}
	var versions map[types.UID]string
	if open > fewReads && few {
		var err error
		if versions, err = j.versions(ctx, namespace); err != nil {
			return nil, err
		}
	}
	fresh := make([]*v1alpha1.TrainingJob, len(page))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(readers)
	for i, job := range page {
		if job.Status.Phase.Finished() || versions != nil && versions[job.UID] == job.ResourceVersion {
			fresh[i] = job
			continue
		}
		group.Go(func() error {
			read, err := j.read(ctx, job.Namespace, job.Name)
			if err == nil && read.UID == job.UID {
				fresh[i] = read
			}
			if apierrors.IsNotFound(err) {
				return nil
			}
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	return slices.DeleteFunc(fresh, func(job *v1alpha1.TrainingJob) bool { return job == nil }), nil
}

// versions are the resource versions that the namespace's jobs have now.
func (j *Jobs) versions(ctx context.Context, namespace string) (map[types.UID]string, error) {
	all, err := j.look(ctx, namespace)
	if err != nil {
		return nil, err
	}
	versions := make(map[types.UID]string, len(all))
	for _, seen := range all {
		versions[seen.uid] = seen.version
	}
	return versions, nil
}
