package gateway

import (
	"encoding/json"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

const documentURL = "https://swath.test/openapi.json"

// document is the OpenAPI document of the gateway, which answers are checked against.
type document struct {
	compiler *jsonschema.Compiler
	paths    map[string]*regexp.Regexp
	calls    map[string]map[string]struct {
		Responses map[string]struct {
			Content map[string]json.RawMessage `json:"content"`
		} `json:"responses"`
	}
}

func readDocument(t *testing.T, data []byte) *document {
	t.Helper()
	parsed, err := jsonschema.UnmarshalJSON(strings.NewReader(string(data)))
	if err != nil {
		t.Fatalf("reading the OpenAPI document: %v", err)
	}
	d := &document{compiler: jsonschema.NewCompiler(), paths: map[string]*regexp.Regexp{}}
	d.compiler.DefaultDraft(jsonschema.Draft2020)
	if err := d.compiler.AddResource(documentURL, parsed); err != nil {
		t.Fatalf("reading the OpenAPI document: %v", err)
	}
	if err := json.Unmarshal([]byte(mustField(t, data, "paths")), &d.calls); err != nil {
		t.Fatalf("reading the paths of the OpenAPI document: %v", err)
	}
	for path := range d.calls {
		d.paths[path] = regexp.MustCompile("^" + regexp.MustCompile(`\{[a-z]+\}`).ReplaceAllString(path, "[^/]+") + "$")
	}
	return d
}

func mustField(t *testing.T, data []byte, name string) string {
	t.Helper()
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(data, &fields); err != nil || fields[name] == nil {
		t.Fatalf("the OpenAPI document has no %s (%v)", name, err)
	}
	return string(fields[name])
}

// check reports an answer that the document does not have.
func (d *document) check(t *testing.T, method, path string, got answer) {
	t.Helper()
	template := ""
	for candidate, expression := range d.paths {
		if expression.MatchString(path) {
			template = candidate
		}
	}
	call, known := d.calls[template][strings.ToLower(method)]
	if !known {
		if path == "/openapi.json" || path == "/" || path == "/docs" {
			return
		}
		if got.status != 404 && got.status != 405 {
			t.Errorf("%s %s is not in the document and is answered %d", method, path, got.status)
		}
		return
	}
	status := strconv.Itoa(got.status)
	contentType, _, _ := strings.Cut(got.header.Get("Content-Type"), ";")
	if _, known := call.Responses[status].Content[contentType]; !known {
		t.Errorf("%s %s is answered %s with %s, which is not in the document: %.200s", method, template, status, contentType, got.body)
		return
	}
	if contentType != "application/json" {
		return
	}
	escaped := strings.NewReplacer("~", "~0", "/", "~1", "{", "%7B", "}", "%7D").Replace
	place := documentURL + "#/paths/" + escaped(template) + "/" + strings.ToLower(method) + "/responses/" + status + "/content/application~1json/schema"
	schema, err := d.compiler.Compile(place)
	if err != nil {
		t.Errorf("compiling the schema of %s %s %s: %v", method, template, status, err)
		return
	}
	value, err := jsonschema.UnmarshalJSON(strings.NewReader(got.body))
	if err == nil {
		err = schema.Validate(value)
	}
	if err != nil {
		t.Errorf("%s %s is answered %s with a body that is not the documented one: %v\n%s", method, template, status, err, got.body)
	}
}

func TestDocumentIsServedAndIsOpenAPI31(t *testing.T) {
	a := startGateway(t, options{})
	got := a.get("/openapi.json")
	if got.status != 200 || !strings.Contains(got.body, `"openapi":"3.1.0"`) {
		t.Errorf("answered %d %.80s", got.status, got.body)
	}
	for _, path := range []string{"/training/jobs", "/training/jobs/{id}", "/files", "/files/{id}", "/files/{id}/content", "/models/{id}", "/inference"} {
		if a.document.calls[path] == nil {
			t.Errorf("the document has no %s", path)
		}
	}
}
