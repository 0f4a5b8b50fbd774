package controllers

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/swath-dev/swath/api/v1alpha1"
	"github.com/swath-dev/swath/internal/lifecycle"
	"github.com/swath-dev/swath/internal/namespaces"
)

// createTries is how many errors in a row on making a Pod are told to the user. One
// alone is no news: the next try comes at once.
const createTries = 3

// longestRequest is how long a request to make a Pod can take: twice what an API server
// gives each (--request-timeout). One whose answer was lost may make the Pod until then.
const longestRequest = 2 * time.Minute

// createFailures remembers, by job, the errors on making a Pod that say nothing against
// the Pod: those of an API server that is busy, or out of order.
type createFailures struct {
	mu   sync.Mutex
	jobs map[types.NamespacedName]createFailure
}

type createFailure struct {
	// inRow is how many errors there were in a row, and message what the user was told.
	inRow   int
	message string
	// unanswered is when the last request ended that may still make the Pod; zero for none.
	unanswered time.Time
}

// change changes what is remembered of the job, and returns it.
func (f *createFailures) change(name types.NamespacedName, how func(*createFailure)) createFailure {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.jobs == nil {
		f.jobs = map[types.NamespacedName]createFailure{}
	}
	failure := f.jobs[name]
	how(&failure)
	f.jobs[name] = failure
	return failure
}

// of returns what is remembered of the job.
func (f *createFailures) of(name types.NamespacedName) createFailure {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.jobs[name]
}

// forget begins anew: the job's Pod was made, or the job is gone.
func (f *createFailures) forget(name types.NamespacedName) {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.jobs, name)
}

// createFailed handles an error on making the Pod, or on reading what that needs, which
// says nothing against the Pod. It returns a refusal once such errors came a few times in
// a row, and else the error itself. Errors of an operator that ends do not count.
func (r *TrainingJobReconciler) createFailed(ctx context.Context, job *v1alpha1.TrainingJob, pod *corev1.Pod, err error) error {
	if namespaces.IsTerminating(err) {
		return errNamespaceGoes
	}
	log.FromContext(ctx).Info("The API server could not make a Pod", "pod", pod.Name, "cause", err.Error())
	if errors.Is(err, context.Canceled) {
		return err
	}
	cause := err.Error()
	var status apierrors.APIStatus
	if errors.As(err, &status) {
		cause = status.Status().Message
	}
	failure := r.createFailures.change(client.ObjectKeyFromObject(job), func(f *createFailure) {
		f.inRow++
		f.message = fmt.Sprintf("the API server could not make Pod %s; it is tried again until it can: %s", pod.Name, cause)
	})
	if failure.inRow < createTries {
		return err
	}
	// The Pod may be there all the same: the answer may have been lost on its way.
	return r.checkStanding(ctx, job, pod, r.createRefusal(failure))
}

// createRefusal is the refusal by an API server that could not make the Pod. Only once no
// request can be under way any more does a Pod that is not there stay so.
func (r *TrainingJobReconciler) createRefusal(failure createFailure) *refusedError {
	return &refusedError{lifecycle.Refusal{
		Reason: v1alpha1.ReasonPodCreateFailed, Message: failure.message, Tried: r.requestsEnded(failure),
	}}
}

// requestsEnded reports whether no request for the job's Pod can be under way.
func (r *TrainingJobReconciler) requestsEnded(failure createFailure) bool {
	return failure.unanswered.IsZero() || !r.Clock.Now().Before(failure.unanswered.Add(longestRequest))
}

// awaitRequest returns a refusal instead of another request for a Pod whose last request
// went unanswered, when the job has been refused for long and another waits for its slot.
// Once that request has ended the refusal passes the slot on; without an heir by then, the
// next try asks for the Pod again.
func (r *TrainingJobReconciler) awaitRequest(job *v1alpha1.TrainingJob) *refusedError {
	name := client.ObjectKeyFromObject(job)
	failure := r.createFailures.of(name)
	if failure.unanswered.IsZero() || failure.inRow < createTries {
		return nil
	}
	c := meta.FindStatusCondition(job.Status.Conditions, v1alpha1.ConditionRunning)
	if c == nil || c.Reason != v1alpha1.ReasonPodCreateFailed || !r.Queue.Wanted(job.UID) ||
		!lifecycle.RefusedForLong(&job.Status, r.Config.Limits.UnschedulableAfter.Duration, r.Clock.Now()) {
		return nil
	}
	refusal := r.createRefusal(failure)
	if refusal.refusal.Tried {
		r.createFailures.change(name, func(f *createFailure) { f.unanswered = time.Time{} })
	}
	return refusal
}

// isDefinite reports whether the API server itself has said that it did not make the
// Pod. After a time-out the Pod may still appear.
func isDefinite(err error) bool {
	var status apierrors.APIStatus
	if !errors.As(err, &status) || apierrors.IsTimeout(err) || apierrors.IsServerTimeout(err) {
		return false
	}
	message := status.Status().Message
	for _, unknown := range []string{"etcdserver", "timed out", "timeout", "deadline exceeded"} {
		if strings.Contains(message, unknown) {
			return false
		}
	}
	return true
}
