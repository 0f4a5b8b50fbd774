package controllers

import (
	"context"
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/swath-dev/swath/api/v1alpha1"
	"github.com/swath-dev/swath/internal/lifecycle"
	"github.com/swath-dev/swath/internal/pods"
)

// decideLive makes a decision again on Pods that are read from the API server
// itself. A success goes by one Pod, and only that is read: for a list by label
// the API server looks at all Pods of the namespace, which costs more than all
// else of a job when there are thousands.
func (r *TrainingJobReconciler) decideLive(ctx context.Context, job *v1alpha1.TrainingJob, observed lifecycle.Observed, decision lifecycle.Decision) (lifecycle.Observed, lifecycle.Decision, error) {
	if decision.Status.Phase == v1alpha1.PhaseSucceeded {
		observed, err := r.observeTrained(ctx, job, observed)
		if err != nil {
			return observed, decision, err
		}
		decision = lifecycle.Decide(observed)
		if decision.Status.Phase == v1alpha1.PhaseSucceeded {
			return observed, decision, nil
		}
	}
	observed, err := r.observeLive(ctx, job)
	if err != nil {
		return observed, decision, err
	}
	return observed, lifecycle.Decide(observed), nil
}

// observeTrained is the observation with the Pod of the newest start read live.
func (r *TrainingJobReconciler) observeTrained(ctx context.Context, job *v1alpha1.TrainingJob, observed lifecycle.Observed) (lifecycle.Observed, error) {
	name := types.NamespacedName{Namespace: job.Namespace, Name: pods.Name(job.Name, v1alpha1.RoleTrain, job.Status.Starts)}
	var pod corev1.Pod
	err := r.Live.Get(ctx, name, &pod)
	if err != nil && !apierrors.IsNotFound(err) {
		return observed, fmt.Errorf("reading Pod %s live: %w", name.Name, err)
	}
	observed.Pods = slices.DeleteFunc(slices.Clone(observed.Pods), func(p lifecycle.Pod) bool { return p.Name == name.Name })
	if err == nil && metav1.IsControlledBy(&pod, job) {
		observed.Pods = append(observed.Pods, readPod(job, &pod))
	}
	r.askQueue(ctx, &observed)
	return observed, nil
}

// observeLive is observe with all Pods read from the API server itself: an end,
// and what goes by a Pod not being there, is recorded only on what is true now.
func (r *TrainingJobReconciler) observeLive(ctx context.Context, job *v1alpha1.TrainingJob) (lifecycle.Observed, error) {
	var list corev1.PodList
	err := r.Live.List(ctx, &list, client.InNamespace(job.Namespace), client.MatchingLabels{v1alpha1.LabelJobName: job.Name})
	if err != nil {
		return lifecycle.Observed{}, fmt.Errorf("listing the Pods of the TrainingJob live: %w", err)
	}
	observed, _ := r.world(job, list.Items)
	r.askQueue(ctx, &observed)
	return observed, nil
}
