package manager

import (
	"fmt"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/selection"

	"github.com/swath-dev/swath/internal/pods"
)

// labelled selects objects that have the label, whatever its value.
func labelled(name string) (labels.Selector, error) {
	requirement, err := labels.NewRequirement(name, selection.Exists, nil)
	if err != nil {
		return nil, fmt.Errorf("selecting by the label %s: %w", name, err)
	}
	return labels.NewSelector().Add(*requirement), nil
}

// slimPod has the cache keep of a Pod what counts.
func slimPod(object any) (any, error) {
	if pod, ok := object.(*corev1.Pod); ok {
		return pods.Slim(pod), nil
	}
	return object, nil
}
