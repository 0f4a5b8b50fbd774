package pods

import (
	"fmt"
	"slices"
	"strings"

	"github.com/swath-dev/swath/api/v1alpha1"
	"github.com/swath-dev/swath/internal/config"
)

// NotAllowed is a job that asks for what cannot work, or what the operator's
// configuration does not allow, or for which it has no storage.
type NotAllowed struct {
	// Reason is v1alpha1.ReasonInvalidSpec, v1alpha1.ReasonPodNotAllowed or
	// v1alpha1.ReasonNoStorage.
	Reason string
	// Message says what is not allowed and what to do about it.
	Message string
}

// Error is the message.
func (e *NotAllowed) Error() string { return e.Message }

// steering are the beginnings of names of environment variables that a job cannot
// set: they would redirect storage, credentials or the network, give devices that
// were not asked for, or run other code in the loader, the shell or a language's
// runtime.
var steering = []string{
	"SWATH_", "AWS_", "AZURE_", "GOOGLE_", "GCE_", "GCLOUD_", "CLOUDSDK_", "S3_", "STORAGE_EMULATOR_HOST",
	"HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "ALL_PROXY", "FTP_PROXY", "KUBERNETES_",
	"SSL_", "SSLKEYLOGFILE", "OPENSSL_", "REQUESTS_CA_BUNDLE", "CURL_", "NODE_EXTRA_CA_CERTS",
	"RES_OPTIONS", "LOCALDOMAIN", "HOSTALIASES", "NSS_", "RESOLV_",
	"NVIDIA_", "AMD_VISIBLE_DEVICES", "CUDA_INJECTION", "HABANA_VISIBLE_DEVICES",
	"LD_", "DYLD_", "GLIBC_", "GCONV_PATH", "GODEBUG", "PATH", "HOME", "TMPDIR",
	"BASH_", "PROMPT_COMMAND", "SHELLOPTS", "BROWSER", "PAGER", "EDITOR",
	"PYTHON", "NODE_", "JAVA_", "_JAVA_", "JDK_", "PERL", "RUBY", "LUA_",
}

// steeringNames are such names as a whole: others may begin with them.
var steeringNames = []string{"ENV", "IFS", "PS4"}

// Check tells whether what the job asks for can work and the configuration allows it.
// The error is a *NotAllowed.
func Check(job *v1alpha1.TrainingJob, c *config.Config) error {
	if err := checkSpec(job.Spec.Pod); err != nil {
		return err
	}
	if c.StorageFor(job.Namespace) == nil {
		return &NotAllowed{v1alpha1.ReasonNoStorage, fmt.Sprintf("the operator's configuration has no storage for the namespace %s; ask the platform team to add it under storage", job.Namespace)}
	}
	if err := checkKueue(job, c); err != nil {
		return err
	}
	o := job.Spec.Pod
	if o == nil {
		return nil
	}
	for _, check := range []func(*v1alpha1.PodOptions, *config.Allow) error{checkReserved, checkNames, checkTolerations, checkAffinity, checkKeys, checkEnv} {
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

func checkEnv(o *v1alpha1.PodOptions, allow *config.Allow) error {
	for _, v := range o.Env {
		name := strings.ToUpper(v.Name)
		if hasPrefix(steering, name) || slices.Contains(steeringNames, name) {
			return notAllowed("spec.pod.env %s is not allowed: names such as this steer storage, the network, devices or the loader; remove it", v.Name)
		}
		if !hasPrefix(allow.EnvPrefixes, v.Name) {
			return refuse("env "+v.Name, "envPrefixes")
		}
	}
	return nil
}

func checkAffinity(o *v1alpha1.PodOptions, allow *config.Allow) error {
	if o.Affinity == nil {
		return nil
	}
	kinds := []struct {
		name  string
		asked bool
	}{
		{"nodeAffinity", o.Affinity.NodeAffinity != nil},
		{"podAffinity", o.Affinity.PodAffinity != nil},
		{"podAntiAffinity", o.Affinity.PodAntiAffinity != nil},
	}
	for _, kind := range kinds {
		if kind.asked && !listed(allow.Affinity, kind.name) {
			return refuse("affinity."+kind.name, "affinity")
		}
	}
	return nil
}

// checkKueue holds Kueue's priority, which preempts others too, to the list of the
// priority classes.
func checkKueue(job *v1alpha1.TrainingJob, c *config.Config) error {
	priority := job.Labels[v1alpha1.KueuePriorityLabel]
	if !c.Kueue.Enabled || priority == "" || job.Labels[v1alpha1.KueueQueueLabel] == "" || listed(c.Allow.PriorityClassNames, priority) {
		return nil
	}
	return notAllowed("the label %s: %s is not allowed by the operator's configuration; remove it, or ask the platform team to list it under allow.priorityClassNames", v1alpha1.KueuePriorityLabel, priority)
}

func notAllowed(format string, args ...any) error {
	return &NotAllowed{v1alpha1.ReasonPodNotAllowed, fmt.Sprintf(format, args...)}
}

func refuse(what, key string) error {
	return notAllowed("spec.pod.%s is not allowed by the operator's configuration; remove it, or ask the platform team to list it under allow.%s", what, key)
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
