package pods

import (
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/swath-dev/swath/api/v1alpha1"
	"github.com/swath-dev/swath/internal/contract"
)

// Slim keeps of a Pod what lifecycle.ReadPod and the controllers read, so that ten
// thousand of them fit in little memory. The result must not be written.
func Slim(pod *corev1.Pod) *corev1.Pod {
	var annotations map[string]string
	if options, there := pod.Annotations[v1alpha1.AnnotationPodOptions]; there {
		annotations = map[string]string{v1alpha1.AnnotationPodOptions: options}
	}
	return &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{
			Name: pod.Name, Namespace: pod.Namespace, UID: pod.UID, ResourceVersion: pod.ResourceVersion,
			Labels: pod.Labels, Annotations: annotations, Finalizers: pod.Finalizers, OwnerReferences: pod.OwnerReferences,
			CreationTimestamp: pod.CreationTimestamp, DeletionTimestamp: pod.DeletionTimestamp,
			DeletionGracePeriodSeconds: pod.DeletionGracePeriodSeconds,
		},
		Spec: corev1.PodSpec{
			NodeName: pod.Spec.NodeName, SchedulerName: pod.Spec.SchedulerName, SchedulingGates: pod.Spec.SchedulingGates,
			InitContainers: slimContainers(pod.Spec.InitContainers), Containers: slimContainers(pod.Spec.Containers),
		},
		Status: corev1.PodStatus{
			Phase: pod.Status.Phase, Reason: pod.Status.Reason, Message: pod.Status.Message, PodIP: pod.Status.PodIP,
			Conditions:            pod.Status.Conditions,
			InitContainerStatuses: slimStatuses(pod.Status.InitContainerStatuses),
			ContainerStatuses:     slimStatuses(pod.Status.ContainerStatuses),
		},
	}
}

func slimContainers(containers []corev1.Container) []corev1.Container {
	slim := make([]corev1.Container, 0, len(containers))
	for _, c := range containers {
		kept := corev1.Container{Name: c.Name, Image: c.Image, RestartPolicy: c.RestartPolicy}
		if limit, ok := c.Resources.Limits[corev1.ResourceMemory]; ok {
			kept.Resources.Limits = corev1.ResourceList{corev1.ResourceMemory: limit}
		}
		for _, v := range c.Env {
			if v.Name == contract.EnvQueue {
				kept.Env = append(kept.Env, v)
			}
		}
		slim = append(slim, kept)
	}
	return slim
}

func slimStatuses(statuses []corev1.ContainerStatus) []corev1.ContainerStatus {
	slim := make([]corev1.ContainerStatus, 0, len(statuses))
	for _, s := range statuses {
		slim = append(slim, corev1.ContainerStatus{Name: s.Name, State: s.State, Started: s.Started})
	}
	return slim
}
