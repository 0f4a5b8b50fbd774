package queue

import (
	"context"

	schedulingv1 "k8s.io/api/scheduling/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/swath-dev/swath/api/v1alpha1"
)

// Priority is the value of the priority class that the job's train Pod has, or gets at
// admission: spec.pod's, else the configured one, else the cluster's default. A class
// that does not exist counts as 0; the Pod's admission reports it. The operator's order
// and the place that the gateway shows both come from here.
func Priority(ctx context.Context, reader client.Reader, job *v1alpha1.TrainingJob, configured string) int32 {
	name := configured
	if job.Spec.Pod != nil && job.Spec.Pod.PriorityClassName != "" {
		name = job.Spec.Pod.PriorityClassName
	}
	if name == "" {
		return defaultPriority(ctx, reader)
	}
	var class schedulingv1.PriorityClass
	if err := reader.Get(ctx, client.ObjectKey{Name: name}, &class); err != nil {
		return 0
	}
	return class.Value
}

// defaultPriority is the value of the class that Pods without one get: of several that
// are marked so, Kubernetes takes the least.
func defaultPriority(ctx context.Context, reader client.Reader) int32 {
	var classes schedulingv1.PriorityClassList
	if err := reader.List(ctx, &classes, client.UnsafeDisableDeepCopy, client.DisableReadYourWritesConsistency); err != nil {
		return 0
	}
	var least *schedulingv1.PriorityClass
	for i := range classes.Items {
		if c := &classes.Items[i]; c.GlobalDefault && (least == nil || c.Value < least.Value) {
			least = c
		}
	}
	if least == nil {
		return 0
	}
	return least.Value
}
