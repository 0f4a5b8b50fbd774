package jobs

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"golang.org/x/sync/errgroup"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/swath-dev/swath/api/v1alpha1"
)

// readers is how many jobs of a page are read at a time.
const readers = 8

// ErrNoSuchCursor means that the job to continue a list after does not exist (any more).
var ErrNoSuchCursor = errors.New("no training job to continue after")

// Page lists the namespace's jobs from the newest to the oldest: those after the job with the ID after, at most limit. More
// tells whether others follow.
func (j *Jobs) Page(ctx context.Context, namespace, after string, limit int) (page []*v1alpha1.TrainingJob, more bool, err error) {
	all, err := j.all(ctx, client.InNamespace(namespace))
	if err != nil {
		return nil, false, err
	}
	newest := newestFirst(all)
	if after != "" {
		cursor := slices.IndexFunc(newest, func(job *v1alpha1.TrainingJob) bool { return ID(job) == after })
		if cursor < 0 {
			return nil, false, ErrNoSuchCursor
		}
		newest = newest[cursor+1:]
	}
	if more = len(newest) > limit; more {
		newest = newest[:limit]
	}
	page, err = j.refresh(ctx, namespace, newest)
	return page, more, err
}

func newestFirst(all []v1alpha1.TrainingJob) []*v1alpha1.TrainingJob {
	sorted := make([]*v1alpha1.TrainingJob, len(all))
	for i := range all {
		sorted[i] = &all[i]
	}
	slices.SortFunc(sorted, func(a, b *v1alpha1.TrainingJob) int {
		return cmp.Or(b.CreationTimestamp.Compare(a.CreationTimestamp.Time), cmp.Compare(a.UID, b.UID))
	})
	return sorted
}

// fewReads is up to how many jobs are simply read; for more, it is asked first which of them have changed.
const fewReads = 4

// refresh makes sure that those jobs that had not ended when the cache saw them are shown as they are now, and drops those that
// are gone.
func (j *Jobs) refresh(ctx context.Context, namespace string, page []*v1alpha1.TrainingJob) ([]*v1alpha1.TrainingJob, error) {
	open := 0
	for _, job := range page {
		if !job.Status.Phase.Finished() {
			open++
		}
	}
	var versions map[types.UID]string
	if open > fewReads {
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
	list := &metav1.PartialObjectMetadataList{}
	list.SetGroupVersionKind(v1alpha1.GroupVersion.WithKind(v1alpha1.TrainingJobKind + "List"))
	if err := j.live.List(ctx, list, client.InNamespace(namespace)); err != nil {
		return nil, fmt.Errorf("listing the versions of the TrainingJobs of namespace %s: %w", namespace, err)
	}
	versions := make(map[types.UID]string, len(list.Items))
	for i := range list.Items {
		versions[list.Items[i].UID] = list.Items[i].ResourceVersion
	}
	return versions, nil
}
