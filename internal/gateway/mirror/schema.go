// Package mirror carries a training request between its two forms: the body of POST /training/jobs with names in snake_case,
// and the spec of a TrainingJob with names in camelCase. Names, bounds and descriptions come from the CustomResourceDefinition,
// so that neither form can know what the other does not.
package mirror

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"unicode"

	"github.com/danielgtaylor/huma/v2"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"sigs.k8s.io/yaml"

	"github.com/swath-dev/swath/api/v1alpha1"
	"github.com/swath-dev/swath/config/crd"
)

// The fields of the request, in the names of the TrainingJob.
var fields = []string{"task", "trainingFile", "validationFile", "hyperparameters"}

// Schema is the schema of the request's body.
func Schema() (*huma.Schema, error) {
	var definition apiextensionsv1.CustomResourceDefinition
	if err := yaml.Unmarshal(crd.TrainingJobs, &definition); err != nil {
		return nil, fmt.Errorf("reading the CustomResourceDefinition of TrainingJobs: %w", err)
	}
	spec, err := specOf(&definition)
	if err != nil {
		return nil, err
	}
	request := &huma.Schema{
		Type:                 huma.TypeObject,
		Description:          "A training request.",
		Properties:           map[string]*huma.Schema{},
		AdditionalProperties: false,
	}
	for _, name := range fields {
		property, ok := spec.Properties[name]
		if !ok {
			return nil, fmt.Errorf("the CustomResourceDefinition of TrainingJobs has no spec.%s", name)
		}
		converted, err := convert(&property)
		if err != nil {
			return nil, fmt.Errorf("spec.%s of the CustomResourceDefinition: %w", name, err)
		}
		if slices.Contains(spec.Required, name) {
			request.Required = append(request.Required, Snake(name))
		} else {
			converted.Nullable = true
		}
		request.Properties[Snake(name)] = converted
	}
	request.Extensions = segmentationRule()
	return request, nil
}

// segmentationRule is the rule of checkWhole on num_classes in the words of JSON Schema, for which huma has no fields.
func segmentationRule() map[string]any {
	const task, parameters, classes = "task", "hyperparameters", "num_classes"
	return map[string]any{
		"if": map[string]any{"properties": map[string]any{task: map[string]any{"const": v1alpha1.TaskSegmentation}}, "required": []string{task}},
		"then": map[string]any{"required": []string{parameters}, "properties": map[string]any{parameters: map[string]any{
			"type": huma.TypeObject, "required": []string{classes}, "properties": map[string]any{classes: map[string]any{"type": huma.TypeInteger}},
		}}},
	}
}

func specOf(definition *apiextensionsv1.CustomResourceDefinition) (*apiextensionsv1.JSONSchemaProps, error) {
	for i := range definition.Spec.Versions {
		version := &definition.Spec.Versions[i]
		if version.Name == v1alpha1.GroupVersion.Version && version.Schema != nil && version.Schema.OpenAPIV3Schema != nil {
			spec := version.Schema.OpenAPIV3Schema.Properties["spec"]
			return &spec, nil
		}
	}
	return nil, fmt.Errorf("the CustomResourceDefinition of TrainingJobs has no version %s", v1alpha1.GroupVersion.Version)
}

// convert turns a schema of Kubernetes into one of OpenAPI 3.1. What is optional may be null in the HTTP API.
func convert(props *apiextensionsv1.JSONSchemaProps) (*huma.Schema, error) {
	schema := &huma.Schema{
		Type:        props.Type,
		Description: describe(props.Description),
		Minimum:     props.Minimum,
		Maximum:     props.Maximum,
		MinLength:   asInt(props.MinLength),
		MaxLength:   asInt(props.MaxLength),
		Pattern:     props.Pattern,
	}
	for _, word := range props.Enum {
		var value any
		if err := json.Unmarshal(word.Raw, &value); err != nil {
			return nil, fmt.Errorf("reading a word of the enumeration: %w", err)
		}
		schema.Enum = append(schema.Enum, value)
	}
	if props.Type != huma.TypeObject {
		return schema, nil
	}
	schema.AdditionalProperties = false
	schema.Properties = map[string]*huma.Schema{}
	for name, property := range props.Properties {
		converted, err := convert(&property)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		converted.Nullable = !slices.Contains(props.Required, name)
		if !converted.Nullable {
			schema.Required = append(schema.Required, Snake(name))
		}
		if converted.Nullable && len(converted.Enum) > 0 {
			converted.Enum = append(converted.Enum, nil)
		}
		schema.Properties[Snake(name)] = converted
	}
	slices.Sort(schema.Required)
	return schema, nil
}

// describe joins the lines of a comment and uses the names of the HTTP API.
func describe(comment string) string {
	words := strings.Fields(comment)
	for i, word := range words {
		if bare := strings.TrimRight(word, ".,:;"); isCamel(bare) {
			words[i] = Snake(bare) + word[len(bare):]
		}
	}
	return strings.Join(words, " ")
}

// isCamel tells whether a word is a name in camelCase and not, say, the name of a person or a method.
func isCamel(word string) bool {
	return word != "" && unicode.IsLower(rune(word[0])) && strings.ContainsFunc(word, unicode.IsUpper) &&
		!strings.ContainsFunc(word, func(r rune) bool { return !unicode.IsLetter(r) && r != '.' }) && word != "crossEntropy"
}

func asInt(value *int64) *int {
	if value == nil {
		return nil
	}
	converted := int(*value)
	return &converted
}

// Snake turns a name in camelCase into snake_case.
func Snake(name string) string {
	var snake strings.Builder
	for _, r := range name {
		if unicode.IsUpper(r) {
			snake.WriteByte('_')
		}
		snake.WriteRune(unicode.ToLower(r))
	}
	return snake.String()
}

// Camel turns a name in snake_case into camelCase.
func Camel(name string) string {
	parts := strings.Split(name, "_")
	for i, part := range parts {
		if i > 0 && part != "" {
			parts[i] = strings.ToUpper(part[:1]) + part[1:]
		}
	}
	return strings.Join(parts, "")
}
