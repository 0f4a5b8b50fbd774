package controllers

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/swath-dev/swath/api/v1alpha1"
	"github.com/swath-dev/swath/internal/lifecycle"
	"github.com/swath-dev/swath/internal/pods"
)

// act does what was decided. Unless the status has just been written, the job is
// read live first: a decision on an old job must not be carried out.
func (r *TrainingJobReconciler) act(ctx context.Context, job *v1alpha1.TrainingJob, actions []lifecycle.Action, recorded bool) error {
	if len(actions) == 0 {
		return nil
	}
	if !recorded && r.Schema.lostField() != "" {
		return errOldSchema
	}
	if !recorded {
		if err := r.confirm(ctx, job); err != nil {
			return err
		}
	}
	for _, action := range actions {
		log.FromContext(ctx).V(1).Info("Acting", "action", action.Kind, "pod", action.Pod, "role", action.Role, "number", action.Number, "why", action.Why)
		if err := r.do(ctx, job, action); err != nil {
			return err
		}
	}
	return nil
}

// confirm makes sure that the job is still the one that was decided on. Its version
// tells that, so that only its metadata is read.
func (r *TrainingJobReconciler) confirm(ctx context.Context, job *v1alpha1.TrainingJob) error {
	var live metav1.PartialObjectMetadata
	live.SetGroupVersionKind(v1alpha1.GroupVersion.WithKind(v1alpha1.TrainingJobKind))
	err := r.Live.Get(ctx, client.ObjectKeyFromObject(job), &live)
	switch {
	case apierrors.IsNotFound(err):
		return errStale
	case err != nil:
		return fmt.Errorf("reading the TrainingJob live: %w", err)
	case live.UID != job.UID || live.ResourceVersion != job.ResourceVersion:
		return errStale
	}
	return nil
}

func (r *TrainingJobReconciler) do(ctx context.Context, job *v1alpha1.TrainingJob, action lifecycle.Action) error {
	switch action.Kind {
	case lifecycle.CreatePod:
		return r.createPod(ctx, job, action)
	case lifecycle.DeletePod:
		return r.deletePod(ctx, job.Namespace, action.Pod, action.UID)
	case lifecycle.ReleasePod:
		return releasePod(ctx, r.Client, job.Namespace, action.Pod, action.UID)
	case lifecycle.DeleteJob:
		return r.deleteJob(ctx, job)
	}
	return fmt.Errorf("there is no action %q", action.Kind)
}

func (r *TrainingJobReconciler) createPod(ctx context.Context, job *v1alpha1.TrainingJob, action lifecycle.Action) error {
	pod, err := pods.Make(job, action.Role, action.Number, r.Config)
	if err != nil {
		return refusedBy(err)
	}
	uid, err := r.namespaces.Of(ctx, r.Live, job.Namespace)
	if err != nil {
		return r.createFailed(ctx, job, pod, err)
	}
	pods.SetNamespaceUID(pod, uid)
	if refusal := r.awaitRequest(job); refusal != nil {
		return r.checkStanding(ctx, job, pod, refusal)
	}
	err = r.Client.Create(ctx, pod)
	name := client.ObjectKeyFromObject(job)
	if err == nil {
		r.createFailures.forget(name)
		r.Metrics.podCreated(job, action, r.Clock.Now())
		return r.reclaimNew(ctx, job, pod)
	}
	if apierrors.IsAlreadyExists(err) {
		return r.checkStanding(ctx, job, pod, errStale)
	}
	err = refusedBy(fmt.Errorf("making Pod %s: %w", pod.Name, err))
	var refused *refusedError
	if !errors.As(err, &refused) {
		if !isDefinite(err) {
			r.createFailures.change(name, func(f *createFailure) { f.unanswered = r.Clock.Now() })
		}
		return r.createFailed(ctx, job, pod, err)
	}
	refused.refusal.Tried = r.requestsEnded(r.createFailures.of(name))
	// Admission comes before the check of the name: a quota may refuse the Pod
	// because it is there already.
	return r.checkStanding(ctx, job, pod, err)
}

