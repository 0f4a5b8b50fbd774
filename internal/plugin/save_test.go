package plugin

import (
	"archive/zip"
	"bytes"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"k8s.io/cli-runtime/pkg/genericiooptions"
)

func TestStoredNamesAreNoPaths(t *testing.T) {
	for name, test := range map[string]struct{ stored, want string }{
		"plain":          {"ships-train.h5", "ships-train.h5"},
		"blanks":         {"ships of July.h5", "ships of July.h5"},
		"other script":   {"船.h5", "船.h5"},
		"in a folder":    {"data/ships.h5", "ships.h5"},
		"leads out":      {"../../ships.h5", "ships.h5"},
		"of Windows":     {`data\ships.h5`, "ships.h5"},
		"absolute":       {"/etc/passwd", "file-a"},
		"with a drive":   {`C:\ships.h5`, "file-a"},
		"hidden":         {".bashrc", "file-a"},
		"hidden, deeper": {"home/.bashrc", "file-a"},
		"the folder":     {".", "file-a"},
		"the parent":     {"..", "file-a"},
		"a flag":         {"-rf", "file-a"},
		"a folder":       {"data/", "file-a"},
		"none":           {"", "file-a"},
		"two lines":      {"a\nb", "file-a"},
		"escape":         {"a\x1b[2Jb", "file-a"},
		"no text":        {"a\xff", "file-a"},
		"too long":       {strings.Repeat("a", 300), "file-a"},
	} {
		if got := plainName(test.stored, "file-a"); got != test.want {
			t.Errorf("%s: %q is saved as %q, not as %q", name, test.stored, got, test.want)
		}
	}
}

// modelParts are the parts of a model, whose manifest lists the others.
var modelParts = map[string]string{
	"report.html": "new",
	"model.json":  `{"parts":[{"name":"report.html","bytes":3,"sha256":"11507a0e2f5e69d5dfa40a62a1bd7b6ee57e6bcd85c67c9b8431b36fff21c437"}]}`,
}

// gatewayWith is a gateway that has one file and one model, as a plugin's flags.
func gatewayWith(t *testing.T, stored string) []string {
	t.Helper()
	return gatewayServing(t, stored, modelParts, "null")
}

// gatewayServing is gatewayWith with other parts of the model, and the digest of its manifest as JSON.
func gatewayServing(t *testing.T, stored string, model map[string]string, digest string) []string {
	t.Helper()
	var archive bytes.Buffer
	parts := zip.NewWriter(&archive)
	for name, content := range model {
		part, err := parts.Create(name)
		if err == nil {
			_, err = part.Write([]byte(content))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := parts.Close(); err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	answer := func(path string, body []byte) {
		mux.HandleFunc("GET "+path, func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(body) })
	}
	answer("/files/file-a", []byte(`{"id":"file-a","filename":`+stored+`,"bytes":3}`))
	answer("/files/file-a/content", []byte("new"))
	answer("/models/model-a", []byte(`{"id":"model-a","manifest_sha256":`+digest+`}`))
	mux.HandleFunc("GET /models/model-a/content", func(w http.ResponseWriter, r *http.Request) {
		if part := r.URL.Query().Get("part"); part != "" {
			_, _ = w.Write([]byte(model[part]))
			return
		}
		_, _ = w.Write(archive.Bytes())
	})
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	return []string{"--gateway", server.URL, "--gateway-token", "t", "-n", "demo"}
}

func TestNothingIsOverwrittenWithoutForce(t *testing.T) {
	for name, test := range map[string]struct {
		stored string
		there  string
		args   []string
		saved  string
	}{
		"file":                  {`"a.h5"`, "a.h5", []string{"file-a"}, "a.h5"},
		"file, named":           {`"a.h5"`, "b.h5", []string{"file-a", "-o", "b.h5"}, "b.h5"},
		"file into a folder":    {`"a.h5"`, "folder/a.h5", []string{"file-a", "-o", "folder"}, "folder/a.h5"},
		"file with a bad name":  {`"../.bashrc"`, "file-a", []string{"file-a"}, "file-a"},
		"model":                 {`""`, "model-a/model.json", []string{"model-a"}, "model-a/model.json"},
		"model, named":          {`""`, "m/report.html", []string{"model-a", "-o", "m"}, "m/report.html"},
		"part of a model":       {`""`, "model.json", []string{"model-a", "--part", "model.json"}, "model.json"},
		"model beside somebody": {`""`, "m/other", []string{"model-a", "-o", "m"}, "m/model.json"},
	} {
		t.Run(name, func(t *testing.T) {
			flags := gatewayWith(t, test.stored)
			t.Chdir(t.TempDir())
			if err := os.MkdirAll(filepath.Dir(test.there), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(test.there, []byte("old"), 0o600); err != nil {
				t.Fatal(err)
			}
			args := append(append([]string{"download"}, test.args...), flags...)
			if _, err := runPlugin(t, args...); err == nil || !strings.Contains(err.Error(), "--force") {
				t.Errorf("without --force it ends with %v", err)
			}
			if kept, err := os.ReadFile(test.there); string(kept) != "old" {
				t.Errorf("what was there is now %q (%v)", kept, err)
			}
			if printed, err := runPlugin(t, append(args, "--force")...); err != nil {
				t.Errorf("with --force it ends with %v: %s", err, printed)
			}
			content, err := os.ReadFile(test.saved)
			if err != nil || test.args[0] == "file-a" && string(content) != "new" {
				t.Errorf("saved %q (%v)", content, err)
			}
			if rests, err := filepath.Glob("*.part"); err != nil || len(rests) > 0 {
				t.Errorf("left behind (%v): %v", err, rests)
			}
		})
	}
}

func TestWhatIsCutOffIsNotSaved(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "/content") {
			w.Header().Set("Content-Length", "100")
		}
		_, _ = w.Write([]byte(`{"id":"file-a","filename":"a.h5"}`))
	}))
	defer server.Close()
	t.Chdir(t.TempDir())
	if _, err := runPlugin(t, "download", "file-a", "--gateway", server.URL, "--gateway-token", "t", "-n", "demo"); err == nil {
		t.Error("half a file counts as downloaded")
	}
	if left, err := os.ReadDir("."); err != nil || len(left) > 0 {
		t.Errorf("left behind (%v): %v", err, left)
	}
}

