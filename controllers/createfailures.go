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

	"github.com/swath-dev/swath/api/v1alpha1"
	"github.com/swath-dev/swath/internal/lifecycle"
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

// createFailed makes a refusal of an error that came a few times in a row, and leaves
// others as they are: those of an operator that ends, and of a namespace that does.
func (r *TrainingJobReconciler) createFailed(job types.NamespacedName, pod string, err error) error {
	if errors.Is(err, context.Canceled) || apierrors.HasStatusCause(err, corev1.NamespaceTerminatingCause) || r.createFailures.add(job) < createTries {
		return err
	}
	cause := err.Error()
	var status apierrors.APIStatus
	if errors.As(err, &status) {
		cause = status.Status().Message
	}
	return &refusedError{lifecycle.Refusal{
		Reason: v1alpha1.ReasonPodCreateFailed, Tried: isDefinite(err),
		Message: fmt.Sprintf("the API server could not make Pod %s; it is tried again until it can: %s", pod, cause),
	}}
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
