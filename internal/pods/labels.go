package pods

import (
	"cmp"
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/swath-dev/swath/api/v1alpha1"
	"github.com/swath-dev/swath/internal/contract"
)

// ownLabels are the labels by which the operator finds the Pod of the role and number.
func ownLabels(job *v1alpha1.TrainingJob, role string, number int32) map[string]string {
	return map[string]string{
		v1alpha1.LabelJobName: job.Name,
		v1alpha1.LabelJobID:   cmp.Or(job.Status.ID, contract.JobID(string(job.UID))),
		v1alpha1.LabelRole:    role,
		v1alpha1.LabelNumber:  strconv.FormatInt(int64(number), 10),
	}
}

// LostLabels are the operator's labels that a Pod of the job has lost, or that have
// another value than it was made with. The Pod's name says what they were. There are
// none for a Pod whose name is not of the job's Pods.
func LostLabels(job *v1alpha1.TrainingJob, pod *corev1.Pod) map[string]string {
	for _, role := range []string{v1alpha1.RolePrepare, v1alpha1.RoleTrain} {
		suffix, ok := strings.CutPrefix(pod.Name, job.Name+"-"+role+"-")
		number, err := strconv.ParseInt(suffix, 10, 32)
		if !ok || err != nil || Name(job.Name, role, int32(number)) != pod.Name {
			continue
		}
		lost := ownLabels(job, role, int32(number))
		for key, value := range pod.Labels {
			if lost[key] == value {
				delete(lost, key)
			}
		}
		return lost
	}
	return nil
}
