package pods

import (
	"fmt"
	"slices"
	"strings"

	"github.com/swath-dev/swath/api/v1alpha1"
	"github.com/swath-dev/swath/internal/config"
)

// NotAllowed is a job that asks for what the operator's configuration does not
// allow, or for which it has no storage.
type NotAllowed struct {
	// Reason is v1alpha1.ReasonPodNotAllowed or v1alpha1.ReasonNoStorage.
	Reason string
	// Message says what is not allowed and what to do about it.
	Message string
}

// Error is the message.
func (e *NotAllowed) Error() string { return e.Message }

// steering are the beginnings of names of environment variables that a job cannot
// set: they would redirect storage, credentials, the network or the loader.
var steering = []string{
	"SWATH_", "AWS_", "AZURE_", "GOOGLE_", "GCE_", "GCLOUD_", "CLOUDSDK_", "S3_", "STORAGE_EMULATOR_HOST",
	"HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "ALL_PROXY", "FTP_PROXY", "LD_", "SSL_CERT_", "KUBERNETES_", "GODEBUG", "PATH", "HOME",
}

// Check tells whether the configuration allows what the job asks for. The error
// is a *NotAllowed.
func Check(job *v1alpha1.TrainingJob, c *config.Config) error {
	if c.StorageFor(job.Namespace) == nil {
		return &NotAllowed{v1alpha1.ReasonNoStorage, fmt.Sprintf("the operator's configuration has no storage for the namespace %s; ask the platform team to add it under storage", job.Namespace)}
	}
	o := job.Spec.Pod
	if o == nil {
		return nil
	}
	for _, check := range []func(*v1alpha1.PodOptions, *config.Allow) error{checkNames, checkTolerations, checkKeys, checkEnv} {
		if err := check(o, &c.Allow); err != nil {
			return err
		}
	}
	return nil
}

func checkNames(o *v1alpha1.PodOptions, allow *config.Allow) error {
	names := []struct {
		field, name string
		allowed     []string
		key         string
	}{
		{"serviceAccountName", o.ServiceAccountName, allow.ServiceAccountNames, "serviceAccountNames"},
		{"priorityClassName", o.PriorityClassName, allow.PriorityClassNames, "priorityClassNames"},
		{"runtimeClassName", o.RuntimeClassName, allow.RuntimeClassNames, "runtimeClassNames"},
	}
	for _, n := range names {
		if n.name != "" && !listed(n.allowed, n.name) {
			return refuse(n.field+" "+n.name, n.key)
		}
	}
	for _, secret := range o.ImagePullSecrets {
		if !listed(allow.ImagePullSecrets, secret.Name) {
			return refuse("imagePullSecrets "+secret.Name, "imagePullSecrets")
		}
	}
	return nil
}

func checkTolerations(o *v1alpha1.PodOptions, allow *config.Allow) error {
	for _, t := range o.Tolerations {
		if !listed(allow.TolerationKeys, t.Key) {
			key := t.Key
			if key == "" {
				key = "of every taint"
			}
			return refuse("tolerations "+key, "tolerationKeys")
		}
	}
	return nil
}

func checkKeys(o *v1alpha1.PodOptions, allow *config.Allow) error {
	kinds := []struct {
		field, key string
		keys       map[string]string
		prefixes   []string
	}{
		{"labels", "labelPrefixes", o.Labels, allow.LabelPrefixes},
		{"annotations", "annotationPrefixes", o.Annotations, allow.AnnotationPrefixes},
	}
	for _, kind := range kinds {
		for _, key := range sortedKeys(kind.keys) {
			if strings.Contains(key, v1alpha1.GroupName) || !hasPrefix(kind.prefixes, key) {
				return refuse(kind.field+" "+key, kind.key)
			}
		}
	}
	return nil
}

func checkEnv(o *v1alpha1.PodOptions, _ *config.Allow) error {
	for _, v := range o.Env {
		name := strings.ToUpper(v.Name)
		for _, prefix := range steering {
			if strings.HasPrefix(name, prefix) {
				return &NotAllowed{v1alpha1.ReasonPodNotAllowed, fmt.Sprintf("spec.pod.env %s is not allowed: names beginning with %s steer storage, the network or the loader; remove it", v.Name, prefix)}
			}
		}
	}
	return nil
}

func refuse(what, key string) error {
	return &NotAllowed{v1alpha1.ReasonPodNotAllowed, fmt.Sprintf("spec.pod.%s is not allowed by the operator's configuration; remove it, or ask the platform team to list it under allow.%s", what, key)}
}

func listed(allowed []string, name string) bool {
	return slices.Contains(allowed, name) || slices.Contains(allowed, "*")
}

func hasPrefix(prefixes []string, key string) bool {
	return slices.ContainsFunc(prefixes, func(prefix string) bool {
		return prefix == "*" || strings.HasPrefix(key, prefix)
	})
}

func sortedKeys(m map[string]string) []string {
	keys := make([]string, 0, len(m))
	for key := range m {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	return keys
}
