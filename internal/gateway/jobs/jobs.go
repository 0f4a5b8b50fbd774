package jobs

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/rest"
	"k8s.io/utils/lru"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/swath-dev/swath/api/v1alpha1"
	"github.com/swath-dev/swath/internal/catalog"
	"github.com/swath-dev/swath/internal/contract"
)

// ErrNotFound means that the namespace has no such job.
var ErrNotFound = errors.New("no such training job")

const (
	// keptRecent is how many jobs made here are remembered until the cache has them.
	keptRecent = 4096
	// keptMissed and keptGone are how many IDs are remembered that no job has, and that one had.
	keptMissed = 4096
	keptGone   = 16384
	// missedFor is for how long an ID that no job has is not looked for again. IDs are made from UIDs: nobody knows one before
	// there is the job.
	missedFor = time.Second
)

// Jobs are the TrainingJobs of a cluster. It is safe for concurrent use.
type Jobs struct {
	live   client.WithWatch
	cached cache.Cache
	// recent maps the keys of jobs made here to their names, for as long as the cache may not have them; missed those that no
	// job has to when they were looked for; and gone those of jobs that were deleted to their positions in lists.
	recent, missed, gone *lru.Cache
	// cancelled are jobs whose end is to be written down.
	cancelled chan *v1alpha1.TrainingJob
	succeeded *successes

	mutex sync.Mutex
	// lookers are those of the namespaces.
	lookers *lru.Cache
}

// key is an ID in a namespace.
type key struct{ namespace, id string }

// Open connects to the API server. The cache works while [Jobs.Run] does.
func Open(config *rest.Config) (*Jobs, error) {
	scheme, err := newScheme()
	if err != nil {
		return nil, err
	}
	live, err := client.NewWithWatch(config, client.Options{Scheme: scheme})
	if err != nil {
		return nil, fmt.Errorf("connecting to the API server: %w", err)
	}
	cached, err := newCache(config, scheme)
	if err != nil {
		return nil, err
	}
	j := &Jobs{
		live: live, cached: cached, recent: lru.New(keptRecent), missed: lru.New(keptMissed), gone: lru.New(keptGone),
		cancelled: make(chan *v1alpha1.TrainingJob, maxNotices), lookers: lru.New(keptLookers), succeeded: newSuccesses(),
	}
	return j, j.notice(context.Background())
}

// Run fills the cache and keeps it up to date until ctx ends.
func (j *Jobs) Run(ctx context.Context) error {
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return j.cached.Start(ctx) })
	group.Go(func() error { return j.writeDown(ctx) })
	group.Go(func() error { return j.succeeded.run(ctx) })
	return group.Wait()
}

// Ready waits until the cache is filled, or ctx ends.
func (j *Jobs) Ready(ctx context.Context) error {
	if !j.cached.WaitForCacheSync(ctx) {
		return fmt.Errorf("waiting for the cache of TrainingJobs: %w", context.Cause(ctx))
	}
	return nil
}

// ID is the job's ID in the HTTP API: the recorded one, or the one that the operator is going to record.
func ID(job *v1alpha1.TrainingJob) string {
	return contract.RecordedJobID(job.Status.ID, string(job.UID))
}

// Create makes the job. Its ID is known from then on.
func (j *Jobs) Create(ctx context.Context, job *v1alpha1.TrainingJob) error {
	if err := j.live.Create(ctx, job); err != nil {
		return fmt.Errorf("making a TrainingJob in namespace %s: %w", job.Namespace, err)
	}
	j.recent.Add(key{job.Namespace, ID(job)}, job.Name)
	return nil
}

// SameRequest is the job that has the name of the given one, if it was made by the same request, or nil.
func (j *Jobs) SameRequest(ctx context.Context, job *v1alpha1.TrainingJob) (*v1alpha1.TrainingJob, error) {
	standing, err := j.read(ctx, job.Namespace, job.Name)
	if err != nil {
		return nil, err
	}
	same := standing.Spec.Task == job.Spec.Task && standing.Spec.TrainingFile == job.Spec.TrainingFile &&
		equality.Semantic.DeepEqual(standing.Spec.ValidationFile, job.Spec.ValidationFile) &&
		equality.Semantic.DeepEqual(standing.Spec.Hyperparameters, job.Spec.Hyperparameters)
	if !same {
		return nil, nil
	}
	return standing, nil
}

// Get reads the job with the given ID from the API server.
func (j *Jobs) Get(ctx context.Context, namespace, id string) (*v1alpha1.TrainingJob, error) {
	name, err := j.cachedName(ctx, namespace, id)
	if err != nil {
		return nil, err
	}
	if name == "" {
		if made, ok := j.recent.Get(key{namespace, id}); ok {
			name, _ = made.(string)
		}
	}
	if name != "" {
		job, err := j.read(ctx, namespace, name)
		if err == nil && ID(job) == id {
			return job, nil
		}
		if err != nil && !apierrors.IsNotFound(err) {
			return nil, err
		}
	}
	return j.search(ctx, namespace, id)
}

// ErrNoModel means that a job is there and has no such model: it has not succeeded.
var ErrNoModel = errors.New("the training job has no model")

// WithModel reads the job that trained the given model. The error is ErrNotFound if the job is gone, and ErrNoModel if its
// status does not name the model.
func (j *Jobs) WithModel(ctx context.Context, namespace, model string) (*v1alpha1.TrainingJob, error) {
	id, ok := jobOfModel(model)
	if !ok {
		return nil, ErrNotFound
	}
	job, err := j.Get(ctx, namespace, id)
	if err != nil {
		return nil, err
	}
	if job.Status.Phase != v1alpha1.PhaseSucceeded || job.Status.TrainedModel != model {
		return nil, ErrNoModel
	}
	return job, nil
}

// KnowsModel reports whether the cache has the job that trained the given model.
func (j *Jobs) KnowsModel(ctx context.Context, namespace, model string) (bool, error) {
	id, ok := jobOfModel(model)
	if !ok {
		return false, nil
	}
	name, err := j.cachedName(ctx, namespace, id)
	return name != "", err
}

// WithModels are the jobs of the namespace that have succeeded, by the IDs of their models, as the cache has them.
func (j *Jobs) WithModels(ctx context.Context, namespace string) (map[string]*v1alpha1.TrainingJob, error) {
	all, err := j.all(ctx, client.InNamespace(namespace))
	if err != nil {
		return nil, err
	}
	models := map[string]*v1alpha1.TrainingJob{}
	for i := range all {
		if catalog.Succeeded(&all[i]) {
			models[all[i].Status.TrainedModel] = &all[i]
		}
	}
	return models, nil
}

func (j *Jobs) read(ctx context.Context, namespace, name string) (*v1alpha1.TrainingJob, error) {
	job := &v1alpha1.TrainingJob{}
	if err := j.live.Get(ctx, types.NamespacedName{Namespace: namespace, Name: name}, job); err != nil {
		return nil, fmt.Errorf("reading TrainingJob %s/%s: %w", namespace, name, err)
	}
	return job, nil
}
