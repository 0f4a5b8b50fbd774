package gateway

import (
	"encoding/json"
	"maps"
	"net/http"
	"strings"
	"testing"

	"github.com/pb33f/libopenapi/datamodel"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/swath-dev/swath/api/v1alpha1"
)

// The published schema of OpenAPI 3.1 documents, which libopenapi has with it word for word, and the dialect of the schemas in
// them (https://spec.openapis.org/oas/v3.1.0#schema-object).
const (
	metaSchemaURL = "https://spec.openapis.org/oas/3.1/schema/2022-10-07"
	dialectURL    = "https://json-schema.org/draft/2020-12/schema"
)

func compile(t *testing.T, url, text string) *jsonschema.Schema {
	t.Helper()
	compiler := jsonschema.NewCompiler()
	compiler.DefaultDraft(jsonschema.Draft2020)
	if text != "" {
		parsed, err := jsonschema.UnmarshalJSON(strings.NewReader(text))
		if err == nil {
			err = compiler.AddResource(url, parsed)
		}
		if err != nil {
			t.Fatalf("reading the schema %s: %v", url, err)
		}
	}
	schema, err := compiler.Compile(url)
	if err != nil {
		t.Fatalf("compiling the schema %s: %v", url, err)
	}
	return schema
}

func TestDocumentKeepsToTheSchemaOfOpenAPI(t *testing.T) {
	a := startGateway(t, options{})
	meta, dialect := compile(t, metaSchemaURL, datamodel.OpenAPI31SchemaData), compile(t, dialectURL, "")
	served := a.get("/openapi.json").body
	read := func() map[string]any {
		value, err := jsonschema.UnmarshalJSON(strings.NewReader(served))
		if err != nil {
			t.Fatal(err)
		}
		document, ok := value.(map[string]any)
		if !ok {
			t.Fatalf("the document is a %T", value)
		}
		return document
	}
	if err := meta.Validate(read()); err != nil {
		t.Errorf("the document is no OpenAPI 3.1 document: %v", err)
	}
	schemas := 0
	eachSchema("", read(), func(place string, schema any) {
		schemas++
		if err := dialect.Validate(schema); err != nil {
			t.Errorf("%s is no JSON Schema: %v", place, err)
		}
	})
	if schemas < 50 {
		t.Errorf("only %d schemas were found", schemas)
	}
	// The check can fail.
	for name, spoil := range map[string]func(map[string]any){
		"no info":       func(d map[string]any) { delete(d, "info") },
		"wrong version": func(d map[string]any) { d["openapi"] = "3.0.0" },
		"unknown field": func(d map[string]any) { d["path"] = map[string]any{} },
		"no responses": func(d map[string]any) {
			d["paths"] = map[string]any{"/x": map[string]any{"get": map[string]any{"responses": "none"}}}
		},
	} {
		spoilt := read()
		spoil(spoilt)
		if meta.Validate(spoilt) == nil {
			t.Errorf("%s: the document passes all the same", name)
		}
	}
}

// eachSchema visits the schemas of a document: those that are named, and those of parameters, bodies and answers.
func eachSchema(place string, value any, visit func(place string, schema any)) {
	switch value := value.(type) {
	case map[string]any:
		for name, inner := range value {
			at := place + "/" + name
			switch {
			case name == "schema", place == "/components/schemas":
				visit(at, inner)
			default:
				eachSchema(at, inner, visit)
			}
		}
	case []any:
		for _, inner := range value {
			eachSchema(place, inner, visit)
		}
	}
}

// requestSchema is the document's schema of what a call takes.
func (d *document) requestSchema(t *testing.T, path string) *jsonschema.Schema {
	t.Helper()
	escaped := strings.NewReplacer("~", "~0", "/", "~1").Replace(path)
	schema, err := d.compiler.Compile(documentURL + "#/paths/" + escaped + "/post/requestBody/content/application~1json/schema")
	if err != nil {
		t.Fatalf("compiling the schema of what %s takes: %v", path, err)
	}
	return schema
}

// samples are bodies that a call may take or not; what the document says of them is counted.
type samples struct {
	schema *jsonschema.Schema
	said   map[bool]int
}

// check sends a body: it is to be accepted if the document says so, and refused with 422 if not.
func (s *samples) check(t *testing.T, a *api, path, body string) {
	t.Helper()
	value, err := jsonschema.UnmarshalJSON(strings.NewReader(body))
	if err != nil {
		t.Fatalf("the sample is no JSON: %v", err)
	}
	invalid := s.schema.Validate(value)
	s.said[invalid == nil]++
	want := http.StatusOK
	if invalid != nil {
		want = http.StatusUnprocessableEntity
	}
	if got := a.post(path, body); got.status != want {
		t.Errorf("the document says %v of %.200s, and it is answered %d %.200s", invalid, body, got.status, got.body)
	}
}