func TestArchiveDoesNotLeadOutOfItsFolder(t *testing.T) {
	for _, entry := range []string{"../evil", "/evil", "a/b", `..\evil`, ".."} {
		t.Chdir(t.TempDir())
		file, err := os.Create("a.zip")
		if err != nil {
			t.Fatal(err)
		}
		archive := zip.NewWriter(file)
		if _, err := archive.Create(entry); err != nil {
			t.Fatal(err)
		}
		if err := archive.Close(); err != nil {
			t.Fatal(err)
		}
		if err := file.Close(); err != nil {
			t.Fatal(err)
		}
		err = unpack("a.zip", "model", false, func(string) error { return nil })
		if entry == `..\evil` && err == nil {
			continue // A plain name here; Windows refuses it.
		}
		if err == nil || !strings.Contains(err.Error(), "entry") && !strings.Contains(err.Error(), "insecure") {
			t.Errorf("%q is unpacked: %v", entry, err)
		}
	}
}

func TestManifestWithLocalFilesSaysThatItCannotBeApplied(t *testing.T) {
	printed, err := runPlugin(t, "submit", "--dry-run", "--task", "classification", "--training-file", "@ships.h5")
	if err != nil || !strings.HasPrefix(printed, "# Not to be applied as it is: upload the file (kubectl swath upload ships.h5)") {
		t.Errorf("printed (%v):\n%s", err, printed)
	}
	file := filepath.Join(t.TempDir(), "ships.h5")
	if err := os.WriteFile(file, []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(`{"id":"file-b","bytes":1}`)) }))
	defer server.Close()
	printed, err = runPlugin(t, "submit", "--dry-run", "--upload", "--task", "classification", "--training-file", "@"+file, "--gateway", server.URL, "--gateway-token", "t", "-n", "demo")
	if err != nil || strings.Contains(printed, "#") || !strings.Contains(printed, "trainingFile: file-b\n") {
		t.Errorf("after uploading, printed (%v):\n%s", err, printed)
	}
}

func TestTokenAndAuthoritiesComeFromFilesAndTheEnvironment(t *testing.T) {
	folder := t.TempDir()
	write := func(name, content string) string {
		path := filepath.Join(folder, name)
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "Bearer secret" {
			w.WriteHeader(http.StatusUnauthorized)
			_, _ = w.Write([]byte(`{"detail":"wrong token"}`))
			return
		}
		_, _ = w.Write([]byte(`{"id":"file-a","filename":"a.h5"}`))
	}))
	defer server.Close()
	authority := write("ca.pem", pemOf(server.Certificate()))
	right, empty := write("token", " secret\n"), write("empty", "\n")
	for name, test := range map[string]struct {
		args        []string
		environment map[string]string
		want        string
	}{
		"flags":                {args: []string{"--gateway", server.URL, "--gateway-ca", authority, "--gateway-token", "secret"}},
		"token from a file":    {args: []string{"--gateway", server.URL, "--gateway-ca", authority, "--gateway-token-file", right}},
		"from the environment": {environment: map[string]string{serverVariable: server.URL + "/", caVariable: authority, tokenVariable: "secret"}},
		"flags come first":     {args: []string{"--gateway", server.URL, "--gateway-token-file", right}, environment: map[string]string{serverVariable: "http://other", caVariable: authority, tokenVariable: "wrong"}},
		"unknown authority":    {args: []string{"--gateway", server.URL, "--gateway-token", "secret"}, want: "--gateway-ca"},
		"wrong token":          {args: []string{"--gateway", server.URL, "--gateway-ca", authority, "--gateway-token", "x"}, want: "wrong token"},
		"two tokens":           {args: []string{"--gateway", server.URL, "--gateway-token", "x", "--gateway-token-file", right}, want: "leave one out"},
		"empty file":           {args: []string{"--gateway", server.URL, "--gateway-token-file", empty}, want: "is empty"},
		"no file":              {args: []string{"--gateway", server.URL, "--gateway-token-file", folder + "/none"}, want: "reading the token"},
		"no certificate":       {args: []string{"--gateway", server.URL, "--gateway-ca", right, "--gateway-token", "x"}, want: "has no certificate"},
		"no address":           {args: []string{"--gateway", "swath.example.com", "--gateway-token", "x"}, want: "must be one such as"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Chdir(t.TempDir())
			for variable, value := range test.environment {
				t.Setenv(variable, value)
			}
			_, err := runPlugin(t, append([]string{"download", "file-a", "-n", "demo"}, test.args...)...)
			if test.want == "" && err != nil || test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want)) {
				t.Errorf("it ends with %v", err)
			}
		})
	}
	t.Setenv(tokenVariable, "secret-of-the-environment")
	var help bytes.Buffer
	command := NewCommand(genericiooptions.IOStreams{In: strings.NewReader(""), Out: &help, ErrOut: &help})
	command.SetArgs([]string{"upload", "--help"})
	if err := command.Execute(); err != nil || strings.Contains(help.String(), "secret-of") {
		t.Errorf("help (%v) prints the token:\n%s", err, help.String())
	}
}
