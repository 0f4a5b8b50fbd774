package mirror_test

import (
	"encoding/json"
	"errors"
	"reflect"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/utils/ptr"

	"github.com/swath-dev/swath/api/v1alpha1"
	"github.com/swath-dev/swath/internal/gateway/mirror"
	"github.com/swath-dev/swath/internal/gateway/validation"
)

func TestEveryHyperparameterHasItsNameInTheAPI(t *testing.T) {
	schema, err := mirror.Schema()
	if err != nil {
		t.Fatal(err)
	}
	known := schema.Properties["hyperparameters"].Properties
	fields := reflect.TypeFor[v1alpha1.Hyperparameters]()
	for field := range fields.Fields() {
		name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
		snake := mirror.Snake(name)
		if known[snake] == nil {
			t.Errorf("the API has no %s for %s", snake, name)
		}
		if camel := mirror.Camel(snake); camel != name {
			t.Errorf("%s comes back as %s", name, camel)
		}
	}
	if len(known) != fields.NumField() {
		t.Errorf("the API has %d hyperparameters and the TrainingJob %d", len(known), fields.NumField())
	}
}

func TestRequestBecomesASpec(t *testing.T) {
	schema, err := mirror.Schema()
	if err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		body string
		want v1alpha1.TrainingJobSpec
	}{
		"the guide's": {
			`{"task":"classification","training_file":"file-lw3zjxrg","validation_file":null}`,
			v1alpha1.TrainingJobSpec{Task: "classification", TrainingFile: "file-lw3zjxrg"},
		},
		"hyperparameters null": {
			`{"task":"classification","training_file":"f","hyperparameters":null}`,
			v1alpha1.TrainingJobSpec{Task: "classification", TrainingFile: "f"},
		},
		"hyperparameters empty": {
			`{"task":"classification","training_file":"f","hyperparameters":{}}`,
			v1alpha1.TrainingJobSpec{Task: "classification", TrainingFile: "f", Hyperparameters: &v1alpha1.Hyperparameters{}},
		},
		"one null": {
			`{"task":"classification","training_file":"f","hyperparameters":{"epochs":null}}`,
			v1alpha1.TrainingJobSpec{Task: "classification", TrainingFile: "f", Hyperparameters: &v1alpha1.Hyperparameters{}},
		},
		"many": {
			`{"task":"segmentation","training_file":"a","validation_file":"b","hyperparameters":{"num_classes":7.0,"learning_rate":1e-3,"model_size":"small","early_stopping_patience":3}}`,
			v1alpha1.TrainingJobSpec{Task: "segmentation", TrainingFile: "a", ValidationFile: ptr.To(v1alpha1.FileName("b")), Hyperparameters: &v1alpha1.Hyperparameters{
				NumClasses: ptr.To(int32(7)), LearningRate: ptr.To(1e-3), ModelSize: ptr.To(v1alpha1.ModelSize("small")), EarlyStoppingPatience: ptr.To(int32(3)),
			}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			spec, err := mirror.Read([]byte(test.body), schema)
			if err != nil {
				t.Fatalf("refused: %v", err)
			}
			if diff := cmp.Diff(test.want, spec); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestBadRequestIsRefusedAtItsField(t *testing.T) {
	schema, err := mirror.Schema()
	if err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct{ body, want string }{
		"segmentation without classes": {`{"task":"segmentation","training_file":"a"}`, "body.hyperparameters.num_classes: Field required"},
		"one class":                    {`{"task":"segmentation","training_file":"a","hyperparameters":{"num_classes":1}}`, "body.hyperparameters.num_classes: Input should be greater than or equal to 2"},
		"name of the other form":       {`{"task":"classification","training_file":"a","hyperparameters":{"numClasses":3}}`, "body.hyperparameters.numClasses: Extra inputs"},
		"unknown hyperparameter":       {`{"task":"classification","training_file":"a","hyperparameters":{"n_epochs":3}}`, "body.hyperparameters.n_epochs: Extra inputs"},
		"unknown field":                {`{"task":"classification","training_file":"a","cancel":true}`, "body.cancel: Extra inputs"},
		"same file":                    {`{"task":"classification","training_file":"a","validation_file":"a"}`, "body.validation_file: Value error"},
		"path":                         {`{"task":"classification","training_file":"../a"}`, "body.training_file: String should match pattern"},
		"word of no size":              {`{"task":"classification","training_file":"a","hyperparameters":{"model_size":"huge"}}`, "body.hyperparameters.model_size: Input should be 'small', 'base' or 'large'"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := mirror.Read([]byte(test.body), schema)
			if _, ok := errors.AsType[*validation.Error](err); !ok || !strings.HasPrefix(err.Error(), test.want) {
				t.Errorf("refused with %v, not %s", err, test.want)
			}
		})
	}
}

func TestHyperparametersComeBackAsTheyWere(t *testing.T) {
	for name, test := range map[string]struct {
		parameters *v1alpha1.Hyperparameters
		want       string
	}{
		"none":  {nil, `null`},
		"empty": {&v1alpha1.Hyperparameters{}, `{}`},
		"some":  {&v1alpha1.Hyperparameters{NumClasses: ptr.To(int32(7)), LearningRate: ptr.To(1e-3), Loss: ptr.To(v1alpha1.Loss("crossEntropy"))}, `{"num_classes":7,"learning_rate":0.001,"loss":"crossEntropy"}`},
	} {
		got, err := json.Marshal(mirror.Hyperparameters{Hyperparameters: test.parameters})
		if err != nil || string(got) != test.want {
			t.Errorf("%s: %s (%v), not %s", name, got, err, test.want)
		}
	}
}
