package jobs

import (
	"context"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/util/workqueue"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/swath-dev/swath/api/v1alpha1"
	"github.com/swath-dev/swath/internal/catalog"
)

const (
	// recorders is how many successes are recorded at a time.
	recorders = 8
	// maxRecords is how often recording a success is tried, after waits from firstRecordRetry to longestRecordRetry: about
	// three hours. What is given up is tried again when the gateway starts, and by the janitor.
	maxRecords         = 40
	firstRecordRetry   = time.Second
	longestRecordRetry = 5 * time.Minute
)

// Recorder records that a job has succeeded where it outlives the job.
type Recorder func(ctx context.Context, job *v1alpha1.TrainingJob) error

// successes are jobs that have succeeded and whose success is to be recorded.
type successes struct {
	queue workqueue.TypedRateLimitingInterface[types.UID]
	ready chan struct{}
	once  sync.Once

	mutex  sync.Mutex
	jobs   map[types.UID]*v1alpha1.TrainingJob
	record Recorder
}

func newSuccesses() *successes {
	return &successes{
		queue: workqueue.NewTypedRateLimitingQueue(workqueue.NewTypedItemExponentialFailureRateLimiter[types.UID](firstRecordRetry, longestRecordRetry)),
		ready: make(chan struct{}), jobs: map[types.UID]*v1alpha1.TrainingJob{},
	}
}

// RecordSuccesses has the recorder called for every job that has succeeded, also when it is deleted at once. It is called while
// [Jobs.Run] works, again after an error, and also for jobs whose success is recorded already.
func (j *Jobs) RecordSuccesses(record Recorder) {
	j.succeeded.once.Do(func() {
		j.succeeded.record = record
		close(j.succeeded.ready)
	})
}

// notice queues a job that has succeeded. The cache has replaced one that has changed.
func (s *successes) notice(object any) {
	job, ok := object.(*v1alpha1.TrainingJob)
	if !ok || !catalog.Succeeded(job) {
		return
	}
	s.mutex.Lock()
	s.jobs[job.UID] = job
	s.mutex.Unlock()
	s.queue.Add(job.UID)
}

// run records until ctx ends.
func (s *successes) run(ctx context.Context) error {
	select {
	case <-s.ready:
	case <-ctx.Done():
		return nil
	}
	stop := context.AfterFunc(ctx, s.queue.ShutDown)
	defer stop()
	var group errgroup.Group
	for range recorders {
		group.Go(func() error {
			for {
				uid, end := s.queue.Get()
				if end {
					return nil
				}
				s.recordOne(ctx, uid)
				s.queue.Done(uid)
			}
		})
	}
	return group.Wait()
}

func (s *successes) recordOne(ctx context.Context, uid types.UID) {
	s.mutex.Lock()
	job := s.jobs[uid]
	s.mutex.Unlock()
	if job == nil {
		return
	}
	err := s.record(ctx, job)
	if err != nil && s.queue.NumRequeues(uid) < maxRecords {
		s.queue.AddRateLimited(uid)
		return
	}
	if err != nil && ctx.Err() == nil {
		log.Log.Error(err, "the success of a job was not recorded in storage", "trainingJob", client.ObjectKeyFromObject(job))
	}
	s.queue.Forget(uid)
	s.mutex.Lock()
	delete(s.jobs, uid)
	s.mutex.Unlock()
}
