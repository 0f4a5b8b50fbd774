package integration

import (
	"os"
	"path/filepath"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	"github.com/swath-dev/swath/api/v1alpha1"
)

// olderGroup has the TrainingJob as it was before its quantities had bounds.
const olderGroup = "older.swath.dev"

// olderCRD is the CRD of the older group: with the schema of today, or before bounds.
func olderCRD(t *testing.T, bounds bool) *unstructured.Unstructured {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("..", "..", "config", "crd", "bases", "training.swath.dev_trainingjobs.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	crd := &unstructured.Unstructured{}
	if err := yaml.Unmarshal(data, crd); err != nil {
		t.Fatal(err)
	}
	crd.SetName("trainingjobs." + olderGroup)
	set(t, crd.Object, olderGroup, "spec", "group")
	set(t, crd.Object, map[string]any{"plural": "trainingjobs", "singular": "trainingjob", "kind": "TrainingJob", "listKind": "TrainingJobList"}, "spec", "names")
	versions, _, err := unstructured.NestedSlice(crd.Object, "spec", "versions")
	if err != nil {
		t.Fatal(err)
	}
	if !bounds {
		spec := []string{"schema", "openAPIV3Schema", "properties", "spec", "properties"}
		version := versions[0].(map[string]any)
		unstructured.RemoveNestedField(version, append(spec, "activeDeadlineSeconds", "maximum")...)
		unstructured.RemoveNestedField(version, append(spec, "pod", "properties", "resources", "x-kubernetes-validations")...)
	}
	set(t, crd.Object, versions, "spec", "versions")
	return crd
}

func set(t *testing.T, object map[string]any, value any, path ...string) {
	t.Helper()
	if err := unstructured.SetNestedField(object, value, path...); err != nil {
		t.Fatal(err)
	}
}

// olderJob is a job that the bounds of today refuse.
func olderJob(namespace, name string) *unstructured.Unstructured {
	return &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": olderGroup + "/" + v1alpha1.GroupVersion.Version, "kind": v1alpha1.TrainingJobKind,
		"metadata": map[string]any{"namespace": namespace, "name": name},
		"spec": map[string]any{
			"task": "classification", "trainingFile": "a", "activeDeadlineSeconds": int64(9999999999),
			"pod": map[string]any{"resources": map[string]any{
				"limits": map[string]any{"memory": "512m", "gpu": "1"}, "requests": map[string]any{"memory": "1Gi"},
			}},
		},
	}}
}

// A job that was stored before its quantities had bounds can still be cancelled, and the
// operator can write its status: only what changes is held to the bounds.
func TestAJobOfBeforeTheBoundsCanStillBeChanged(t *testing.T) {
	s := newStage(t, withoutOperator)
	t.Cleanup(s.made(olderCRD(t, false)))
	job := olderJob(s.namespace, "ships")
	s.eventually("the job is stored", func() error { return cluster.Create(t.Context(), job) })

	bounded := client.RawPatch(types.MergePatchType, encodedObject(t, olderCRD(t, true)))
	if err := cluster.Patch(t.Context(), olderCRD(t, true), bounded); err != nil {
		t.Fatal(err)
	}
	s.eventually("the bounds hold for others", func() error {
		if cluster.Create(t.Context(), olderJob(s.namespace, "others"), client.DryRunAll) == nil {
			return errNotYet
		}
		return nil
	})
	changes := map[string]struct {
		spec    string
		refused bool
	}{
		"cancel": {spec: `{"cancel": true}`}, "another limit": {spec: `{"backoffLimit": 7}`},
		"a deadline as long": {spec: `{"activeDeadlineSeconds": 9999999998}`, refused: true},
		"memory as little":   {spec: `{"pod": {"resources": {"limits": {"memory": "256m"}}}}`, refused: true},
		"what works":         {spec: `{"activeDeadlineSeconds": 60, "pod": {"resources": {"limits": {"memory": "1Gi", "gpu": null}}}}`},
	}
	for name, c := range changes {
		err := cluster.Patch(t.Context(), job.DeepCopy(), client.RawPatch(types.MergePatchType, []byte(`{"spec": `+c.spec+`}`)), client.DryRunAll)
		if (err != nil) != c.refused {
			t.Errorf("%s: the API server says %v", name, err)
		}
	}
	status := client.RawPatch(types.MergePatchType, []byte(`{"status": {"phase": "failed", "error": "it cannot work"}}`))
	if err := cluster.Status().Patch(t.Context(), job, status); err != nil {
		t.Errorf("the status cannot be written: %v", err)
	}
}

func encodedObject(t *testing.T, object *unstructured.Unstructured) []byte {
	t.Helper()
	data, err := object.MarshalJSON()
	if err != nil {
		t.Fatal(err)
	}
	return data
}
