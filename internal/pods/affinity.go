package pods

import (
	"slices"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// nodeAffinityKeys are the keys of nodes' labels and fields that the affinity names.
func nodeAffinityKeys(a *corev1.Affinity) []string {
	if a == nil || a.NodeAffinity == nil {
		return nil
	}
	var terms []corev1.NodeSelectorTerm
	if required := a.NodeAffinity.RequiredDuringSchedulingIgnoredDuringExecution; required != nil {
		terms = append(terms, required.NodeSelectorTerms...)
	}
	for _, preferred := range a.NodeAffinity.PreferredDuringSchedulingIgnoredDuringExecution {
		terms = append(terms, preferred.Preference)
	}
	var keys []string
	for _, term := range terms {
		for _, r := range slices.Concat(term.MatchExpressions, term.MatchFields) {
			keys = append(keys, r.Key)
		}
	}
	return keys
}

func podAffinityKeys(a *corev1.Affinity) []string {
	if a == nil || a.PodAffinity == nil {
		return nil
	}
	return podTermKeys(a.PodAffinity.RequiredDuringSchedulingIgnoredDuringExecution, a.PodAffinity.PreferredDuringSchedulingIgnoredDuringExecution)
}

func podAntiAffinityKeys(a *corev1.Affinity) []string {
	if a == nil || a.PodAntiAffinity == nil {
		return nil
	}
	return podTermKeys(a.PodAntiAffinity.RequiredDuringSchedulingIgnoredDuringExecution, a.PodAntiAffinity.PreferredDuringSchedulingIgnoredDuringExecution)
}

// podTermKeys are the keys of labels of Pods, namespaces and nodes that the terms name.
func podTermKeys(required []corev1.PodAffinityTerm, preferred []corev1.WeightedPodAffinityTerm) []string {
	terms := slices.Clone(required)
	for _, weighted := range preferred {
		terms = append(terms, weighted.PodAffinityTerm)
	}
	var keys []string
	for _, term := range terms {
		keys = append(keys, term.TopologyKey)
		keys = append(keys, selectorKeys(term.LabelSelector)...)
		keys = append(keys, selectorKeys(term.NamespaceSelector)...)
		keys = append(keys, term.MatchLabelKeys...)
		keys = append(keys, term.MismatchLabelKeys...)
	}
	return keys
}

func selectorKeys(selector *metav1.LabelSelector) []string {
	if selector == nil {
		return nil
	}
	keys := sortedKeys(selector.MatchLabels)
	for _, r := range selector.MatchExpressions {
		keys = append(keys, r.Key)
	}
	return keys
}
