package mirror

import (
	"bytes"
	"encoding/json"
	"fmt"

	"github.com/danielgtaylor/huma/v2"

	"github.com/swath-dev/swath/api/v1alpha1"
	"github.com/swath-dev/swath/internal/gateway/validation"
)

// Read checks the body of a training request against its schema, and against the rules that Kubernetes has for the spec as a
// whole, and gives the spec. Errors are of type *validation.Error.
func Read(body []byte, schema *huma.Schema) (v1alpha1.TrainingJobSpec, error) {
	var spec v1alpha1.TrainingJobSpec
	checked, err := validation.Body(body, schema)
	if err != nil {
		return spec, err
	}
	request, ok := checked.(map[string]any)
	if !ok {
		return spec, fmt.Errorf("a training request was checked and is a %T", checked)
	}
	data, err := json.Marshal(toCamel(request))
	if err != nil {
		return spec, fmt.Errorf("encoding the training request: %w", err)
	}
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&spec); err != nil {
		return spec, fmt.Errorf("reading the training request: %w", err)
	}
	return spec, checkWhole(&spec)
}

// checkWhole repeats the rules of the spec as a whole, so that the answer names the field of the HTTP API. The API server
// checks them in any case.
func checkWhole(spec *v1alpha1.TrainingJobSpec) error {
	if spec.Task == v1alpha1.TaskSegmentation && (spec.Hyperparameters == nil || spec.Hyperparameters.NumClasses == nil) {
		return validation.New("missing", "Field required: num_classes is required for segmentation", "body", "hyperparameters", "num_classes")
	}
	if spec.ValidationFile != nil && *spec.ValidationFile == spec.TrainingFile {
		return validation.Value("validation_file must differ from training_file: metrics on the data that was trained on say nothing", "body", "validation_file")
	}
	return nil
}

// toCamel renames the keys of an object and of the objects in it, and leaves out what is null.
func toCamel(object map[string]any) map[string]any {
	renamed := make(map[string]any, len(object))
	for name, value := range object {
		if inner, ok := value.(map[string]any); ok {
			value = toCamel(inner)
		}
		if value != nil {
			renamed[Camel(name)] = value
		}
	}
	return renamed
}

// Hyperparameters are those of a job as the HTTP API shows them: null comes back as null, and the names keep their order.
type Hyperparameters struct{ *v1alpha1.Hyperparameters }

// MarshalJSON writes them with names in snake_case.
func (h Hyperparameters) MarshalJSON() ([]byte, error) {
	if h.Hyperparameters == nil {
		return []byte("null"), nil
	}
	data, err := json.Marshal(h.Hyperparameters)
	if err != nil {
		return nil, fmt.Errorf("encoding hyperparameters: %w", err)
	}
	return renameKeys(data)
}

// Schema is the schema that OpenAPI shows for them: an object or null.
func (h Hyperparameters) Schema(huma.Registry) *huma.Schema {
	request, err := Schema()
	if err != nil {
		// Impossible with the definition that is compiled in, which a test reads.
		return &huma.Schema{Type: huma.TypeObject, Nullable: true}
	}
	return request.Properties["hyperparameters"]
}

// renameKeys writes a flat JSON object again with its keys in snake_case.
func renameKeys(data []byte) ([]byte, error) {
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.UseNumber()
	if _, err := decoder.Token(); err != nil {
		return nil, fmt.Errorf("reading hyperparameters: %w", err)
	}
	var out bytes.Buffer
	out.WriteByte('{')
	for first := true; decoder.More(); first = false {
		key, err := decoder.Token()
		if err != nil {
			return nil, fmt.Errorf("reading hyperparameters: %w", err)
		}
		var value json.RawMessage
		if err := decoder.Decode(&value); err != nil {
			return nil, fmt.Errorf("reading hyperparameter %v: %w", key, err)
		}
		if !first {
			out.WriteByte(',')
		}
		fmt.Fprintf(&out, "%q:%s", Snake(fmt.Sprint(key)), value)
	}
	out.WriteByte('}')
	return out.Bytes(), nil
}
