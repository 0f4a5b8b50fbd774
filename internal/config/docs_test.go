package config_test

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/swath-dev/swath/internal/config"
)

func TestEveryFieldIsDocumented(t *testing.T) {
	data, err := os.ReadFile(filepath.Join("..", "..", "docs", "operating.md"))
	if err != nil {
		t.Fatal(err)
	}
	// A row may name several fields of a section.
	_, table, _ := strings.Cut(string(data), "## Configuration")
	table, _, _ = strings.Cut(table, "Flags:")
	for _, name := range fields(reflect.TypeFor[config.Config]()) {
		if !strings.Contains(table, name) {
			t.Errorf("docs/operating.md does not describe %s", name)
		}
	}
}

// fields are the names of the leaves of our own types.
func fields(of reflect.Type) []string {
	var names []string
	for i := range of.NumField() {
		field := of.Field(i)
		inner := field.Type
		if inner.Kind() == reflect.Slice {
			inner = inner.Elem()
		}
		if inner.Kind() == reflect.Struct && inner.PkgPath() == of.PkgPath() {
			names = append(names, fields(inner)...)
			continue
		}
		name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
		names = append(names, name)
	}
	return names
}
