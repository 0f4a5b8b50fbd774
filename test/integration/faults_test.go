package integration

import (
	"context"
	"errors"
	"math/rand/v2"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/swath-dev/swath/api/v1alpha1"
)

// errCrash is the end of the operator's process.
var errCrash = errors.New("the operator ends here")

// fault is what goes wrong with one write.
type fault struct {
	name string
	// before does not do the write, after does it and does not say so.
	before, after error
	// crashes is set when the operator ends by it.
	crashes bool
}

var faults = []fault{
	{name: "the operator ends before it", before: errCrash, crashes: true},
	{name: "the operator ends after it", after: errCrash, crashes: true},
	{name: "a conflict", before: apierrors.NewConflict(schema.GroupResource{}, "ships", errors.New("the object has been modified"))},
	{name: "too many requests", before: apierrors.NewTooManyRequests("slow down", 1)},
	{name: "a time-out though it was done", after: apierrors.NewTimeoutError("the answer was lost", 1)},
}

// faulty is the operator's client: its writes go to the API server and one of them
// goes wrong; its reads are of the past, as caches are, of jobs and of Pods not
// alike.
type faulty struct {
	client.Client
	namespace string
	random    *rand.Rand
	fault     fault
	// at is the write that goes wrong, counted from 0; writes is how many there were.
	at, writes int
	crashed    bool
	// podsMade are the names of the Pods that were made.
	podsMade []string

	jobs     []v1alpha1.TrainingJob
	podLists []corev1.PodList
	jobAt    int
	podsAt   int
}

// watch takes down what there is now, for the caches to show some time.
func (f *faulty) watch(now *v1alpha1.TrainingJob, pods corev1.PodList) {
	f.jobs, f.podLists = append(f.jobs, *now), append(f.podLists, pods)
	f.jobAt, f.podsAt = f.lag(f.jobAt, len(f.jobs)), f.lag(f.podsAt, len(f.podLists))
}

// lag moves a cache on: to the newest state two times in three, else by as much as
// it likes.
func (f *faulty) lag(at, states int) int {
	if f.random.IntN(3) > 0 {
		return states - 1
	}
	return at + f.random.IntN(states-at)
}

// upToDate has both caches show what there is.
func (f *faulty) upToDate() { f.jobAt, f.podsAt = len(f.jobs)-1, len(f.podLists)-1 }

// Get reads a job from its cache.
func (f *faulty) Get(ctx context.Context, key client.ObjectKey, object client.Object, options ...client.GetOption) error {
	if job, ok := object.(*v1alpha1.TrainingJob); ok {
		f.jobs[f.jobAt].DeepCopyInto(job)
		return nil
	}
	return f.Client.Get(ctx, key, object, options...)
}

// List lists Pods from their cache.
func (f *faulty) List(ctx context.Context, list client.ObjectList, options ...client.ListOption) error {
	if pods, ok := list.(*corev1.PodList); ok {
		f.podLists[f.podsAt].DeepCopyInto(pods)
		return nil
	}
	return f.Client.List(ctx, list, options...)
}

// write does one write, or has it go wrong.
func (f *faulty) write(do func() error) error {
	f.writes++
	if f.crashed {
		return errCrash
	}
	if f.writes-1 != f.at {
		return do()
	}
	if f.fault.before != nil {
		f.crashed = f.fault.crashes
		return f.fault.before
	}
	if err := do(); err != nil {
		return err
	}
	f.crashed = f.fault.crashes
	return f.fault.after
}

// Create makes an object.
func (f *faulty) Create(ctx context.Context, object client.Object, options ...client.CreateOption) error {
	return f.write(func() error {
		err := f.Client.Create(ctx, object, options...)
		if err == nil {
			f.podsMade = append(f.podsMade, object.GetName())
		}
		return err
	})
}

// Delete deletes an object.
func (f *faulty) Delete(ctx context.Context, object client.Object, options ...client.DeleteOption) error {
	return f.write(func() error { return f.Client.Delete(ctx, object, options...) })
}

// Patch patches an object.
func (f *faulty) Patch(ctx context.Context, object client.Object, patch client.Patch, options ...client.PatchOption) error {
	return f.write(func() error { return f.Client.Patch(ctx, object, patch, options...) })
}

// Status writes a status.
func (f *faulty) Status() client.SubResourceWriter { return faultyStatus{f.Client.Status(), f} }

type faultyStatus struct {
	client.SubResourceWriter
	f *faulty
}

// Update writes a status.
func (s faultyStatus) Update(ctx context.Context, object client.Object, options ...client.SubResourceUpdateOption) error {
	return s.f.write(func() error { return s.SubResourceWriter.Update(ctx, object, options...) })
}
