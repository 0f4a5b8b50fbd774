package controllers

import (
	"context"
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/swath-dev/swath/api/v1alpha1"
)

// forget gives back what a job that is gone held: the Pods that wait for a result that
// nobody will record, and its slot once they have ended.
func (r *TrainingJobReconciler) forget(ctx context.Context, name types.NamespacedName) (ctrl.Result, error) {
	var list corev1.PodList
	err := r.Client.List(ctx, &list, client.InNamespace(name.Namespace), client.MatchingFields{podJobIndex: name.Name}, client.DisableReadYourWritesConsistency)
	if err != nil {
		return ctrl.Result{}, fmt.Errorf("listing the Pods of a TrainingJob that is gone: %w", err)
	}
	r.createFailures.forget(name)
	if err := r.releaseForeign(ctx, list.Items); err != nil {
		return ctrl.Result{}, err
	}
	again, err := r.giveBackFormer(ctx, name, "")
	if err != nil {
		return ctrl.Result{}, err
	}
	return r.wakeAt(again), nil
}

// releaseForeign removes our finalizer from Pods whose job is gone. Whether it is
// gone is read live.
func (r *TrainingJobReconciler) releaseForeign(ctx context.Context, list []corev1.Pod) error {
	for i := range list {
		pod := &list[i]
		if !slices.Contains(pod.Finalizers, v1alpha1.ResultFinalizer) {
			continue
		}
		gone, err := r.ownerGone(ctx, pod)
		if err != nil {
			return err
		}
		if !gone {
			continue
		}
		if err := releasePod(ctx, r.Client, pod.Namespace, pod.Name, pod.UID); err != nil {
			return err
		}
	}
	return nil
}

func (r *TrainingJobReconciler) ownerGone(ctx context.Context, pod *corev1.Pod) (bool, error) {
	owner := metav1.GetControllerOf(pod)
	if owner == nil {
		return true, nil
	}
	var job v1alpha1.TrainingJob
	err := r.Live.Get(ctx, types.NamespacedName{Namespace: pod.Namespace, Name: owner.Name}, &job)
	if apierrors.IsNotFound(err) {
		return true, nil
	}
	if err != nil {
		return false, fmt.Errorf("reading the TrainingJob of Pod %s live: %w", pod.Name, err)
	}
	return job.UID != owner.UID, nil
}
