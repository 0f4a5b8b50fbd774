package pods

import (
	apivalidation "k8s.io/apimachinery/pkg/api/validation"
	metav1validation "k8s.io/apimachinery/pkg/apis/meta/v1/validation"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/swath-dev/swath/api/v1alpha1"
	"github.com/swath-dev/swath/internal/contract"
	"github.com/swath-dev/swath/internal/resources"
)

// checkSpec refuses what cannot work with any configuration, so that the job fails
// before anything is fetched for it. The API server would refuse most of it once the
// train Pod is made.
func checkSpec(o *v1alpha1.PodOptions) error {
	if o == nil {
		return nil
	}
	if r := o.Resources; r != nil {
		if len(r.Claims) > 0 {
			return invalid("resources.claims is not supported, since the Pod has no resourceClaims: ask for devices in limits")
		}
		if err := resources.Check(r, contract.LeastMemory); err != nil {
			return invalid("resources." + err.Error())
		}
	}
	pod := field.NewPath("spec", "pod")
	errs := metav1validation.ValidateLabels(o.Labels, pod.Child("labels"))
	errs = append(errs, metav1validation.ValidateLabels(o.NodeSelector, pod.Child("nodeSelector"))...)
	errs = append(errs, apivalidation.ValidateAnnotations(o.Annotations, pod.Child("annotations"))...)
	names := map[string]string{
		"priorityClassName": o.PriorityClassName, "runtimeClassName": o.RuntimeClassName, "serviceAccountName": o.ServiceAccountName,
	}
	for name, value := range names {
		for _, fault := range apivalidation.NameIsDNSSubdomain(value, false) {
			if value != "" {
				errs = append(errs, field.Invalid(pod.Child(name), value, fault))
			}
		}
	}
	if len(errs) > 0 {
		return &NotAllowed{v1alpha1.ReasonInvalidSpec, errs.ToAggregate().Error()}
	}
	return nil
}

func invalid(sentence string) error {
	return &NotAllowed{v1alpha1.ReasonInvalidSpec, "spec.pod." + sentence}
}
