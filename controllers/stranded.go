package controllers

import (
	"context"
	"fmt"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/swath-dev/swath/api/v1alpha1"
)

// strandedInterval is how often other namespaces are searched for stranded Pods.
const strandedInterval = 5 * time.Minute

// StrandedPods releases train Pods that are being deleted in namespaces in which no
// operator works, as after controller.namespaces was narrowed: nobody else takes the
// finalizer off them. Another operator that works there has done so long before.
type StrandedPods struct {
	// Client writes, Live reads from the API server itself.
	Client client.Client
	Live   client.Reader
	// Namespaces are those that this operator works in.
	Namespaces []string
	// LostAfter is how long after its grace period a Pod that is being deleted counts as
	// stranded.
	LostAfter time.Duration
	// Clock tells the time.
	Clock clock.PassiveClock
}

// NeedLeaderElection has only the replica that works search.
func (s *StrandedPods) NeedLeaderElection() bool { return true }

// Start searches until the context ends. An operator that works in all namespaces, or
// may look at no others, need not.
func (s *StrandedPods) Start(ctx context.Context) error {
	if len(s.Namespaces) == 0 {
		return nil
	}
	ticker := time.NewTicker(strandedInterval)
	defer ticker.Stop()
	for {
		err := s.release(ctx)
		switch {
		case apierrors.IsForbidden(err):
			log.FromContext(ctx).Info("Pods in namespaces outside controller.namespaces are not looked after: the operator has no rights there", "cause", err.Error())
			return nil
		case err != nil && ctx.Err() == nil:
			log.FromContext(ctx).Error(err, "Looking for stranded Pods failed")
		}
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
		}
	}
}

// release takes the finalizer off the stranded Pods.
func (s *StrandedPods) release(ctx context.Context) error {
	for next, more := "", true; more; more = next != "" {
		var list metav1.PartialObjectMetadataList
		list.SetGroupVersionKind(corev1.SchemeGroupVersion.WithKind("PodList"))
		err := s.Live.List(ctx, &list, client.MatchingLabels{v1alpha1.LabelRole: v1alpha1.RoleTrain}, client.Limit(listPage), client.Continue(next))
		if err != nil {
			return fmt.Errorf("listing the train Pods of all namespaces: %w", err)
		}
		next = list.Continue
		for i := range list.Items {
			if pod := &list.Items[i]; s.stranded(pod) {
				log.FromContext(ctx).Info("Releasing a Pod of a namespace that the operator does not work in", "namespace", pod.Namespace, "pod", pod.Name)
				if err := releasePod(ctx, s.Client, pod.Namespace, pod.Name, pod.UID); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

func (s *StrandedPods) stranded(pod *metav1.PartialObjectMetadata) bool {
	return pod.DeletionTimestamp != nil && !s.Clock.Now().Before(pod.DeletionTimestamp.Add(s.LostAfter)) &&
		slices.Contains(pod.Finalizers, v1alpha1.ResultFinalizer) && !slices.Contains(s.Namespaces, pod.Namespace)
}
