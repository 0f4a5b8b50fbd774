package plugin

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"unicode"

	"github.com/spf13/pflag"

	"github.com/swath-dev/swath/api/v1alpha1"
)

// parameterFlags are the hyperparameters as flags: each has the name that it has in the TrainingJob, in kebab-case.
type parameterFlags struct {
	given map[string]json.RawMessage
}

func newParameterFlags() *parameterFlags {
	return &parameterFlags{given: map[string]json.RawMessage{}}
}

func (p *parameterFlags) add(flags *pflag.FlagSet) {
	for field := range reflect.TypeFor[v1alpha1.Hyperparameters]().Fields() {
		name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
		flags.Var(&parameterFlag{given: p.given, name: name, kind: field.Type.Elem().Kind()}, kebab(name), "hyperparameter "+name+"; chosen by the data when left out")
	}
}

// read gives the hyperparameters, or nil where no flag is given.
func (p *parameterFlags) read() (*v1alpha1.Hyperparameters, error) {
	if len(p.given) == 0 {
		return nil, nil
	}
	data, err := json.Marshal(p.given)
	if err != nil {
		return nil, fmt.Errorf("reading the hyperparameters: %w", err)
	}
	parameters := &v1alpha1.Hyperparameters{}
	if err := json.Unmarshal(data, parameters); err != nil {
		return nil, fmt.Errorf("reading the hyperparameters: %w", err)
	}
	return parameters, nil
}

// parameterFlag is one hyperparameter.
type parameterFlag struct {
	given map[string]json.RawMessage
	name  string
	kind  reflect.Kind
}

// String is the value that was given.
func (f *parameterFlag) String() string { return string(f.given[f.name]) }

// Type is how help shows the value.
func (f *parameterFlag) Type() string {
	switch f.kind {
	case reflect.String:
		return "word"
	case reflect.Float64:
		return "number"
	}
	return "int"
}

// Set takes a value; its bounds are checked by the API server.
func (f *parameterFlag) Set(text string) error {
	data, err := json.Marshal(text)
	if err != nil {
		return err
	}
	if f.kind != reflect.String {
		var number json.Number
		if err := json.Unmarshal([]byte(text), &number); err != nil {
			return fmt.Errorf("%q is not a number", text)
		}
		if _, err := number.Int64(); err != nil && f.kind != reflect.Float64 {
			return fmt.Errorf("%q is not a whole number", text)
		}
		data = []byte(number)
	}
	f.given[f.name] = data
	return nil
}

func kebab(name string) string {
	var out strings.Builder
	for _, r := range name {
		if unicode.IsUpper(r) {
			out.WriteByte('-')
		}
		out.WriteRune(unicode.ToLower(r))
	}
	return out.String()
}
