package controllers

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/swath-dev/swath/api/v1alpha1"
	"github.com/swath-dev/swath/internal/lifecycle"
	"github.com/swath-dev/swath/internal/pods"
	"github.com/swath-dev/swath/internal/queue"
)

// listPage is how many objects are listed at a time.
const listPage = 500

// rebuildQueue puts down, once, who trains already: the ledger begins empty when
// leadership begins. Everything is read live, since nothing may be granted twice.
func (r *TrainingJobReconciler) rebuildQueue(ctx context.Context) error {
	r.rebuild.Lock()
	defer r.rebuild.Unlock()
	if r.rebuilt {
		return nil
	}
	if !r.Config.Limits.Any() {
		r.rebuilt = true
		return nil
	}
	namespaces := r.Config.Controller.Namespaces
	if len(namespaces) == 0 {
		namespaces = []string{corev1.NamespaceAll}
	}
	for _, namespace := range namespaces {
		if err := r.rebuildNamespace(ctx, namespace); err != nil {
			return err
		}
	}
	r.rebuilt = true
	return nil
}

func (r *TrainingJobReconciler) rebuildNamespace(ctx context.Context, namespace string) error {
	trainPods, err := r.trainPods(ctx, namespace)
	if err != nil {
		return err
	}
	known := map[types.UID]bool{}
	for next, more := "", true; more; more = next != "" {
		// A list of its own for each page: decoding into one that is used again leaves
		// what the next page leaves out.
		var list v1alpha1.TrainingJobList
		if err := r.Live.List(ctx, &list, client.InNamespace(namespace), client.Limit(listPage), client.Continue(next)); err != nil {
			return fmt.Errorf("listing the TrainingJobs for the queue: %w", err)
		}
		next = list.Continue
		for i := range list.Items {
			job := &list.Items[i]
			known[job.UID] = true
			observed, _ := r.world(job, trainPods[client.ObjectKeyFromObject(job)])
			if lifecycle.SlotNeedOf(observed) == lifecycle.HoldsSlot {
				r.Queue.Hold(r.queued(ctx, job))
			}
		}
	}
	r.holdForGone(trainPods, known)
	return nil
}

// holdForGone puts down the trainers whose jobs are gone: in their grace period, or on
// a node that does not answer, they train on. The names are looked at again, so that
// their slots come back.
func (r *TrainingJobReconciler) holdForGone(trainPods map[types.NamespacedName][]corev1.Pod, known map[types.UID]bool) {
	var gone []types.NamespacedName
	for name, list := range trainPods {
		for i := range list {
			if uid := holder(&list[i]); !known[uid] && r.holdsSlot(&list[i]) {
				r.Queue.Hold(queue.Job{UID: uid, Name: name})
				gone = append(gone, name)
			}
		}
	}
	r.wakeJobs(gone)
}

// trainPods are all train Pods by their jobs, and of each what counts: there may be ten
// thousand.
func (r *TrainingJobReconciler) trainPods(ctx context.Context, namespace string) (map[types.NamespacedName][]corev1.Pod, error) {
	byJob := map[types.NamespacedName][]corev1.Pod{}
	for next, more := "", true; more; more = next != "" {
		var list corev1.PodList
		err := r.Live.List(ctx, &list, client.InNamespace(namespace), client.MatchingLabels{v1alpha1.LabelRole: v1alpha1.RoleTrain}, client.Limit(listPage), client.Continue(next))
		if err != nil {
			return nil, fmt.Errorf("listing the train Pods for the queue: %w", err)
		}
		next = list.Continue
		for i := range list.Items {
			pod := pods.Slim(&list.Items[i])
			name := types.NamespacedName{Namespace: pod.Namespace, Name: pod.Labels[v1alpha1.LabelJobName]}
			byJob[name] = append(byJob[name], *pod)
		}
	}
	return byJob, nil
}
