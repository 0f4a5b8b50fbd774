package pods

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/utils/ptr"

	"github.com/swath-dev/swath/api/v1alpha1"
	"github.com/swath-dev/swath/internal/resources"
)

// optionsDigest is a digest of the job's spec.pod.
func optionsDigest(job *v1alpha1.TrainingJob) (string, error) {
	data, err := json.Marshal(job.Spec.Pod)
	if err != nil {
		return "", fmt.Errorf("encoding spec.pod of job %s: %w", job.Name, err)
	}
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:8]), nil
}

// Outdated tells whether the train Pod was made from another spec.pod than the job
// has now. Pods are not compared with what was asked for, since others inject into
// them: what they were made from is written on them.
func Outdated(job *v1alpha1.TrainingJob, pod *corev1.Pod) bool {
	made := pod.Annotations[v1alpha1.AnnotationPodOptions]
	digest, err := optionsDigest(job)
	return err == nil && made != "" && made != digest
}

// applyOptions puts spec.pod into the train Pod, whose container has its resources
// already. What the operator sets itself always wins.
func (b *builder) applyOptions(pod *corev1.Pod) {
	o := b.job.Spec.Pod
	if o == nil {
		return
	}
	train := &pod.Spec.Containers[0]
	for _, v := range o.Env {
		train.Env = append(train.Env, corev1.EnvVar{Name: v.Name, Value: literal(v.Value)})
	}
	pod.Labels = merge(o.Labels, pod.Labels)
	pod.Annotations = merge(o.Annotations, pod.Annotations)
	pod.Spec.NodeSelector = merge(o.NodeSelector, pod.Spec.NodeSelector)
	pod.Spec.Tolerations = append(pod.Spec.Tolerations, o.Tolerations...)
	pod.Spec.Affinity = o.Affinity.DeepCopy()
	if o.PriorityClassName != "" {
		pod.Spec.PriorityClassName = o.PriorityClassName
	}
	if o.RuntimeClassName != "" {
		pod.Spec.RuntimeClassName = ptr.To(o.RuntimeClassName)
	}
	if o.ServiceAccountName != "" {
		pod.Spec.ServiceAccountName = o.ServiceAccountName
	}
	for _, secret := range o.ImagePullSecrets {
		if !slices.Contains(pod.Spec.ImagePullSecrets, secret) {
			pod.Spec.ImagePullSecrets = append(pod.Spec.ImagePullSecrets, secret)
		}
	}
	if o.TerminationGracePeriodSeconds != nil {
		pod.Spec.TerminationGracePeriodSeconds = ptr.To(*o.TerminationGracePeriodSeconds)
	}
}

// applyResources puts the job's requests and limits over the configured ones. A
// configured request that is over the job's limit gives way to it, and so does one that
// has to be equal to the limit.
func applyResources(needs, r *corev1.ResourceRequirements) {
	if r == nil {
		return
	}
	needs.Requests = merge(needs.Requests, r.Requests)
	needs.Limits = merge(needs.Limits, r.Limits)
	for name, limit := range needs.Limits {
		request, ok := needs.Requests[name]
		if !ok || request.Cmp(limit) == 0 || resources.Overcommits(name) && request.Cmp(limit) < 0 {
			continue
		}
		if _, asked := r.Requests[name]; !asked {
			needs.Requests[name] = limit
		} else if _, asked := r.Limits[name]; !asked {
			needs.Limits[name] = request
		}
	}
}

// literal keeps Kubernetes from expanding $(NAME) in a value.
func literal(value string) string {
	out := make([]byte, 0, len(value))
	for i := range len(value) {
		out = append(out, value[i])
		if value[i] == '$' {
			out = append(out, '$')
		}
	}
	return string(out)
}

// merge is base with over on top, without changing either.
func merge[M ~map[K]V, K comparable, V any](base, over M) M {
	if len(base) == 0 && len(over) == 0 {
		return nil
	}
	merged := maps.Clone(base)
	if merged == nil {
		merged = make(M, len(over))
	}
	maps.Copy(merged, over)
	return merged
}
