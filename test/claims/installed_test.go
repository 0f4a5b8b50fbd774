package claims

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	utilyaml "k8s.io/apimachinery/pkg/util/yaml"
	"sigs.k8s.io/yaml"
)

// objects are all objects of the YAML files below a folder.
func objects(t *testing.T, folder string) []unstructured.Unstructured {
	t.Helper()
	var found []unstructured.Unstructured
	err := filepath.WalkDir(filepath.Join(root, folder), func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || filepath.Ext(path) != ".yaml" {
			return err
		}
		file, err := os.Open(path)
		if err != nil {
			return err
		}
		defer func() { _ = file.Close() }()
		decoder := utilyaml.NewYAMLOrJSONDecoder(file, 4096)
		for {
			var object unstructured.Unstructured
			if err := decoder.Decode(&object.Object); errors.Is(err, io.EOF) {
				return nil
			} else if err != nil {
				return err
			}
			if object.GetKind() != "" {
				found = append(found, object)
			}
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(found) == 0 {
		t.Fatalf("there are no objects in %s", folder)
	}
	return found
}

// Swath has no part in the admission of anything, so that it is in nobody's way when it
// is down.
func TestNothingThatIsInstalledStandsInTheWayOfOthers(t *testing.T) {
	for _, object := range objects(t, "config") {
		if kind := object.GetKind(); strings.HasSuffix(kind, "WebhookConfiguration") || kind == "APIService" || kind == "Certificate" {
			t.Errorf("config has the %s %s", kind, object.GetName())
		}
		if conversion, there, _ := unstructured.NestedString(object.Object, "spec", "conversion", "strategy"); there && conversion != "None" {
			t.Errorf("%s %s converts by %s", object.GetKind(), object.GetName(), conversion)
		}
	}
}

// A manifest that sets cancel, suspend or a time to live would fight whoever sets it,
// or train again for ever.
func TestSamplesShowOnlyTheRequest(t *testing.T) {
	for _, object := range objects(t, "config/samples") {
		spec, _, err := unstructured.NestedMap(object.Object, "spec")
		if err != nil {
			t.Fatal(err)
		}
		for _, field := range []string{"cancel", "suspend", "ttlSecondsAfterFinished"} {
			if _, there := spec[field]; there {
				t.Errorf("the sample %s sets %s", object.GetName(), field)
			}
		}
	}
}

// The columns are fields of the status, never the last of a list.
func TestTheColumnsAreOfTheStatus(t *testing.T) {
	data, err := os.ReadFile(filepath.Join(root, "config/crd/bases/training.swath.dev_trainingjobs.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	var crd apiextensionsv1.CustomResourceDefinition
	if err := yaml.UnmarshalStrict(data, &crd); err != nil {
		t.Fatal(err)
	}
	want := map[string]string{"Phase": ".status.phase", "Progress": ".status.progress.summary"}
	for _, version := range crd.Spec.Versions {
		for _, column := range version.AdditionalPrinterColumns {
			if path, there := want[column.Name]; there && column.JSONPath != path {
				t.Errorf("the column %s is %s, want %s", column.Name, column.JSONPath, path)
			}
			delete(want, column.Name)
		}
	}
	if len(want) > 0 {
		t.Errorf("there are no columns %v", want)
	}
}
