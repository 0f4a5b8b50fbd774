package lifecycle_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"sigs.k8s.io/yaml"

	"github.com/swath-dev/swath/internal/lifecycle"
)

// schema is as much of a schema as bounds a hyperparameter.
type schema struct {
	Type       string            `json:"type"`
	Minimum    *float64          `json:"minimum"`
	Maximum    *float64          `json:"maximum"`
	Enum       []string          `json:"enum"`
	Properties map[string]schema `json:"properties"`
}

// statusHyperparameters is the schema of the hyperparameters that a status may have, as
// it is installed.
func statusHyperparameters(t *testing.T) schema {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("..", "..", "config", "crd", "bases", "training.swath.dev_trainingjobs.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	var crd struct {
		Spec struct {
			Versions []struct {
				Schema struct {
					OpenAPIV3Schema schema `json:"openAPIV3Schema"`
				} `json:"schema"`
			} `json:"versions"`
		} `json:"spec"`
	}
	if err := yaml.Unmarshal(data, &crd); err != nil {
		t.Fatal(err)
	}
	return crd.Spec.Versions[0].Schema.OpenAPIV3Schema.Properties["status"].Properties["hyperparameters"]
}

// What the schema of the status takes is taken, and what it would refuse is not: a
// status with that would never be written.
func TestTheBoundsOfHyperparametersAreTheSchemas(t *testing.T) {
	properties := statusHyperparameters(t).Properties
	if len(properties) == 0 {
		t.Fatal("the schema has no hyperparameters")
	}
	usable := func(name, value string) bool {
		return lifecycle.UsableHyperparameters(json.RawMessage(fmt.Sprintf(`{%q:%s}`, name, value))) != nil
	}
	for name, s := range properties {
		taken, refused := bounds(t, name, s)
		for _, value := range taken {
			if !usable(name, value) {
				t.Errorf("%s %s is in the schema's bounds and refused", name, value)
			}
		}
		for _, value := range refused {
			if usable(name, value) {
				t.Errorf("%s %s is out of the schema's bounds and taken", name, value)
			}
		}
	}
}

// bounds are values just inside the schema, and just outside.
func bounds(t *testing.T, name string, s schema) (taken, refused []string) {
	t.Helper()
	if s.Type == "string" {
		for _, word := range s.Enum {
			taken = append(taken, strconv.Quote(word))
		}
		if len(taken) == 0 {
			t.Errorf("%s is any word; the status has to bound it", name)
		}
		return taken, []string{`"nonsense"`, `""`}
	}
	if s.Minimum == nil || s.Maximum == nil {
		t.Errorf("%s has no bounds in the schema", name)
		return nil, nil
	}
	low, high := *s.Minimum, *s.Maximum
	if s.Type == "integer" {
		number := func(v float64) string { return strconv.FormatFloat(v, 'f', -1, 64) }
		return []string{number(low), number(high)}, []string{number(low - 1), strconv.FormatInt(int64(high)+1, 10)}
	}
	number := func(v float64) string { return strconv.FormatFloat(v, 'g', -1, 64) }
	return []string{number(low), number(high)}, []string{number(low - max(low, high)*1e-9), number(high * 1.000001)}
}
