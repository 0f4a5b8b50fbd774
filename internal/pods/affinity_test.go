package pods_test

import (
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// kueueAffinities name the key in each place of an affinity that has keys, and in no other.
func kueueAffinities(key string) map[string]corev1.Affinity {
	all := map[string]corev1.Affinity{}
	requirement := []corev1.NodeSelectorRequirement{{Key: key, Operator: corev1.NodeSelectorOpExists}}
	for place, term := range map[string]corev1.NodeSelectorTerm{
		"matchExpressions": {MatchExpressions: requirement}, "matchFields": {MatchFields: requirement},
	} {
		all["affinity.nodeAffinity, required "+place] = corev1.Affinity{NodeAffinity: &corev1.NodeAffinity{
			RequiredDuringSchedulingIgnoredDuringExecution: &corev1.NodeSelector{NodeSelectorTerms: []corev1.NodeSelectorTerm{{}, term}},
		}}
		all["affinity.nodeAffinity, preferred "+place] = corev1.Affinity{NodeAffinity: &corev1.NodeAffinity{
			PreferredDuringSchedulingIgnoredDuringExecution: []corev1.PreferredSchedulingTerm{{Weight: 1, Preference: term}},
		}}
	}
	labels := &metav1.LabelSelector{MatchLabels: map[string]string{key: "team"}}
	expressions := &metav1.LabelSelector{MatchExpressions: []metav1.LabelSelectorRequirement{{Key: key, Operator: metav1.LabelSelectorOpExists}}}
	const host = corev1.LabelHostname
	for place, term := range map[string]corev1.PodAffinityTerm{
		"topologyKey":                        {TopologyKey: key},
		"labelSelector.matchLabels":          {TopologyKey: host, LabelSelector: labels},
		"labelSelector.matchExpressions":     {TopologyKey: host, LabelSelector: expressions},
		"namespaceSelector.matchLabels":      {TopologyKey: host, NamespaceSelector: labels},
		"namespaceSelector.matchExpressions": {TopologyKey: host, NamespaceSelector: expressions},
		"matchLabelKeys":                     {TopologyKey: host, MatchLabelKeys: []string{key}},
		"mismatchLabelKeys":                  {TopologyKey: host, MismatchLabelKeys: []string{key}},
	} {
		required, preferred := []corev1.PodAffinityTerm{term}, []corev1.WeightedPodAffinityTerm{{Weight: 1, PodAffinityTerm: term}}
		all["affinity.podAffinity, required "+place] = corev1.Affinity{PodAffinity: &corev1.PodAffinity{RequiredDuringSchedulingIgnoredDuringExecution: required}}
		all["affinity.podAffinity, preferred "+place] = corev1.Affinity{PodAffinity: &corev1.PodAffinity{PreferredDuringSchedulingIgnoredDuringExecution: preferred}}
		all["affinity.podAntiAffinity, required "+place] = corev1.Affinity{PodAntiAffinity: &corev1.PodAntiAffinity{RequiredDuringSchedulingIgnoredDuringExecution: required}}
		all["affinity.podAntiAffinity, preferred "+place] = corev1.Affinity{PodAntiAffinity: &corev1.PodAntiAffinity{PreferredDuringSchedulingIgnoredDuringExecution: preferred}}
	}
	return all
}