// checkStanding tells whether the Pod that has the name already is the job's: then
// it was made before and the cache does not show it, not yet or for want of labels. The
// error is absent when there is no such Pod.
func (r *TrainingJobReconciler) checkStanding(ctx context.Context, job *v1alpha1.TrainingJob, pod *corev1.Pod, absent error) error {
	var standing corev1.Pod
	err := r.Live.Get(ctx, client.ObjectKeyFromObject(pod), &standing)
	if apierrors.IsNotFound(err) {
		return absent
	}
	if err != nil {
		return fmt.Errorf("reading Pod %s live: %w", pod.Name, err)
	}
	if metav1.IsControlledBy(&standing, job) {
		r.createFailures.forget(client.ObjectKeyFromObject(job))
		return r.reclaimNew(ctx, job, &standing)
	}
	if standing.DeletionTimestamp != nil || ofFormerJob(&standing, job) {
		return r.awaitForeign(ctx, &standing)
	}
	return &refusedError{lifecycle.Refusal{
		Tried:   true,
		Reason:  v1alpha1.ReasonPodNameTaken,
		Message: fmt.Sprintf("a Pod %s that is not this job's has the name of the Pod that is needed; delete it if it does not go by itself", pod.Name),
	}}
}

// ofFormerJob tells whether the Pod is that of a job that had the job's name before
// it: that one is gone, and its Pods go with it.
func ofFormerJob(pod *corev1.Pod, job *v1alpha1.TrainingJob) bool {
	owner := metav1.GetControllerOf(pod)
	return owner != nil && owner.Kind == v1alpha1.TrainingJobKind && strings.HasPrefix(owner.APIVersion, v1alpha1.GroupName+"/") &&
		owner.Name == job.Name && owner.UID != job.UID
}

// awaitForeign is the refusal by a Pod that is not the job's and goes by itself: that
// of a job that had the same name, say. It is waited for.
func (r *TrainingJobReconciler) awaitForeign(ctx context.Context, pod *corev1.Pod) error {
	if slices.Contains(pod.Finalizers, v1alpha1.ResultFinalizer) {
		if err := releasePod(ctx, r.Client, pod.Namespace, pod.Name, pod.UID); err != nil {
			return err
		}
	}
	return &refusedError{lifecycle.Refusal{
		Tried:   true,
		Reason:  v1alpha1.ReasonStopping,
		Message: fmt.Sprintf("Pod %s of another job that had this name has to end first; it goes by itself", pod.Name),
	}}
}

// deletePod deletes the Pod with that UID. A conflict is another Pod by now, or one
// that many write to: it is looked at again.
func (r *TrainingJobReconciler) deletePod(ctx context.Context, namespace, name string, uid types.UID) error {
	pod := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name}}
	err := r.Client.Delete(ctx, pod, client.Preconditions{UID: &uid})
	if apierrors.IsConflict(err) {
		return errStale
	}
	if err := client.IgnoreNotFound(err); err != nil {
		return fmt.Errorf("deleting Pod %s: %w", name, err)
	}
	return nil
}

// releasePod removes our finalizer from the Pod and leaves everything else of it
// alone, whatever others change at the same time.
func releasePod(ctx context.Context, c client.Client, namespace, name string, uid types.UID) error {
	patch, err := json.Marshal(map[string]any{"metadata": map[string]any{
		"uid": uid, "$deleteFromPrimitiveList/finalizers": []string{v1alpha1.ResultFinalizer},
	}})
	if err != nil {
		return fmt.Errorf("encoding the patch of Pod %s: %w", name, err)
	}
	pod := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name}}
	err = c.Patch(ctx, pod, client.RawPatch(types.StrategicMergePatchType, patch), client.DisableReadYourWritesConsistency)
	if apierrors.IsConflict(err) {
		return errStale
	}
	if err := client.IgnoreNotFound(err); err != nil {
		return fmt.Errorf("removing the finalizer of Pod %s: %w", name, err)
	}
	return nil
}

func (r *TrainingJobReconciler) deleteJob(ctx context.Context, job *v1alpha1.TrainingJob) error {
	err := r.Client.Delete(ctx, job,
		client.Preconditions{UID: &job.UID, ResourceVersion: &job.ResourceVersion},
		client.PropagationPolicy(metav1.DeletePropagationBackground), &client.DeleteOptions{GracePeriodSeconds: ptr.To[int64](0)})
	if apierrors.IsConflict(err) {
		return errStale
	}
	if err := client.IgnoreNotFound(err); err != nil {
		return fmt.Errorf("deleting the TrainingJob: %w", err)
	}
	return nil
}
