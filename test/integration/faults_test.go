package integration

import (
	"context"
	"errors"
	"slices"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// errCrash is the end of the operator's process.
var errCrash = errors.New("the operator ends here")

// fault is what goes wrong with one call of the operator to the API server.
type fault struct {
	name string
	// before are the answers to the call and those after it, which are not done; after
	// is the answer to one that is done and does not say so.
	before []error
	after  error
	// crashes is set when the operator ends by it.
	crashes bool
	// reads has live reads go wrong, too, not only writes.
	reads bool
	// meanwhile lets the world go on between what the operator has read and what
	// it does: after a read, before a write.
	meanwhile bool
}

var faults = []fault{
	{name: "the operator ends before it", before: []error{errCrash}, crashes: true},
	{name: "the operator ends after it", after: errCrash, crashes: true},
	{name: "a time-out though it was done", after: context.DeadlineExceeded},
	{name: "it and the next ones are refused", reads: true, before: []error{
		apierrors.NewTooManyRequests("slow down", 1),
		apierrors.NewTimeoutError("the request did not arrive", 1),
		apierrors.NewConflict(schema.GroupResource{}, "ships", errors.New("the object has been modified")),
	}},
	{name: "the world goes on meanwhile", meanwhile: true, reads: true},
}

// faulty is the operator's way to the API server: its writes and live reads go there
// and one of them goes wrong; what it reads from its caches is of the past, and of
// jobs and of Pods not alike.
type faulty struct {
	client.Client
	*caches
	fault fault
	// since is the Pod that is made before calls count; at is the call that goes wrong,
	// counted from 0; calls is how many there were.
	since     string
	at, calls int
	crashed   bool
	// touched is set when something may have changed since the world was seen.
	touched bool
	// goOn lets the world go on.
	goOn func()
	// podsMade are the names of the Pods that were made.
	podsMade []string
}

// write does one write, or has it go wrong.
func (f *faulty) write(do func() error) error {
	f.touched = true
	number, wrong := f.count()
	if !wrong {
		return f.alive(do)
	}
	if f.fault.meanwhile {
		f.goOn()
	}
	return f.goesWrong(number, do)
}

// read does one live read, or has it go wrong.
func (f *faulty) read(do func() error) error {
	if !f.fault.reads {
		return f.alive(do)
	}
	number, wrong := f.count()
	if !wrong {
		return f.alive(do)
	}
	err := f.goesWrong(number, do)
	if f.fault.meanwhile {
		f.touched = true
		f.goOn()
	}
	return err
}

// count counts a call, and tells whether it goes wrong and as which of those that do.
func (f *faulty) count() (number int, wrong bool) {
	if f.since != "" && !slices.Contains(f.podsMade, f.since) {
		return 0, false
	}
	number = f.calls - f.at
	f.calls++
	return number, number >= 0 && number < max(1, len(f.fault.before)) && !f.crashed
}

// alive does a call unless the operator has ended.
func (f *faulty) alive(do func() error) error {
	if f.crashed {
		return errCrash
	}
	return do()
}

func (f *faulty) goesWrong(number int, do func() error) error {
	if len(f.fault.before) > 0 {
		f.crashed = f.fault.crashes
		return f.fault.before[number]
	}
	if err := do(); err != nil {
		return err
	}
	f.crashed = f.fault.crashes
	return f.fault.after
}

// Get reads from the caches.
func (f *faulty) Get(ctx context.Context, key client.ObjectKey, object client.Object, options ...client.GetOption) error {
	if f.get(object) {
		return nil
	}
	if _, ok := object.(*corev1.Pod); ok {
		return errors.New("the reconciler is not expected to read one Pod from its cache")
	}
	return apierrors.NewNotFound(schema.GroupResource{Resource: "trainingjobs"}, key.Name)
}

// List lists Pods from their cache.
func (f *faulty) List(_ context.Context, list client.ObjectList, _ ...client.ListOption) error {
	pods, ok := list.(*corev1.PodList)
	if !ok {
		return errors.New("the reconciler is not expected to list anything but Pods from its caches")
	}
	f.podLists[f.podsAt].DeepCopyInto(pods)
	return nil
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

// live are the operator's reads from the API server itself.
type live struct{ f *faulty }

// Get reads an object live.
func (l live) Get(ctx context.Context, key client.ObjectKey, object client.Object, options ...client.GetOption) error {
	return l.f.read(func() error { return l.f.Client.Get(ctx, key, object, options...) })
}

// List lists objects live.
func (l live) List(ctx context.Context, list client.ObjectList, options ...client.ListOption) error {
	return l.f.read(func() error { return l.f.Client.List(ctx, list, options...) })
}
