package gateway

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	utilyaml "k8s.io/apimachinery/pkg/util/yaml"
	"sigs.k8s.io/yaml"

	"github.com/swath-dev/swath/hack/cluster/repo"
)

// manifest is the content of a file of config/.
func manifest(t *testing.T, path ...string) []byte {
	t.Helper()
	root, err := repo.Root()
	if err != nil {
		t.Fatal(err)
	}
	content, err := os.ReadFile(filepath.Join(append([]string{root, "config"}, path...)...))
	if err != nil {
		t.Fatal(err)
	}
	return content
}

// build is what kubectl applies for a kustomization of config/.
func build(t *testing.T, kustomization string) []byte {
	t.Helper()
	root, err := repo.Root()
	if err != nil {
		t.Fatal(err)
	}
	command := exec.CommandContext(t.Context(), filepath.Join(assets, "kubectl"), "kustomize", filepath.Join(root, "config", filepath.FromSlash(kustomization)))
	var complaints bytes.Buffer
	command.Stderr = &complaints
	built, err := command.Output()
	if err != nil {
		t.Fatalf("building config/%s: %v\n%s", kustomization, err, complaints.String())
	}
	return built
}

// objectsIn gives the objects of a kind among YAML documents.
func objectsIn[T any](t *testing.T, kind string, content []byte) []T {
	t.Helper()
	var found []T
	for documents := utilyaml.NewYAMLReader(bufio.NewReader(bytes.NewReader(content))); ; {
		document, err := documents.Read()
		if errors.Is(err, io.EOF) {
			return found
		}
		var about metav1.TypeMeta
		if err == nil {
			err = yaml.Unmarshal(document, &about)
		}
		var object T
		if err == nil && about.Kind == kind {
			err = yaml.UnmarshalStrict(document, &object)
			found = append(found, object)
		}
		if err != nil {
			t.Fatalf("reading a %s: %v", kind, err)
		}
	}
}

// podsIn gives the Pods that Deployments and CronJobs make.
func podsIn(t *testing.T, content []byte) map[string]corev1.PodTemplateSpec {
	t.Helper()
	pods := map[string]corev1.PodTemplateSpec{}
	for _, deployment := range objectsIn[appsv1.Deployment](t, "Deployment", content) {
		pods[deployment.Namespace+"/"+deployment.Name] = deployment.Spec.Template
	}
	for _, job := range objectsIn[batchv1.CronJob](t, "CronJob", content) {
		pods[job.Namespace+"/"+job.Name] = job.Spec.JobTemplate.Spec.Template
	}
	return pods
}

// namesIn are the objects of a kind among YAML documents, as NAMESPACE/NAME.
func namesIn(t *testing.T, kind string, content []byte) map[string]bool {
	t.Helper()
	names := map[string]bool{}
	for _, object := range objectsIn[unstructured.Unstructured](t, kind, content) {
		names[object.GetNamespace()+"/"+object.GetName()] = true
	}
	return names
}

// Whatever is applied by itself has all that its Pods need to start.
func TestEachInstallationHasWhatItsPodsName(t *testing.T) {
	for kustomization, want := range map[string][]string{
		"default":  {"swath-system/manager"},
		"gateway":  {"swath-system/gateway", "swath-system/janitor"},
		"complete": {"swath-system/manager", "swath-system/gateway", "swath-system/janitor"},
		"local":    {"swath-system/manager", "swath-system/gateway", "swath-system/janitor"},
	} {
		built := build(t, kustomization)
		pods := podsIn(t, built)
		if len(pods) != len(want) {
			t.Errorf("config/%s has Pods of %d objects, want %v", kustomization, len(pods), want)
		}
		namespaces, accounts := namesIn(t, "Namespace", built), namesIn(t, "ServiceAccount", built)
		configurations, claims := namesIn(t, "ConfigMap", built), namesIn(t, "PersistentVolumeClaim", built)
		// Operator and gateway end at their start where TrainingJobs are not known.
		if !namesIn(t, "CustomResourceDefinition", built)["/trainingjobs.training.swath.dev"] || !namespaces["/swath-system"] {
			t.Errorf("config/%s lacks the CRD or the namespace", kustomization)
		}
		if !namesIn(t, "ClusterRole", built)["/swath-trainingjob-editor"] {
			t.Errorf("config/%s lacks the role that the documents give to callers", kustomization)
		}
		for _, name := range want {
			pod, there := pods[name]
			if !there {
				t.Errorf("config/%s has no Pods of %s", kustomization, name)
			}
			if account := "swath-system/" + pod.Spec.ServiceAccountName; !accounts[account] {
				t.Errorf("config/%s: the Pods of %s name the service account %s, which is not there", kustomization, name, account)
			}
			for _, volume := range pod.Spec.Volumes {
				if volume.ConfigMap != nil && !configurations["swath-system/"+volume.ConfigMap.Name] {
					t.Errorf("config/%s: the Pods of %s name the ConfigMap %s, which is not there: there are %v", kustomization, name, volume.ConfigMap.Name, configurations)
				}
				if volume.PersistentVolumeClaim != nil && !claims["swath-system/"+volume.PersistentVolumeClaim.ClaimName] {
					t.Errorf("config/%s: the Pods of %s name the claim %s, which is not there", kustomization, name, volume.PersistentVolumeClaim.ClaimName)
				}
			}
		}
	}
}

// The gateway of config/complete goes with config/gateway/base, and nothing that the operator needs goes with it.
func TestTheGatewayCanBeRemovedAlone(t *testing.T) {
	base := build(t, "gateway/base")
	for _, kind := range []string{"Namespace", "CustomResourceDefinition", "ConfigMap"} {
		if names := namesIn(t, kind, base); len(names) > 0 {
			t.Errorf("config/gateway/base has a %s: %v", kind, names)
		}
	}
	operator, complete := build(t, "default"), build(t, "complete")
	for _, kind := range []string{"Deployment", "CronJob", "Service", "ServiceAccount", "ClusterRole", "ClusterRoleBinding", "PodDisruptionBudget"} {
		removed, kept := namesIn(t, kind, base), namesIn(t, kind, operator)
		for name := range namesIn(t, kind, complete) {
			if removed[name] == kept[name] {
				t.Errorf("%s %s is of the gateway: %t, and of the operator: %t", kind, name, removed[name], kept[name])
			}
		}
	}
}
