package validation

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/danielgtaylor/huma/v2"
)

// maxDepth bounds how deep values may be nested.
const maxDepth = 32

// Body parses a JSON body and checks it against schema. The value is made of map[string]any, []any, string, bool,
// json.Number and nil; numbers of integer fields are written as integers. Errors are of type *Error.
func Body(data []byte, schema *huma.Schema) (any, error) {
	value, err := parse(data)
	if err != nil {
		return nil, err
	}
	checker := checker{}
	value = checker.check(schema, value, []any{"body"})
	if len(checker.problems) > 0 {
		return nil, &Error{Problems: checker.problems}
	}
	return value, nil
}

// Check checks a value of Body's kinds against schema; loc says where it stands.
func Check(value any, schema *huma.Schema, loc ...any) (any, error) {
	checker := checker{}
	value = checker.check(schema, value, loc)
	if len(checker.problems) > 0 {
		return nil, &Error{Problems: checker.problems}
	}
	return value, nil
}

func parse(data []byte) (any, error) {
	if len(bytes.TrimSpace(data)) == 0 {
		return nil, Missing("body")
	}
	if err := checkDepth(data); err != nil {
		return nil, err
	}
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.UseNumber()
	var value any
	if err := decoder.Decode(&value); err != nil {
		return nil, invalidJSON(err, decoder.InputOffset())
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return nil, New("json_invalid", "JSON decode error: something follows the value", "body", decoder.InputOffset())
	}
	return value, nil
}

// checkDepth refuses nesting that no documented body has and keys that come twice: of two values one would silently win.
func checkDepth(data []byte) error {
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.UseNumber()
	var open []map[string]bool // The keys of each object that is open; nil for an array.
	atKey := false
	for {
		token, err := decoder.Token()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return invalidJSON(err, decoder.InputOffset())
		}
		if delimiter, ok := token.(json.Delim); ok && (delimiter == '{' || delimiter == '[') {
			if len(open) == maxDepth {
				return New("json_invalid", fmt.Sprintf("JSON decode error: more than %d levels", maxDepth), "body", decoder.InputOffset())
			}
			var keys map[string]bool
			if delimiter == '{' {
				keys = map[string]bool{}
			}
			open, atKey = append(open, keys), delimiter == '{'
			continue
		} else if ok {
			open = open[:len(open)-1]
		} else if atKey {
			key, _ := token.(string)
			if keys := open[len(open)-1]; keys[key] {
				return New("json_invalid", fmt.Sprintf("JSON decode error: the key %q comes twice", key), "body", decoder.InputOffset())
			}
			open[len(open)-1][key] = true
			atKey = false
			continue
		}
		atKey = len(open) > 0 && open[len(open)-1] != nil
	}
}

func invalidJSON(err error, offset int64) *Error {
	if syntax, ok := errors.AsType[*json.SyntaxError](err); ok {
		offset = max(0, syntax.Offset-1) // Go counts the offending byte, Python does not.
	}
	return New("json_invalid", "JSON decode error: "+err.Error(), "body", offset)
}

// Parse parses JSON that is known to be well formed into the kinds of Body; nil where it is not.
func Parse(data []byte) any {
	value, err := parse(data)
	if err != nil {
		return nil
	}
	return value
}
