package gateway

import (
	"bytes"
	"compress/gzip"
	"net/http"
	"strings"
	"testing"

	"github.com/swath-dev/swath/internal/contract"
)

// A parameter that is empty or comes twice is refused everywhere: one value or the other would be passed over.
func TestEmptyAndRepeatedParametersAreRefused(t *testing.T) {
	who := newTenant(t)
	a := startGateway(t, options{}).as(who)
	job := "/training/jobs/" + contract.JobID(string(kubectlJob(t, who.namespace, "job", nil).UID))
	for _, path := range []string{"/files", "/training/jobs", job + "/events"} {
		for query, kind := range map[string]string{
			"limit=": "int_parsing", "limit=5&limit=x": "value_error", "limit=5&limit=5": "value_error", "limit=%31%zz": "value_error",
			"after=": "string_too_short", "after=a&after=b": "value_error", "limit=1.5": "int_parsing", "limit=99999999999999999999": "int_parsing",
		} {
			got := a.get(path + "?" + query)
			if got.status != http.StatusUnprocessableEntity || !strings.Contains(got.body, `"loc":["query"`) || !strings.Contains(got.body, `"type":"`+kind+`"`) {
				t.Errorf("%s?%s is answered %d %s", path, query, got.status, got.body)
			}
		}
	}
	for _, query := range []string{"format=", "format=csv&format=json", "format=xml"} {
		if got := a.get(job + "/results?" + query); got.status != http.StatusUnprocessableEntity {
			t.Errorf("%s is answered %d %s", query, got.status, got.body)
		}
	}
	for _, query := range []string{"part=", "part=a&part=b", "part=../x"} {
		if got := a.get("/models/model-x/content?" + query); got.status != http.StatusUnprocessableEntity {
			t.Errorf("%s is answered %d %s", query, got.status, got.body)
		}
	}
}

func TestEmptyAndRepeatedHeadersAreRefused(t *testing.T) {
	who := newTenant(t)
	a := startGateway(t, options{}).as(who).has(guideFile)
	for name, values := range map[string][][]string{
		"Swath-Namespace": {{""}, {who.namespace, who.namespace}, {"Not A Name"}, {strings.Repeat("a", 64)}, {"-a"}},
		"Idempotency-Key": {{""}, {"a", "a"}, {"straße"}, {strings.Repeat("a", 256)}},
	} {
		for _, value := range values {
			other := a.with(name, "")
			other.header[name] = value
			if got := other.post("/training/jobs", guideRequest); got.status != http.StatusBadRequest || !strings.Contains(got.body, "The header "+name) {
				t.Errorf("%s: %.80q is answered %d %s", name, value, got.status, got.body)
			}
		}
	}
}

func TestCompressedBodiesAreNotSupported(t *testing.T) {
	a := startGateway(t, options{}).as(newTenant(t)).has(guideFile)
	var packed bytes.Buffer
	writer := gzip.NewWriter(&packed)
	if _, err := writer.Write([]byte(guideRequest)); err != nil {
		t.Fatal(err)
	}
	if err := writer.Close(); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{"/training/jobs", "/inference", "/files"} {
		for _, encoding := range []string{"gzip", "identity, gzip", "br"} {
			got := a.with("Content-Encoding", encoding).post(path, packed.String())
			if got.status != http.StatusUnsupportedMediaType || got.header.Get("Accept-Encoding") != "identity" {
				t.Errorf("%s with %s is answered %d %s", path, encoding, got.status, got.body)
			}
		}
	}
	if got := a.with("Content-Encoding", "identity").post("/training/jobs", guideRequest); got.status != http.StatusOK {
		t.Errorf("a body as it is: answered %d %s", got.status, got.body)
	}
}
