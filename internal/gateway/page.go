package gateway

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"html/template"
	"maps"
	"net/http"
	"slices"
	"strings"
)

const htmlType = "text/html; charset=utf-8"

//go:embed page.html.tmpl
var pageText string

var page = template.Must(template.New("page").Parse(pageText))

// described is what the page shows of the OpenAPI document.
type described struct {
	Info struct {
		Title, Version, Description string
	}
	Paths map[string]map[string]describedCall
}

type describedCall struct {
	Summary, Description string
	Tags                 []string
	Parameters           []struct {
		Name, In, Description string
		Required              bool
		Schema                json.RawMessage
	}
	RequestBody struct {
		Content map[string]struct{ Schema json.RawMessage }
	}
	Responses map[string]struct{ Description string }
}

// row is one call on the page.
type row struct {
	Method, Path string
	describedCall
}

// group are the calls that have a tag in common.
type group struct {
	Tag  string
	Rows []row
}

// describeAPI makes a page of the OpenAPI document for people. It has no script and loads nothing, so that it can be read where
// nothing outside the cluster can be reached.
func describeAPI(document []byte) []byte {
	var d described
	var out bytes.Buffer
	if json.Unmarshal(document, &d) != nil || page.Execute(&out, map[string]any{"Info": d.Info, "Groups": groups(d)}) != nil {
		return nil // Impossible with a document that was made here, which a test reads.
	}
	return out.Bytes()
}

// groups are the calls by tag, in the order of paths.
func groups(d described) []group {
	byTag := map[string][]row{}
	for _, path := range slices.Sorted(maps.Keys(d.Paths)) {
		for _, method := range slices.Sorted(maps.Keys(d.Paths[path])) {
			call := d.Paths[path][method]
			tag := strings.Join(call.Tags, ", ")
			byTag[tag] = append(byTag[tag], row{Method: strings.ToUpper(method), Path: path, describedCall: call})
		}
	}
	var all []group
	for _, tag := range slices.Sorted(maps.Keys(byTag)) {
		all = append(all, group{Tag: tag, Rows: byTag[tag]})
	}
	return all
}

// Indented is a schema for people.
func (row) Indented(schema json.RawMessage) string {
	var out bytes.Buffer
	if json.Indent(&out, schema, "", "  ") != nil {
		return string(schema)
	}
	return out.String()
}

// serveFixed serves the same bytes at some paths, without authentication.
func serveFixed(mux *http.ServeMux, contentType string, data []byte, paths ...string) {
	for _, path := range paths {
		mux.HandleFunc("GET "+path, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", contentType)
			w.Header().Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'")
			_, _ = w.Write(data)
		})
		mux.HandleFunc(path, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Allow", http.MethodGet)
			writeJSON(w, http.StatusMethodNotAllowed, Message{Detail: "Method Not Allowed"})
		})
	}
}
