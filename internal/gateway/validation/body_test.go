package validation_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/danielgtaylor/huma/v2"

	"github.com/swath-dev/swath/internal/gateway/validation"
)

func number(n float64) *float64 { return &n }
func count(n int) *int          { return &n }

var schema = &huma.Schema{
	Type: huma.TypeObject,
	Properties: map[string]*huma.Schema{
		"task":   {Type: huma.TypeString, Enum: []any{"classification", "segmentation"}},
		"file":   {Type: huma.TypeString, MinLength: count(1), MaxLength: count(8), Pattern: "^[a-z]+$"},
		"other":  {Type: huma.TypeString, Nullable: true},
		"epochs": {Type: huma.TypeInteger, Nullable: true, Minimum: number(1), Maximum: number(100000)},
		"rate":   {Type: huma.TypeNumber, Minimum: number(1e-8), Maximum: number(1)},
		"flag":   {Type: huma.TypeBoolean},
		"bands":  {Type: huma.TypeArray, MinItems: count(1), MaxItems: count(2), Items: &huma.Schema{Type: huma.TypeString}},
	},
	Required: []string{"task"},
}

func TestProblemsAreReportedAsFastAPIDoes(t *testing.T) {
	for name, test := range map[string]struct{ body, loc, kind, msg string }{
		"nothing":             {``, "body", "missing", "Field required"},
		"not JSON":            {`{"task"`, "body.", "json_invalid", "JSON decode error"},
		"cut off":             {`{"task": "segm`, "body.", "json_invalid", "JSON decode error"},
		"something behind":    {`{"task":"segmentation"} {}`, "body.", "json_invalid", "JSON decode error"},
		"key twice":           {`{"task":"segmentation","flag":true,"flag":false}`, "body.", "json_invalid", `"flag" comes twice`},
		"nested without end":  {strings.Repeat("[", 100000), "body.", "json_invalid", "more than 32 levels"},
		"not an object":       {`[]`, "body", "model_attributes_type", "Input should be a valid dictionary or object to extract fields from"},
		"null":                {`null`, "body", "model_attributes_type", "Input should be a valid dictionary"},
		"missing":             {`{}`, "body.task", "missing", "Field required"},
		"unknown":             {`{"task":"segmentation","tsak":1}`, "body.tsak", "extra_forbidden", "Extra inputs are not permitted"},
		"other case":          {`{"task":"segmentation","Flag":true}`, "body.Flag", "extra_forbidden", "Extra inputs are not permitted"},
		"not of the words":    {`{"task":"detection"}`, "body.task", "enum", "Input should be 'classification' or 'segmentation'"},
		"null for a word":     {`{"task":null}`, "body.task", "enum", "Input should be 'classification' or 'segmentation'"},
		"number for a text":   {`{"task":"segmentation","file":3}`, "body.file", "string_type", "Input should be a valid string"},
		"empty":               {`{"task":"segmentation","file":""}`, "body.file", "string_too_short", "at least 1 character"},
		"too long":            {`{"task":"segmentation","file":"abcdefghi"}`, "body.file", "string_too_long", "at most 8 characters"},
		"path":                {`{"task":"segmentation","file":"../x"}`, "body.file", "string_pattern_mismatch", "String should match pattern"},
		"text for a number":   {`{"task":"segmentation","epochs":"3"}`, "body.epochs", "int_type", "Input should be a valid integer"},
		"fraction":            {`{"task":"segmentation","epochs":1.5}`, "body.epochs", "int_from_float", "got a number with a fractional part"},
		"too small":           {`{"task":"segmentation","epochs":0}`, "body.epochs", "greater_than_equal", "greater than or equal to 1"},
		"too large":           {`{"task":"segmentation","epochs":100001}`, "body.epochs", "less_than_equal", "less than or equal to 100000"},
		"far too large":       {`{"task":"segmentation","epochs":1e400}`, "body.epochs", "int_parsing_size", "exceeded maximum size"},
		"rate not finite":     {`{"task":"segmentation","rate":1e400}`, "body.rate", "finite_number", "finite number"},
		"rate too small":      {`{"task":"segmentation","rate":0}`, "body.rate", "greater_than_equal", "1e-08"},
		"number for a flag":   {`{"task":"segmentation","flag":1}`, "body.flag", "bool_type", "Input should be a valid boolean"},
		"text for a list":     {`{"task":"segmentation","bands":"red"}`, "body.bands", "list_type", "Input should be a valid list"},
		"empty list":          {`{"task":"segmentation","bands":[]}`, "body.bands", "too_short", "at least 1 item"},
		"item of the list":    {`{"task":"segmentation","bands":["red",7]}`, "body.bands.1", "string_type", "Input should be a valid string"},
		"list that is longer": {`{"task":"segmentation","bands":["a","b","c"]}`, "body.bands", "too_long", "at most 2 items"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := validation.Body([]byte(test.body), schema)
			invalid, ok := errors.AsType[*validation.Error](err)
			if !ok || len(invalid.Problems) != 1 {
				t.Fatalf("checking %.60s gives %v", test.body, err)
			}
			problem := invalid.Problems[0]
			if loc, _, _ := strings.Cut(invalid.Error(), ": "); !strings.HasPrefix(loc, test.loc) {
				t.Errorf("the problem is at %s, not at %s", loc, test.loc)
			}
			if problem.Type != test.kind || !strings.Contains(problem.Msg, test.msg) {
				t.Errorf("the problem is %s %q, not %s %q", problem.Type, problem.Msg, test.kind, test.msg)
			}
		})
	}
}

func TestEveryProblemIsReported(t *testing.T) {
	_, err := validation.Body([]byte(`{"epochs":0,"rate":2,"x":1}`), schema)
	invalid, ok := errors.AsType[*validation.Error](err)
	if !ok || len(invalid.Problems) != 4 {
		t.Errorf("reported: %v", err)
	}
}

func TestGoodBodyIsAccepted(t *testing.T) {
	for name, body := range map[string]string{
		"least":         `{"task":"segmentation"}`,
		"all":           `{"task":"classification","file":"abc","other":null,"epochs":3,"rate":0.001,"flag":false,"bands":["red"]}`,
		"whole float":   `{"task":"classification","epochs":3.0}`,
		"with exponent": `{"task":"classification","epochs":1e2,"rate":1e-3}`,
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := validation.Body([]byte(body), schema); err != nil {
				t.Errorf("refused: %v", err)
			}
		})
	}
}

func FuzzBody(f *testing.F) {
	for _, seed := range []string{`{"task":"segmentation","epochs":3.0}`, `{"task":`, `[[[`, `{"a":{"a":{}}}`, `1e400`, `"\ud800"`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		value, err := validation.Body(data, schema)
		if err == nil {
			if _, ok := value.(map[string]any)["task"].(string); !ok {
				t.Errorf("%q is accepted without a task", data)
			}
			return
		}
		if invalid, ok := errors.AsType[*validation.Error](err); !ok || len(invalid.Problems) == 0 {
			t.Errorf("%q gives an error that cannot be reported: %v", data, err)
		}
	})
}
