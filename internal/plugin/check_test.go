package plugin

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"strconv"
	"strings"
	"testing"
)

// What came is what training stored, or it is not kept.
func TestAWrongDownloadIsRefused(t *testing.T) {
	sum := sha256.Sum256([]byte(modelParts["model.json"]))
	digest := strconv.Quote(hex.EncodeToString(sum[:]))
	// with is the model with something else in it; an empty text takes a part away.
	with := func(name, content string) map[string]string {
		parts := maps.Clone(modelParts)
		if parts[name] = content; content == "" {
			delete(parts, name)
		}
		return parts
	}
	for name, test := range map[string]struct {
		parts  map[string]string
		digest string
		args   []string
		says   string
	}{
		"the right model":             {modelParts, digest, nil, ""},
		"the right part":              {modelParts, digest, []string{"--part", "report.html"}, ""},
		"the right manifest":          {modelParts, digest, []string{"--part", "model.json"}, ""},
		"no digest is known":          {modelParts, "null", nil, ""},
		"a model of another trainer":  {map[string]string{"model.json": "{}", "weights.pt": "w"}, "null", nil, ""},
		"and a part of it":            {map[string]string{"model.json": "{}", "weights.pt": "w"}, "null", []string{"--part", "weights.pt"}, ""},
		"another part":                {with("report.html", "old"), digest, nil, "report.html is damaged: its SHA-256 is "},
		"another part by itself":      {with("report.html", "old"), "null", []string{"--part", "report.html"}, "report.html is damaged: its SHA-256 is "},
		"a part that is cut":          {with("report.html", "ne"), digest, nil, "report.html is damaged: it has 2 bytes and should have 3"},
		"a part that is missing":      {with("report.html", ""), digest, nil, "report.html is damaged: it is missing"},
		"a part too many":             {with("evil.html", "x"), digest, nil, "evil.html is damaged: model.json does not list it"},
		"a part that is not listed":   {with("evil.html", "x"), digest, []string{"--part", "evil.html"}, "evil.html is damaged: model.json does not list it"},
		"another manifest":            {with("model.json", "{}"), digest, nil, "model.json is damaged: "},
		"another manifest of a part":  {with("model.json", "{}"), digest, []string{"--part", "report.html"}, "model.json is damaged: "},
		"another manifest by itself":  {with("model.json", "{}"), digest, []string{"--part", "model.json"}, "model.json is damaged: "},
		"a manifest that is no JSON":  {with("model.json", "<html>"), "null", nil, "model.json is damaged: invalid character"},
		"a manifest that is not here": {with("model.json", ""), digest, nil, "checking the model"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Chdir(t.TempDir())
			args := append(append([]string{"download", "model-a"}, test.args...), gatewayServing(t, `""`, test.parts, test.digest)...)
			_, err := runPlugin(t, args...)
			saved, readErr := os.ReadDir(".")
			if readErr != nil {
				t.Fatal(readErr)
			}
			if test.says == "" {
				if err != nil || len(saved) != 1 {
					t.Errorf("it ends with %v and leaves %v", err, saved)
				}
				return
			}
			if err == nil || !strings.Contains(err.Error(), test.says) {
				t.Errorf("it ends with %v, want an error that says %q", err, test.says)
			}
			if len(saved) > 0 {
				t.Errorf("it leaves %v", saved)
			}
		})
	}
}

// A file is compared with the digest that the gateway announces.
func TestAFileThatIsNotTheAnnouncedOneIsRefused(t *testing.T) {
	sum := sha256.Sum256([]byte("new"))
	for content, right := range map[string]bool{"new": true, "old": false} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if !strings.HasSuffix(r.URL.Path, "/content") {
				_, _ = w.Write([]byte(`{"id":"file-a","filename":"a.h5"}`))
				return
			}
			w.Header().Set("Repr-Digest", "sha-512=:AAAA:, sha-256=:"+base64.StdEncoding.EncodeToString(sum[:])+":")
			_, _ = w.Write([]byte(content))
		}))
		t.Chdir(t.TempDir())
		_, err := runPlugin(t, "download", "file-a", "--gateway", server.URL, "--gateway-token", "t", "-n", "demo")
		server.Close()
		if right != (err == nil) || !right && !strings.Contains(err.Error(), "the gateway announced 11507a0e") {
			t.Errorf("%q ends with %v", content, err)
		}
		if saved, err := os.ReadDir("."); err != nil || right != (len(saved) == 1) {
			t.Errorf("%q leaves %v (%v)", content, saved, err)
		}
	}
}
