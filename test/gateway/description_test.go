package gateway

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// describedCall is what the document says of a call, as far as clients go on from it.
type describedCall struct {
	OperationID string `json:"operationId"`
	Parameters  []describedParameter
	RequestBody struct {
		Content map[string]struct {
			Schema   json.RawMessage
			Examples map[string]struct{ Value json.RawMessage }
		}
	} `json:"requestBody"`
	Responses map[string]struct {
		Links map[string]struct {
			OperationID string `json:"operationId"`
			Parameters  map[string]string
		}
	}
}

type describedParameter struct {
	Name, In        string
	Schema, Example json.RawMessage
}

func describedCalls(t *testing.T, a *api) map[string]describedCall {
	t.Helper()
	var paths map[string]map[string]describedCall
	if err := json.Unmarshal([]byte(mustField(t, []byte(a.get("/openapi.json").body), "paths")), &paths); err != nil {
		t.Fatal(err)
	}
	calls := map[string]describedCall{}
	for _, methods := range paths {
		for _, call := range methods {
			calls[call.OperationID] = call
		}
	}
	return calls
}

func TestLinksOfTheDocumentLeadToCalls(t *testing.T) {
	calls, links := describedCalls(t, startGateway(t, options{})), 0
	for name, call := range calls {
		for _, answer := range call.Responses {
			for _, link := range answer.Links {
				links++
				to, known := calls[link.OperationID]
				if !known {
					t.Errorf("a link of %s leads to %s, which is not there", name, link.OperationID)
				}
				for parameter, from := range link.Parameters {
					if !slices.ContainsFunc(to.Parameters, func(p describedParameter) bool { return p.Name == parameter }) {
						t.Errorf("a link of %s gives %s to %s, which has no such parameter", name, parameter, link.OperationID)
					}
					if !strings.HasPrefix(from, "$response.body#/") && !strings.HasPrefix(from, "$request.path.") {
						t.Errorf("a link of %s takes %s from %q", name, parameter, from)
					}
				}
			}
		}
	}
	if links < 15 {
		t.Errorf("there are only %d links", links)
	}
}

func TestExamplesOfTheDocumentFitTheirSchemas(t *testing.T) {
	examples := 0
	fits := func(what string, schema, example json.RawMessage) {
		if example == nil {
			return
		}
		examples++
		parsed, err := jsonschema.UnmarshalJSON(strings.NewReader(string(example)))
		if err == nil {
			err = compile(t, documentURL+"/"+strings.ReplaceAll(what, " ", "/"), string(schema)).Validate(parsed)
		}
		if err != nil {
			t.Errorf("the example of %s does not fit: %v", what, err)
		}
	}
	calls := describedCalls(t, startGateway(t, options{}))
	for name, call := range calls {
		for _, parameter := range call.Parameters {
			fits(name+" "+parameter.Name, parameter.Schema, parameter.Example)
			if parameter.In == "path" && parameter.Example == nil {
				t.Errorf("%s has no example of %s", name, parameter.Name)
			}
			if parameter.In == "header" && !strings.Contains(string(parameter.Schema), `"pattern"`) {
				t.Errorf("%s does not say what the header %s may be: %s", name, parameter.Name, parameter.Schema)
			}
		}
		for kind, content := range call.RequestBody.Content {
			for title, example := range content.Examples {
				fits(name+" "+title, content.Schema, example.Value)
			}
			if kind == "application/json" && len(content.Examples) == 0 {
				t.Errorf("%s has no example of a body", name)
			}
		}
	}
	if examples < 15 {
		t.Errorf("there are only %d examples", examples)
	}
}
