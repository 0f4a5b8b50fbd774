package controllers

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
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

// createFailures counts, by job, the errors in a row on making a Pod that say nothing
// against the Pod: an API server that is busy, or out of order.
type createFailures struct {
	mu     sync.Mutex
	counts map[types.NamespacedName]int
}

// add counts one more, and returns how many there were in a row.
func (f *createFailures) add(name types.NamespacedName) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.counts == nil {
		f.counts = map[types.NamespacedName]int{}
	}
	f.counts[name]++
	return f.counts[name]
}

// forget begins anew: the job's Pod was made, or the job is gone.
func (f *createFailures) forget(name types.NamespacedName) {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.counts, name)
}

// createFailed handles an error on making the Pod, or on reading what that needs, which
// says nothing against the Pod. It returns a refusal once such errors came a few times in
// a row, and else the error itself. Errors of an operator that ends do not count.
func (r *TrainingJobReconciler) createFailed(ctx context.Context, job *v1alpha1.TrainingJob, pod *corev1.Pod, err error) error {
	if namespaces.IsTerminating(err) {
		return errNamespaceGoes
	}
	log.FromContext(ctx).Info("The API server could not make a Pod", "pod", pod.Name, "cause", err.Error())
	if errors.Is(err, context.Canceled) || r.createFailures.add(client.ObjectKeyFromObject(job)) < createTries {
		return err
	}
	cause := err.Error()
	var status apierrors.APIStatus
	if errors.As(err, &status) {
		cause = status.Status().Message
	}
	// The Pod may be there all the same: the answer may have been lost on its way.
	return r.checkStanding(ctx, job, pod, &refusedError{lifecycle.Refusal{
		Reason: v1alpha1.ReasonPodCreateFailed, Tried: isDefinite(err),
		Message: fmt.Sprintf("the API server could not make Pod %s; it is tried again until it can: %s", pod.Name, cause),
	}})
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
