package pods

import (
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/swath-dev/swath/api/v1alpha1"
	"github.com/swath-dev/swath/internal/config"
)

// checkReserved refuses keys of Kueue wherever spec.pod has keys, whatever the
// configuration allows: with them a job would pass the limits, or get quota and
// priorities that Kueue gives to others.
func checkReserved(o *v1alpha1.PodOptions, _ *config.Allow) error {
	kinds := []struct {
		field string
		keys  []string
	}{
		{"labels", sortedKeys(o.Labels)},
		{"annotations", sortedKeys(o.Annotations)},
		{"nodeSelector", sortedKeys(o.NodeSelector)},
		{"tolerations", tolerationKeys(o.Tolerations)},
		{"resources.requests", resourceNames(o.Resources, func(r *corev1.ResourceRequirements) corev1.ResourceList { return r.Requests })},
		{"resources.limits", resourceNames(o.Resources, func(r *corev1.ResourceRequirements) corev1.ResourceList { return r.Limits })},
		{"affinity.nodeAffinity", nodeAffinityKeys(o.Affinity)},
		{"affinity.podAffinity", podAffinityKeys(o.Affinity)},
		{"affinity.podAntiAffinity", podAntiAffinityKeys(o.Affinity)},
	}
	for _, kind := range kinds {
		for _, key := range kind.keys {
			if ofKueue(key) {
				return notAllowed("spec.pod.%s %s is not allowed: keys of Kueue are set by the operator alone; remove it, and put the label %s on the TrainingJob to have Kueue queue it", kind.field, key, v1alpha1.KueueQueueLabel)
			}
		}
	}
	return nil
}

// ofKueue reports whether the key is of Kueue's domain or of one below it.
func ofKueue(key string) bool {
	domain, _, prefixed := strings.Cut(key, "/")
	return prefixed && (domain == v1alpha1.KueueDomain || strings.HasSuffix(domain, "."+v1alpha1.KueueDomain))
}

func tolerationKeys(tolerations []corev1.Toleration) []string {
	keys := make([]string, 0, len(tolerations))
	for _, t := range tolerations {
		keys = append(keys, t.Key)
	}
	return keys
}

func resourceNames(r *corev1.ResourceRequirements, of func(*corev1.ResourceRequirements) corev1.ResourceList) []string {
	if r == nil {
		return nil
	}
	keys := map[string]string{}
	for name := range of(r) {
		keys[string(name)] = ""
	}
	return sortedKeys(keys)
}
