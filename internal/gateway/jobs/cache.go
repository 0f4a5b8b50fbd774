package jobs

import (
	"context"
	"fmt"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	schedulingv1 "k8s.io/api/scheduling/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/swath-dev/swath/api/v1alpha1"
	"github.com/swath-dev/swath/internal/contract"
)

// indexID is the index of the cache by ID.
const indexID = "id"

func newScheme() (*runtime.Scheme, error) {
	scheme := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{v1alpha1.AddToScheme, corev1.AddToScheme, schedulingv1.AddToScheme} {
		if err := add(scheme); err != nil {
			return nil, fmt.Errorf("building the scheme: %w", err)
		}
	}
	return scheme, nil
}

func newCache(config *rest.Config, scheme *runtime.Scheme) (cache.Cache, error) {
	cached, err := cache.New(config, cache.Options{
		Scheme:   scheme,
		ByObject: map[client.Object]cache.ByObject{&v1alpha1.TrainingJob{}: {Transform: slim}},
	})
	if err != nil {
		return nil, fmt.Errorf("making the cache of TrainingJobs: %w", err)
	}
	err = cached.IndexField(context.Background(), &v1alpha1.TrainingJob{}, indexID, func(object client.Object) []string {
		job, ok := object.(*v1alpha1.TrainingJob)
		if !ok {
			return nil
		}
		return []string{ID(job)}
	})
	if err != nil {
		return nil, fmt.Errorf("indexing the cache of TrainingJobs: %w", err)
	}
	return cached, nil
}

// slim drops what neither lists nor the queue show, which is most of a job's size. When it was cancelled is shown.
func slim(object any) (any, error) {
	if job, ok := object.(*v1alpha1.TrainingJob); ok {
		job.ManagedFields = cancelEntries(job)
		at, asked := job.Annotations[CancelledAtAnnotation]
		job.Annotations = nil
		if asked {
			job.Annotations = map[string]string{CancelledAtAnnotation: at}
		}
		job.Status.PhaseTimes = nil
		job.Status.Attempts = nil
		job.Status.Files = nil
		job.Status.Warnings = nil
		job.Status.Metrics = nil
		job.Status.Progress = nil
		if job.Spec.Pod != nil {
			job.Spec.Pod = &v1alpha1.PodOptions{PriorityClassName: job.Spec.Pod.PriorityClassName}
		}
	}
	return object, nil
}

// all are the namespace's jobs as the cache has them, which nobody may change. All namespaces' with an empty name.
func (j *Jobs) all(ctx context.Context, options ...client.ListOption) ([]v1alpha1.TrainingJob, error) {
	list := &v1alpha1.TrainingJobList{}
	if err := j.cached.List(ctx, list, append(options, client.UnsafeDisableDeepCopy)...); err != nil {
		return nil, fmt.Errorf("looking at the cache of TrainingJobs: %w", err)
	}
	return list.Items, nil
}

// cachedName is the name of the job with the given ID, or empty. A recorded ID wins over one that is made from a UID.
func (j *Jobs) cachedName(ctx context.Context, namespace, id string) (string, error) {
	found, err := j.all(ctx, client.InNamespace(namespace), client.MatchingFields{indexID: id})
	if err != nil || len(found) == 0 {
		return "", err
	}
	for i := range found {
		if found[i].Status.ID == id {
			return found[i].Name, nil
		}
	}
	return found[0].Name, nil
}

// search looks for a job that the cache does not have yet, since another replica made it just now.
func (j *Jobs) search(ctx context.Context, namespace, id string) (*v1alpha1.TrainingJob, error) {
	if at, ok := j.missed.Get(key{namespace, id}); ok {
		if at, ok := at.(time.Time); ok && time.Since(at) < missedFor {
			return nil, ErrNotFound
		}
	}
	all, err := j.look(ctx, namespace)
	if err != nil {
		return nil, fmt.Errorf("looking for job %s: %w", id, err)
	}
	for _, seen := range all {
		if contract.JobID(string(seen.uid)) != id {
			continue
		}
		job, err := j.read(ctx, namespace, seen.name)
		if client.IgnoreNotFound(err) != nil {
			return nil, err
		}
		if err == nil && ID(job) == id {
			return job, nil
		}
	}
	j.missed.Add(key{namespace, id}, time.Now())
	return nil, ErrNotFound
}

// jobOfModel is the ID of the job that trains the given model.
func jobOfModel(model string) (string, bool) {
	suffix, ok := strings.CutPrefix(model, "model-")
	return "trainingjob-" + suffix, ok
}
