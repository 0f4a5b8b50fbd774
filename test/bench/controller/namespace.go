//go:build linux

package main

import (
	"context"
	"fmt"
	"time"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/wait"
	"sigs.k8s.io/controller-runtime/pkg/client"

	trainingv1alpha1 "github.com/swath-dev/swath/api/v1alpha1"
)

// createNamespace makes a namespace for one measurement.
func (c *cluster) createNamespace(ctx context.Context, name string) error {
	if err := c.admin.Create(ctx, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name}}); err != nil {
		return fmt.Errorf("making the namespace %s: %w", name, err)
	}
	return nil
}

// settle waits until the controller has nothing left to write in the namespace: a job may end before the last
// finalizer of its Pods is off.
func (c *cluster) settle(ctx context.Context, namespace string) error {
	err := wait.PollUntilContextTimeout(ctx, 200*time.Millisecond, 2*time.Minute, true, func(ctx context.Context) (bool, error) {
		var pods corev1.PodList
		if err := c.admin.List(ctx, &pods, client.InNamespace(namespace)); err != nil {
			return false, err
		}
		for i := range pods.Items {
			if len(pods.Items[i].Finalizers) > 0 {
				return false, nil
			}
		}
		return true, nil
	})
	if err != nil {
		return fmt.Errorf("waiting until no Pod of the namespace %s has a finalizer: %w", namespace, err)
	}
	return nil
}

// empty deletes all jobs and Pods of the namespace, so that each measurement begins with the same cluster. Their
// controllers have ended, so their finalizers are taken off here.
func (c *cluster) empty(ctx context.Context, namespace string) error {
	for _, kind := range []client.Object{&batchv1.Job{}, &trainingv1alpha1.TrainingJob{}, &corev1.Pod{}} {
		err := c.admin.DeleteAllOf(ctx, kind, client.InNamespace(namespace),
			client.GracePeriodSeconds(0), client.PropagationPolicy(metav1.DeletePropagationBackground))
		if err != nil {
			return fmt.Errorf("emptying the namespace %s: %w", namespace, err)
		}
	}
	err := wait.PollUntilContextTimeout(ctx, 200*time.Millisecond, 2*time.Minute, true, func(ctx context.Context) (bool, error) {
		left := 0
		for _, list := range []client.ObjectList{&batchv1.JobList{}, &trainingv1alpha1.TrainingJobList{}, &corev1.PodList{}} {
			n, err := c.release(ctx, list, namespace)
			if err != nil {
				return false, err
			}
			left += n
		}
		return left == 0, nil
	})
	if err != nil {
		return fmt.Errorf("waiting until the namespace %s is empty: %w", namespace, err)
	}
	return nil
}

// release takes the finalizers off what is left in the namespace, and says how much that is.
func (c *cluster) release(ctx context.Context, list client.ObjectList, namespace string) (int, error) {
	if err := c.admin.List(ctx, list, client.InNamespace(namespace)); err != nil {
		return 0, err
	}
	items, err := meta.ExtractList(list)
	if err != nil {
		return 0, err
	}
	none := client.RawPatch(types.MergePatchType, []byte(`{"metadata":{"finalizers":null}}`))
	for _, item := range items {
		object, ok := item.(client.Object)
		if !ok || len(object.GetFinalizers()) == 0 {
			continue
		}
		if err := c.admin.Patch(ctx, object, none); client.IgnoreNotFound(err) != nil {
			return 0, err
		}
	}
	return len(items), nil
}
