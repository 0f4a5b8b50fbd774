package controllers

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/swath-dev/swath/api/v1alpha1"
	"github.com/swath-dev/swath/internal/lifecycle"
	"github.com/swath-dev/swath/internal/pods"
)

// errUnlabelled means that the API server keeps the operator's labels off a Pod.
var errUnlabelled = errors.New("the labels do not stay")

// reclaim gives a Pod of the job back the operator's labels that it has lost. Without
// them the cache does not show it. The Pod is the job's by its owner reference.
func (r *TrainingJobReconciler) reclaim(ctx context.Context, job *v1alpha1.TrainingJob, pod *corev1.Pod) error {
	lost := pods.LostLabels(job, pod)
	if len(lost) == 0 {
		return nil
	}
	log.FromContext(ctx).Info("A Pod has lost labels of the operator and gets them back", "pod", pod.Name, "labels", lost)
	patch, err := json.Marshal(map[string]any{"metadata": map[string]any{"uid": pod.UID, "labels": lost}})
	if err != nil {
		return fmt.Errorf("encoding the patch of Pod %s: %w", pod.Name, err)
	}
	err = r.Client.Patch(ctx, pod, client.RawPatch(types.StrategicMergePatchType, patch), client.DisableReadYourWritesConsistency)
	if apierrors.IsConflict(err) || apierrors.IsNotFound(err) {
		return errStale
	}
	if err != nil {
		return fmt.Errorf("giving Pod %s its labels back: %w", pod.Name, err)
	}
	if lost = pods.LostLabels(job, pod); len(lost) > 0 {
		keys := strings.Join(slices.Sorted(maps.Keys(lost)), ", ")
		return fmt.Errorf("a policy of the cluster takes the labels %s off Pod %s, by which the operator finds it: %w", keys, pod.Name, errUnlabelled)
	}
	return nil
}

// reclaimNew is reclaim for a Pod that was just made, or should be made. A Pod whose
// labels do not stay is deleted: it would train unseen.
func (r *TrainingJobReconciler) reclaimNew(ctx context.Context, job *v1alpha1.TrainingJob, pod *corev1.Pod) error {
	err := r.reclaim(ctx, job, pod)
	if !errors.Is(err, errUnlabelled) {
		return err
	}
	if err := r.deletePod(ctx, pod.Namespace, pod.Name, pod.UID); err != nil {
		return err
	}
	if err := releasePod(ctx, r.Client, pod.Namespace, pod.Name, pod.UID); err != nil {
		return err
	}
	return &refusedError{lifecycle.Refusal{
		Tried:   true,
		Reason:  v1alpha1.ReasonAdmissionRefused,
		Message: err.Error() + "; exempt Pods with the label app.kubernetes.io/managed-by=swath from it",
	}}
}

// reclaimAll is reclaim for those of the Pods that are the job's.
func (r *TrainingJobReconciler) reclaimAll(ctx context.Context, job *v1alpha1.TrainingJob, list []corev1.Pod) error {
	for i := range list {
		if !metav1.IsControlledBy(&list[i], job) {
			continue
		}
		if err := r.reclaim(ctx, job, &list[i]); err != nil {
			return err
		}
	}
	return nil
}

// unlisted are the Pods of the job's newest starts that are there and that the list,
// which goes by labels, does not have.
func (r *TrainingJobReconciler) unlisted(ctx context.Context, job *v1alpha1.TrainingJob, list []corev1.Pod) ([]corev1.Pod, error) {
	names := []string{pods.Name(job.Name, v1alpha1.RolePrepare, max(1, job.Status.Prepares))}
	if job.Status.Starts > 0 {
		names = append(names, pods.Name(job.Name, v1alpha1.RoleTrain, job.Status.Starts))
	}
	var found []corev1.Pod
	for _, name := range names {
		if slices.ContainsFunc(list, func(pod corev1.Pod) bool { return pod.Name == name }) {
			continue
		}
		var pod corev1.Pod
		err := r.Live.Get(ctx, types.NamespacedName{Namespace: job.Namespace, Name: name}, &pod)
		if apierrors.IsNotFound(err) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("reading Pod %s live: %w", name, err)
		}
		if metav1.IsControlledBy(&pod, job) {
			found = append(found, pod)
		}
	}
	return found, nil
}