// What the document says of a body is what is accepted: each sample has both for it, or both against it.
func TestTrainingRequestsAreAcceptedAsTheDocumentSays(t *testing.T) {
	a := startGateway(t, options{}).as(newTenant(t)).has("file-a", "file-b", "f")
	const path = "/training/jobs"
	checked := samples{a.document.requestSchema(t, path), map[bool]int{}}
	request := func(rest string) string { return `{"task":"classification","training_file":"file-a"` + rest + `}` }
	for name, body := range map[string]string{
		"the least":              request(""),
		"nulls":                  request(`,"validation_file":null,"hyperparameters":null`),
		"a validation file":      request(`,"validation_file":"file-b"`),
		"hyperparameters":        request(`,"hyperparameters":{"epochs":3,"learning_rate":0.001,"seed":7}`),
		"no hyperparameter":      request(`,"hyperparameters":{}`),
		"a null hyperparameter":  request(`,"hyperparameters":{"epochs":null}`),
		"unknown field":          request(`,"model":"x"`),
		"unknown hyperparameter": request(`,"hyperparameters":{"lr":1}`),
		"no task":                `{"training_file":"f"}`,
		"no file":                `{"task":"classification"}`,
		"wrong task":             `{"task":"detection","training_file":"f"}`,
		"null task":              `{"task":null,"training_file":"f"}`,
		"number for a file":      `{"task":"classification","training_file":1}`,
		"segmentation":           `{"task":"segmentation","training_file":"f","hyperparameters":{"num_classes":7}}`,
		"no classes":             `{"task":"segmentation","training_file":"f","hyperparameters":{"epochs":7}}`,
		"null classes":           `{"task":"segmentation","training_file":"f","hyperparameters":{"num_classes":null}}`,
		"null hyperparameters":   `{"task":"segmentation","training_file":"f","hyperparameters":null}`,
		"no hyperparameters":     `{"task":"segmentation","training_file":"f"}`,
		"no epochs":              request(`,"hyperparameters":{"epochs":0}`),
		"half an epoch":          request(`,"hyperparameters":{"epochs":1.5}`),
		"text for epochs":        request(`,"hyperparameters":{"epochs":"3"}`),
		"a file that is a path":  `{"task":"classification","training_file":"../x"}`,
		"an empty file":          `{"task":"classification","training_file":""}`,
		"wrong word":             request(`,"hyperparameters":{"augmentation":"much"}`),
		"negative rate":          request(`,"hyperparameters":{"learning_rate":-1}`),
		"an array":               `[]`,
		"a string":               `"x"`,
	} {
		t.Run(name, func(t *testing.T) { checked.check(t, a, path, body) })
	}
	if checked.said[true] < 5 || checked.said[false] < 10 {
		t.Errorf("the document takes %d samples and refuses %d", checked.said[true], checked.said[false])
	}
}

func TestImagesAreAcceptedAsTheDocumentSays(t *testing.T) {
	who := newTenant(t)
	a := startGateway(t, options{}).as(who)
	model, _ := trained(t, a, who.namespace, v1alpha1.TaskClassification, "--epochs", "1")
	good := imagesOf(t, olinda(t, "landcover-classification-validation.h5"))[0]
	const path = "/inference"
	checked := samples{a.document.requestSchema(t, path), map[bool]int{}}
	for name, named := range map[string]any{"nothing": "", "null": nil, "a number": 1, "an object": map[string]any{}} {
		t.Run("the model is "+name, func(t *testing.T) {
			body, err := json.Marshal(map[string]any{"model": named, "images": []any{good}})
			if err != nil {
				t.Fatal(err)
			}
			checked.check(t, a, path, string(body))
		})
	}
	for name, change := range map[string]func(image map[string]any){
		"as it is":          func(map[string]any) {},
		"nulls":             func(image map[string]any) { image["wavelengths"], image["point"], image["timestamp"] = nil, nil, nil },
		"a place":           func(image map[string]any) { image["point"] = []float64{-8, -34.9} },
		"a time":            func(image map[string]any) { image["timestamp"] = 1722451316 },
		"unknown field":     func(image map[string]any) { image["cloud"] = 1 },
		"no resolution":     func(image map[string]any) { delete(image, "gsd") },
		"no pixels":         func(image map[string]any) { delete(image, "pixels") },
		"no bands":          func(image map[string]any) { delete(image, "bands") },
		"null bands":        func(image map[string]any) { image["bands"] = nil },
		"text for gsd":      func(image map[string]any) { image["gsd"] = "10" },
		"text for bands":    func(image map[string]any) { image["bands"] = "red" },
		"a number as band":  func(image map[string]any) { image["bands"] = []int{1} },
		"text for pixels":   func(image map[string]any) { image["pixels"] = "black" },
		"empty pixels":      func(image map[string]any) { image["pixels"] = []any{} },
		"the other side":    func(image map[string]any) { image["point"] = []float64{-90, 180} },
		"no place":          func(image map[string]any) { image["point"] = []float64{-8, 200} },
		"a platform":        func(image map[string]any) { image["platform"] = "naip" },
		"no platform":       func(image map[string]any) { image["platform"] = "" },
		"unknown platform":  func(image map[string]any) { image["platform"] = "hubble" },
		"wavelengths":       func(image map[string]any) { image["wavelengths"] = []float64{0.48, 0.56, 0.65} },
		"a wavelength of 0": func(image map[string]any) { image["wavelengths"] = []float64{0, 0.56, 0.65} },
		"a place of one":    func(image map[string]any) { image["point"] = []float64{1} },
		"text for the time": func(image map[string]any) { image["timestamp"] = "now" },
	} {
		t.Run(name, func(t *testing.T) {
			image := maps.Clone(good)
			change(image)
			body, err := json.Marshal(map[string]any{"model": model, "images": []any{image}})
			if err != nil {
				t.Fatal(err)
			}
			checked.check(t, a, path, string(body))
		})
	}
	if checked.said[true] < 3 || checked.said[false] < 8 {
		t.Errorf("the document takes %d samples and refuses %d", checked.said[true], checked.said[false])
	}
}
