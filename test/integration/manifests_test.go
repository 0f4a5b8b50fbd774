package integration

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	utilyaml "k8s.io/apimachinery/pkg/util/yaml"
	"sigs.k8s.io/yaml"
)

const manifests = "../../config"

// kustomizations are the folders below config with a kustomization.yaml, and whether
// they are components.
func kustomizations(t *testing.T) map[string]bool {
	t.Helper()
	found := map[string]bool{}
	err := filepath.WalkDir(manifests, func(path string, _ fs.DirEntry, err error) error {
		if err != nil || filepath.Base(path) != "kustomization.yaml" {
			return err
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		var read metav1.TypeMeta
		if err := yaml.Unmarshal(data, &read); err != nil {
			return fmt.Errorf("reading %s: %w", path, err)
		}
		folder, err := filepath.Rel(manifests, filepath.Dir(path))
		found[folder] = read.Kind == "Component"
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// kustomize builds the folders of config with the components over them.
func kustomize(t *testing.T, resources, components []string) map[string]*unstructured.Unstructured {
	t.Helper()
	folder := t.TempDir()
	relative := func(paths []string) []string {
		var all []string
		for _, path := range paths {
			absolute, err := filepath.Abs(filepath.Join(manifests, path))
			if err == nil {
				absolute, err = filepath.Rel(folder, absolute)
			}
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, absolute)
		}
		return all
	}
	data, err := yaml.Marshal(map[string]any{"resources": relative(resources), "components": relative(components)})
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(folder, "kustomization.yaml"), data, 0o600); err != nil {
		t.Fatal(err)
	}
	var stderr bytes.Buffer
	command := exec.CommandContext(t.Context(), filepath.Join(os.Getenv("KUBEBUILDER_ASSETS"), "kubectl"), "kustomize", folder)
	command.Stderr = &stderr
	built, err := command.Output()
	if err != nil {
		t.Fatalf("building %q with %q: %v\n%s", resources, components, err, &stderr)
	}
	objects := map[string]*unstructured.Unstructured{}
	for decoder := utilyaml.NewYAMLOrJSONDecoder(bytes.NewReader(built), 4096); ; {
		object := &unstructured.Unstructured{}
		if err := decoder.Decode(object); errors.Is(err, io.EOF) {
			return objects
		} else if err != nil {
			t.Fatal(err)
		}
		objects[object.GetKind()+"/"+object.GetName()] = object
	}
}

// Each kustomization builds, alone or, a component, over all that is installed.
func TestKustomizationsBuild(t *testing.T) {
	t.Parallel()
	all := kustomizations(t)
	for folder, isComponent := range all {
		t.Run(folder, func(t *testing.T) {
			if !isComponent {
				kustomize(t, []string{folder}, nil)
				return
			}
			components := []string{folder}
			if parent := filepath.Dir(folder); all[parent] {
				components = []string{parent, folder}
			}
			kustomize(t, []string{"complete", "prometheus"}, components)
		})
	}
}

// at is what the object has at the path, where numbers count in lists.
func at(t *testing.T, objects map[string]*unstructured.Unstructured, name string, path ...any) any {
	t.Helper()
	object := objects[name]
	if object == nil {
		t.Fatalf("there is no %s", name)
	}
	var value any = object.Object
	for _, step := range path {
		switch step := step.(type) {
		case string:
			value = value.(map[string]any)[step]
		case int:
			value = value.([]any)[step]
		}
	}
	return value
}

// What is installed protects metrics and scrapes them as it has to.
func TestProtectedMetricsAreScrapedWithTheirToken(t *testing.T) {
	t.Parallel()
	container := []any{"spec", "template", "spec", "containers", 0}
	arguments := func(objects map[string]*unstructured.Unstructured) []any {
		return at(t, objects, "Deployment/manager", append(slices.Clone(container), "args")...).([]any)
	}
	endpoint := []any{"spec", "podMetricsEndpoints", 0}

	open := kustomize(t, []string{"default", "prometheus"}, nil)
	if scraped := at(t, open, "PodMonitor/manager", endpoint...).(map[string]any); scraped["scheme"] != nil || scraped["authorization"] != nil {
		t.Errorf("by default metrics are scraped as %v", scraped)
	}
	if args := fmt.Sprint(arguments(open)); strings.Contains(args, "--metrics-secure") {
		t.Errorf("by default the operator runs with %s", args)
	}

	secure := kustomize(t, []string{"default", "prometheus"}, []string{"prometheus/secure"})
	if args := arguments(secure); !slices.Contains(args, any("--metrics-secure")) {
		t.Errorf("protected, the operator runs with %v", args)
	}
	scraped := at(t, secure, "PodMonitor/manager", endpoint...).(map[string]any)
	if scraped["scheme"] != "https" || scraped["port"] != "metrics" {
		t.Errorf("protected metrics are scraped as %v", scraped)
	}
	credentials := scraped["authorization"].(map[string]any)["credentials"].(map[string]any)
	secret := fmt.Sprintf("Secret/%s", credentials["name"])
	if kind := at(t, secure, secret, "type"); kind != string(corev1.SecretTypeServiceAccountToken) || credentials["key"] != corev1.ServiceAccountTokenKey {
		t.Errorf("%s is a %v, and its key %v is sent", secret, kind, credentials["key"])
	}
	account := at(t, secure, secret, "metadata", "annotations", corev1.ServiceAccountNameKey)
	if reader := at(t, secure, "ClusterRoleBinding/swath-metrics-reader", "subjects", 0, "name"); account != reader || reader != metricsReader {
		t.Errorf("the token is that of %v, and %v may read", account, reader)
	}
	at(t, secure, "ServiceAccount/"+metricsReader)

	own := kustomize(t, []string{"default", "prometheus"}, []string{"prometheus/secure", "prometheus/secure/tls"})
	mounts := at(t, own, "Deployment/manager", append(slices.Clone(container), "volumeMounts")...).([]any)
	path := mounts[len(mounts)-1].(map[string]any)["mountPath"]
	if args := arguments(own); !slices.Contains(args, any(fmt.Sprintf("--metrics-cert-path=%v", path))) {
		t.Errorf("the certificate is mounted at %v, and the operator runs with %v", path, args)
	}
	verified := at(t, own, "PodMonitor/manager", append(slices.Clone(endpoint), "tlsConfig")...).(map[string]any)
	if verified["insecureSkipVerify"] != nil || verified["ca"] == nil || verified["serverName"] == nil {
		t.Errorf("the certificate is checked by %v", verified)
	}
}
