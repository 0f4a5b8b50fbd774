package controllers

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	"k8s.io/client-go/rest"
	"sigs.k8s.io/yaml"

	"github.com/swath-dev/swath/api/v1alpha1"
	"github.com/swath-dev/swath/config/crd"
)

// publishedPath is where the API server publishes the schemas that it goes by. All who
// are logged in may read them.
var publishedPath = "/openapi/v3/apis/" + v1alpha1.GroupVersion.String()

// DroppedField asks the API server for a field of a TrainingJob's status that is in the
// operator's CRD and not in the one that is installed; empty when there is none.
func DroppedField(server rest.Interface) func(context.Context) (string, error) {
	return func(ctx context.Context) (string, error) {
		data, err := server.Get().AbsPath(publishedPath).SetHeader("Accept", "application/json").Do(ctx).Raw()
		if err != nil {
			return "", fmt.Errorf("reading the published schema of TrainingJobs: %w", err)
		}
		return droppedOf(data)
	}
}

// droppedOf is DroppedField by what is published.
func droppedOf(published []byte) (string, error) {
	served, err := publishedStatus(published)
	if err != nil {
		return "", err
	}
	own, err := ownStatus()
	if err != nil {
		return "", err
	}
	return own.missing(served, "status"), nil
}

// schemaNode is what counts here of an OpenAPI schema: which fields there are.
type schemaNode struct {
	Properties map[string]*schemaNode `json:"properties"`
	Items      *schemaNode            `json:"items"`
}

// publishedStatus is the status in the OpenAPI 3 document of the group.
func publishedStatus(data []byte) (*schemaNode, error) {
	var document struct {
		Components struct {
			Schemas map[string]struct {
				schemaNode
				Kinds []struct {
					Kind string `json:"kind"`
				} `json:"x-kubernetes-group-version-kind"`
			} `json:"schemas"`
		} `json:"components"`
	}
	if err := json.Unmarshal(data, &document); err != nil {
		return nil, fmt.Errorf("decoding the published schema of TrainingJobs: %w", err)
	}
	for _, schema := range document.Components.Schemas {
		for _, kind := range schema.Kinds {
			if status := schema.Properties["status"]; kind.Kind == v1alpha1.TrainingJobKind && status != nil {
				return status, nil
			}
		}
	}
	return nil, fmt.Errorf("no schema of TrainingJobs is published at %s", publishedPath)
}

// ownStatus is the status in the operator's own CRD.
func ownStatus() (*schemaNode, error) {
	var definition struct {
		Spec struct {
			Versions []struct {
				Name   string `json:"name"`
				Schema struct {
					OpenAPIV3Schema schemaNode `json:"openAPIV3Schema"`
				} `json:"schema"`
			} `json:"versions"`
		} `json:"spec"`
	}
	if err := yaml.Unmarshal(crd.TrainingJobs, &definition); err != nil {
		return nil, fmt.Errorf("decoding the operator's own CRD: %w", err)
	}
	for _, version := range definition.Spec.Versions {
		if status := version.Schema.OpenAPIV3Schema.Properties["status"]; version.Name == v1alpha1.GroupVersion.Version && status != nil {
			return status, nil
		}
	}
	return nil, fmt.Errorf("the operator's own CRD has no status of %s", v1alpha1.GroupVersion)
}

// missing is the path of the first field that the other has not; empty when it has all.
func (n *schemaNode) missing(other *schemaNode, path string) string {
	for _, name := range slices.Sorted(maps.Keys(n.Properties)) {
		field, has := path+"."+name, other.Properties[name]
		if has == nil {
			return field
		}
		if lost := n.Properties[name].missing(has, field); lost != "" {
			return lost
		}
	}
	if n.Items == nil {
		return ""
	}
	if other.Items == nil {
		return path + "[]"
	}
	return n.Items.missing(other.Items, path+"[]")
}
