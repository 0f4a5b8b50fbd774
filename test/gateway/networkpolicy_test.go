package gateway

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	utilyaml "k8s.io/apimachinery/pkg/util/yaml"
	"sigs.k8s.io/yaml"

	"github.com/swath-dev/swath/hack/cluster/repo"
)

// objectsIn gives the objects of a kind in a file of config/.
func objectsIn[T any](t *testing.T, kind string, path ...string) []T {
	t.Helper()
	root, err := repo.Root()
	if err != nil {
		t.Fatal(err)
	}
	content, err := os.ReadFile(filepath.Join(append([]string{root, "config"}, path...)...))
	if err != nil {
		t.Fatal(err)
	}
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
			t.Fatalf("reading %v: %v", path, err)
		}
	}
}

func TestNetworkPolicyIsForThePodsThatThereAre(t *testing.T) {
	policies := objectsIn[networkingv1.NetworkPolicy](t, "NetworkPolicy", "network-policy", "gateway.yaml")
	if len(policies) != 1 {
		t.Fatalf("there are %d policies", len(policies))
	}
	policy := policies[0]
	selector, err := metav1.LabelSelectorAsSelector(&policy.Spec.PodSelector)
	if err != nil {
		t.Fatal(err)
	}
	var pods []corev1.PodTemplateSpec
	for _, deployment := range objectsIn[appsv1.Deployment](t, "Deployment", "gateway", "gateway.yaml") {
		pods = append(pods, deployment.Spec.Template)
	}
	for _, job := range objectsIn[batchv1.CronJob](t, "CronJob", "gateway", "janitor.yaml") {
		pods = append(pods, job.Spec.JobTemplate.Spec.Template)
	}
	if len(pods) != 2 {
		t.Fatalf("there are %d kinds of Pods", len(pods))
	}
	ports := map[string]bool{}
	for _, pod := range pods {
		if !selector.Matches(labels.Set(pod.Labels)) {
			t.Errorf("Pods with the labels %v are not its", pod.Labels)
		}
		for _, container := range pod.Spec.Containers {
			for _, port := range container.Ports {
				ports[port.Name] = true
			}
		}
	}
	for _, rule := range policy.Spec.Ingress {
		for _, port := range rule.Ports {
			if !ports[port.Port.String()] {
				t.Errorf("no Pod has the port %s", port.Port)
			}
		}
	}
	// The API server takes it as it is.
	if _, err := kube.CoreV1().Namespaces().Create(t.Context(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: policy.Namespace}}, metav1.CreateOptions{}); err != nil && !apierrors.IsAlreadyExists(err) {
		t.Fatal(err)
	}
	if _, err := kube.NetworkingV1().NetworkPolicies(policy.Namespace).Create(t.Context(), &policy, metav1.CreateOptions{DryRun: []string{metav1.DryRunAll}, FieldValidation: metav1.FieldValidationStrict}); err != nil {
		t.Errorf("the API server refuses it: %v", err)
	}
}
