package gateway

import (
	"net/http"
	"reflect"
	"slices"
	"strconv"

	"github.com/danielgtaylor/huma/v2"

	"github.com/swath-dev/swath/internal/gateway/access"
	"github.com/swath-dev/swath/internal/storage"
)

const (
	schemasPrefix  = "#/components/schemas/"
	jsonType       = "application/json"
	bearerScheme   = "token"
	openAPIVersion = "3.1.0"
)

// newDocument is the OpenAPI document without its calls.
func newDocument(version string) *huma.OpenAPI {
	return &huma.OpenAPI{
		OpenAPI: openAPIVersion,
		Info: &huma.Info{
			Title:       "Swath",
			Version:     version,
			Description: "Trains image models on satellite imagery. Training jobs are TrainingJobs in Kubernetes; files and models are in the storage of the caller's namespace.",
			License:     &huma.License{Name: "Apache-2.0", Identifier: "Apache-2.0"},
		},
		Components: &huma.Components{
			Schemas: huma.NewMapRegistry(schemasPrefix, huma.DefaultSchemaNamer),
			SecuritySchemes: map[string]*huma.SecurityScheme{
				bearerScheme: {Type: "http", Scheme: "bearer", Description: "A Kubernetes token for the gateway's audience (kubectl create token NAME --audience=swath)."},
			},
		},
		Security: []map[string][]string{{bearerScheme: {}}},
	}
}

// document completes an operation: its good answer is a JSON value like good, and its errors are those that every call can
// have and the given ones.
func (s *Server) document(op huma.Operation, good any, errors ...int) huma.Operation {
	op.Responses = map[string]*huma.Response{}
	if good != nil {
		op.Responses["200"] = &huma.Response{Description: "Success.", Content: map[string]*huma.MediaType{
			jsonType: {Schema: s.openAPI.Components.Schemas.Schema(reflect.TypeOf(good), true, op.OperationID+"Answer")},
		}}
	}
	if op.RequestBody != nil {
		errors = append(errors, http.StatusUnsupportedMediaType)
	}
	if slices.ContainsFunc(op.Parameters, func(p *huma.Param) bool { return p.In == inQuery }) {
		errors = append(errors, http.StatusUnprocessableEntity)
	}
	errors = append(errors, http.StatusBadRequest, http.StatusUnauthorized, http.StatusForbidden, http.StatusTooManyRequests, http.StatusInternalServerError, http.StatusServiceUnavailable)
	slices.Sort(errors)
	for _, status := range slices.Compact(errors) {
		body := reflect.TypeFor[Message]()
		if status == http.StatusUnprocessableEntity {
			body = reflect.TypeFor[Invalid]()
		}
		op.Responses[strconv.Itoa(status)] = &huma.Response{Description: http.StatusText(status) + ".", Content: map[string]*huma.MediaType{
			jsonType: {Schema: s.openAPI.Components.Schemas.Schema(body, true, "")},
		}}
	}
	op.Parameters = append(op.Parameters, headerParam(access.NamespaceHeader, "The namespace to work in; that of the token's service account when left out.", access.NamespacePattern, access.MaxNamespace))
	addLinks(&op)
	return op
}

// jsonBody is a body that is required, with examples.
func jsonBody(schema *huma.Schema, examples map[string]*huma.Example) *huma.RequestBody {
	return &huma.RequestBody{Required: true, Content: map[string]*huma.MediaType{jsonType: {Schema: schema, Examples: examples}}}
}

func idParam(of, example string) []*huma.Param {
	return []*huma.Param{{Name: "id", In: inPath, Required: true, Description: "The ID of the " + of + ".", Schema: nameSchema(""), Example: example}}
}

// nameSchema is the schema of what names something in storage.
func nameSchema(description string) *huma.Schema {
	least, most := 1, storage.MaxName
	return &huma.Schema{Type: huma.TypeString, Description: description, Pattern: storage.NamePattern, MinLength: &least, MaxLength: &most}
}

func headerParam(name, description, pattern string, most int) *huma.Param {
	least := 1
	return &huma.Param{Name: name, In: inHeader, Description: description, Schema: &huma.Schema{Type: huma.TypeString, Pattern: pattern, MinLength: &least, MaxLength: &most}}
}

// pageParams are the parameters of a list.
func pageParams(after string) []*huma.Param {
	least, most := 1.0, float64(maxPage)
	shortest, longest := 1, maxCursor
	return []*huma.Param{
		{Name: "limit", In: inQuery, Description: "How many to list at most.", Schema: &huma.Schema{Type: huma.TypeInteger, Minimum: &least, Maximum: &most, Default: defaultPage}, Example: defaultPage},
		{Name: "after", In: inQuery, Description: after, Schema: &huma.Schema{Type: huma.TypeString, MinLength: &shortest, MaxLength: &longest}},
	}
}

// contentAnswer is the answer of a call that sends a file.
func contentAnswer(description string, types ...string) *huma.Response {
	response := &huma.Response{Description: description, Content: map[string]*huma.MediaType{}}
	for _, name := range types {
		response.Content[name] = &huma.MediaType{Schema: &huma.Schema{Type: huma.TypeString, Format: "binary"}}
	}
	return response
}

// wordParam is a word in the query that is one of those given; the first is the default.
func wordParam(name, description string, words ...string) *huma.Param {
	schema := &huma.Schema{Type: huma.TypeString, Default: words[0]}
	for _, word := range words {
		schema.Enum = append(schema.Enum, word)
	}
	return &huma.Param{Name: name, In: inQuery, Description: description, Schema: schema}
}
