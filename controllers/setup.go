package controllers

import (
	"context"
	"fmt"
	"reflect"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/util/workqueue"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
	"sigs.k8s.io/controller-runtime/pkg/source"

	"github.com/swath-dev/swath/api/v1alpha1"
	"github.com/swath-dev/swath/internal/lifecycle"
)

const (
	// podJobIndex finds Pods by the name of their job.
	podJobIndex = "job"
	// jobPhaseIndex finds TrainingJobs by their phase.
	jobPhaseIndex = "phase"
)

type wakeEvent = event.TypedGenericEvent[types.NamespacedName]

// SetupWithManager registers the reconciler. It reconciles a job when its spec
// changes, not when its status is written, and when something that counts of its
// Pods changes.
func (r *TrainingJobReconciler) SetupWithManager(ctx context.Context, mgr ctrl.Manager) error {
	r.wake = make(chan wakeEvent, 1024)
	r.News = NewNews(r.Config.Controller)
	if err := index(ctx, mgr.GetFieldIndexer()); err != nil {
		return err
	}
	return ctrl.NewControllerManagedBy(mgr).
		Named("trainingjob").
		For(&v1alpha1.TrainingJob{}, builder.WithPredicates(JobChanged())).
		Watches(&corev1.Pod{}, handler.EnqueueRequestsFromMapFunc(jobOfPod), builder.WithPredicates(PodChanged())).
		WatchesRawSource(source.Channel(r.wake, handler.TypedEnqueueRequestsFromMapFunc(requestByName))).
		WithOptions(controller.Options{MaxConcurrentReconciles: r.Config.Controller.Workers, RateLimiter: retryLimiter(), NewQueue: r.News.queue}).
		Complete(r)
}

const (
	// firstRetry and longestRetry are how soon a reconcile that ended in an error
	// is tried again. The default goes up to 16 minutes, for which jobs would stand
	// still after an outage of the API server.
	firstRetry   = 10 * time.Millisecond
	longestRetry = 30 * time.Second
)

// retryLimiter doubles the wait after each error of the same job.
func retryLimiter() workqueue.TypedRateLimiter[reconcile.Request] {
	return workqueue.NewTypedItemExponentialFailureRateLimiter[reconcile.Request](firstRetry, longestRetry)
}

func index(ctx context.Context, indexer client.FieldIndexer) error {
	err := indexer.IndexField(ctx, &corev1.Pod{}, podJobIndex, func(o client.Object) []string {
		return []string{o.GetLabels()[v1alpha1.LabelJobName]}
	})
	if err != nil {
		return fmt.Errorf("indexing Pods by their job: %w", err)
	}
	err = indexer.IndexField(ctx, &v1alpha1.TrainingJob{}, jobPhaseIndex, func(o client.Object) []string {
		if job, ok := o.(*v1alpha1.TrainingJob); ok {
			return []string{string(job.Status.Phase)}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("indexing TrainingJobs by their phase: %w", err)
	}
	return nil
}

// wakeJobs has the jobs reconciled soon. It never blocks a reconcile.
func (r *TrainingJobReconciler) wakeJobs(names []types.NamespacedName) {
	if len(names) == 0 {
		return
	}
	go func() {
		for _, name := range names {
			r.wake <- wakeEvent{Object: name}
		}
	}()
}

func requestByName(_ context.Context, name types.NamespacedName) []reconcile.Request {
	return []reconcile.Request{{NamespacedName: name}}
}

func jobOfPod(_ context.Context, pod client.Object) []reconcile.Request {
	name := pod.GetLabels()[v1alpha1.LabelJobName]
	if name == "" {
		return nil
	}
	return []reconcile.Request{{NamespacedName: types.NamespacedName{Namespace: pod.GetNamespace(), Name: name}}}
}

// JobChanged lets only those changes of a TrainingJob pass that the operator has
// not made itself: of its spec, of its labels, and the beginning of its deletion.
func JobChanged() predicate.Predicate {
	return predicate.Or(predicate.GenerationChangedPredicate{}, predicate.LabelChangedPredicate{}, deletionChanged())
}

// deletionChanged lets the beginning of a deletion pass.
func deletionChanged() predicate.Predicate {
	return predicate.Funcs{UpdateFunc: func(e event.UpdateEvent) bool {
		return (e.ObjectOld.GetDeletionTimestamp() == nil) != (e.ObjectNew.GetDeletionTimestamp() == nil)
	}}
}

// PodChanged lets only those changes of a Pod pass that count for a decision.
func PodChanged() predicate.Predicate {
	return predicate.Funcs{UpdateFunc: func(e event.UpdateEvent) bool {
		before, ok := e.ObjectOld.(*corev1.Pod)
		after, ok2 := e.ObjectNew.(*corev1.Pod)
		if !ok || !ok2 {
			return true
		}
		old, updated := lifecycle.ReadPod(before), lifecycle.ReadPod(after)
		old.IP = updated.IP
		return !reflect.DeepEqual(old, updated)
	}}
}
