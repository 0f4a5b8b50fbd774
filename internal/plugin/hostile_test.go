package plugin

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unicode"

	"k8s.io/cli-runtime/pkg/genericiooptions"

	"github.com/swath-dev/swath/internal/dataset"
	"github.com/swath-dev/swath/internal/hdf5"
)

// hostile is what others may have put wherever they could: it clears the screen, sets the title, goes back in the line, turns
// the direction of writing, and begins sequences of 8 bits.
const hostile = "evil\x1b[2J\x1b]0;title\a\rover\u009b31m\u202eturned\x7f"

// hostileJob is a TrainingJob whose every text is hostile.
func hostileJob(phase string) map[string]any {
	return map[string]any{
		"apiVersion": "training.swath.dev/v1alpha1", "kind": "TrainingJob",
		"metadata": map[string]any{"name": "job", "namespace": "demo", "uid": "u", "resourceVersion": "1"},
		"spec":     map[string]any{"task": "classification", "trainingFile": hostile},
		"status": map[string]any{
			"phase": phase, "error": hostile, "trainedModel": "model-a" + hostile, "resultsFile": "file-r", "id": "trainingjob-a", "warnings": []string{hostile},
			"progress":   map[string]any{"summary": hostile, "metrics": map[string]string{"validLoss": hostile}},
			"conditions": []any{map[string]any{"type": "Running", "status": "False", "reason": "X", "message": hostile, "lastTransitionTime": "2026-01-01T00:00:00Z"}},
		},
	}
}

// hostileServer is an API server and a gateway in one, whose answers are hostile: of the given status, and with a job in the
// given phase.
func hostileServer(t *testing.T, status int, phase string) *httptest.Server {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		answer := func(status int, value any) {
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(status)
			_ = json.NewEncoder(w).Encode(value)
		}
		list := func(kind string, more map[string]any) map[string]any {
			more["kind"], more["apiVersion"] = kind, "v1"
			return more
		}
		job, jobs := hostileJob(phase), "/apis/training.swath.dev/v1alpha1/namespaces/demo/trainingjobs"
		switch {
		case r.URL.Path == "/api":
			answer(200, list("APIVersions", map[string]any{"versions": []string{"v1"}}))
		case r.URL.Path == "/apis":
			version := map[string]any{"groupVersion": "training.swath.dev/v1alpha1", "version": "v1alpha1"}
			answer(200, list("APIGroupList", map[string]any{"groups": []any{map[string]any{"name": "training.swath.dev", "versions": []any{version}, "preferredVersion": version}}}))
		case r.URL.Path == "/apis/training.swath.dev/v1alpha1":
			answer(200, list("APIResourceList", map[string]any{"groupVersion": "training.swath.dev/v1alpha1", "resources": []any{
				map[string]any{"name": "trainingjobs", "singularName": "trainingjob", "namespaced": true, "kind": "TrainingJob", "verbs": []string{"get", "list", "watch", "patch", "create"}},
			}}))
		case status != http.StatusOK:
			answer(status, map[string]any{"kind": "Status", "apiVersion": "v1", "status": "Failure", "message": hostile, "reason": "Forbidden", "code": status, "detail": hostile})
		case r.URL.Path == jobs && r.Method == http.MethodGet:
			answer(200, map[string]any{"kind": "TrainingJobList", "apiVersion": "training.swath.dev/v1alpha1", "metadata": map[string]any{"resourceVersion": "1"}, "items": []any{job}})
		case strings.HasPrefix(r.URL.Path, jobs):
			answer(200, job)
		case strings.HasSuffix(r.URL.Path, "/results"):
			_, _ = w.Write([]byte("epoch,loss\n1,\"" + hostile + "\n\"\n"))
		case r.URL.Path == "/inference":
			answer(200, map[string]any{"labels": []any{hostile}, "warnings": []string{hostile}})
		default:
			answer(200, map[string]any{"id": "file-a" + hostile, "filename": hostile, "bytes": 1, "data": []any{map[string]any{"id": "file-a", "filename": hostile, "bytes": 1}}})
		}
	}))
	t.Cleanup(server.Close)
	return server
}

// hostileLines are command lines for every command, by its name.
func hostileLines(t *testing.T) map[string][][]string {
	t.Helper()
	local := filepath.Join(t.TempDir(), "chips"+strings.ReplaceAll(hostile, "/", "")+".h5")
	file, err := os.Create(local)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	writer, err := dataset.NewWriter(file, dataset.Format{Bands: 1, Side: 8, Task: dataset.Classification}, hdf5.GuideOptions)
	if err != nil {
		t.Fatal(err)
	}
	if err := writer.Write(&dataset.Sample{Bands: []string{"red"}, GSD: 1, Pixels: make([]float32, 64), Labels: []int64{0}}); err != nil {
		t.Fatal(err)
	}
	if err := writer.Close(); err != nil {
		t.Fatal(err)
	}
	return map[string][][]string{
		"upload":   {{"upload", local}, {"upload", hostile}},
		"submit":   {{"submit", "--task", "classification", "--training-file", "file-a", "--watch"}, {"submit", "--dry-run", "--task", hostile, "--training-file", "@" + local}},
		"watch":    {{"watch", "job"}, {"watch", hostile}},
		"results":  {{"results", "job"}, {"results", "job", "--csv"}, {"results", "job", "--report", "."}},
		"download": {{"download", "file-a"}, {"download", "job"}, {"download", "model-a"}},
		"predict":  {{"predict", "model-a", local}, {"predict", "model-a", local, "--output", "json"}, {"predict", "model-a", hostile}},
		"files":    {{"files"}, {"files", "-o", "name"}, {"files", "-o", "json"}},
		"models":   {{"models"}},
		"cancel":   {{"cancel", "job", "--wait"}},
		"suspend":  {{"suspend", "job"}},
		"resume":   {{"resume", "job"}},
		"__complete": {
			{"__complete", "watch", ""}, {"__complete", "download", ""}, {"__complete", "predict", ""}, {"__complete", "submit", "--training-file", ""},
		},
	}
}

// Whatever others have chosen, no command prints what a terminal would take for an order.
func TestNoCommandPrintsEscapeSequencesOfOthers(t *testing.T) {
	lines := hostileLines(t)
	for _, command := range NewCommand(genericiooptions.NewTestIOStreamsDiscard()).Commands() {
		if name := command.Name(); len(lines[name]) == 0 && name != "help" && name != "completion" {
			t.Errorf("the command %s is not among those that are tried", name)
		}
	}
	for _, answer := range []struct {
		status int
		phase  string
	}{{http.StatusOK, "succeeded"}, {http.StatusOK, "failed"}, {http.StatusOK, "running"}, {http.StatusForbidden, ""}} {
		server := hostileServer(t, answer.status, answer.phase)
		for name, all := range lines {
			for _, line := range all {
				if answer.phase == "running" && !slices.Contains([]string{"suspend", "resume", "__complete"}, name) {
					continue // They would wait for its end.
				}
				t.Run(fmt.Sprint(answer.status, " ", answer.phase, " ", strings.ToValidUTF8(plainArguments(line), "?")), func(t *testing.T) {
					checkPlain(t, server.URL, line)
				})
			}
		}
	}
}

func plainArguments(line []string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return '?'
	}, line[0]+" "+line[len(line)-1])
}

// checkPlain runs a command line against a server and looks at all that it prints.
func checkPlain(t *testing.T, server string, line []string) {
	t.Chdir(t.TempDir())
	config := filepath.Join(t.TempDir(), "config")
	text := fmt.Sprintf(`{"apiVersion":"v1","kind":"Config","current-context":"c","clusters":[{"name":"c","cluster":{"server":%q}}],`+
		`"contexts":[{"name":"c","context":{"cluster":"c","user":"u","namespace":"demo"}}],"users":[{"name":"u","user":{"token":"t"}}]}`, server)
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("KUBECONFIG", config)
	t.Setenv(serverVariable, server)
	t.Setenv(tokenVariable, "t")
	var out bytes.Buffer
	Main(genericiooptions.IOStreams{In: strings.NewReader(""), Out: &out, ErrOut: &out}, append([]string{"kubectl-swath"}, line...))
	printed := out.String()
	if printed == "" && !slices.Contains([]string{"__complete"}, line[0]) {
		t.Error("nothing is printed")
	}
	if at := strings.IndexFunc(printed, func(r rune) bool {
		return r != '\n' && r != '\t' && (unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) || r == unicode.ReplacementChar)
	}); at >= 0 {
		t.Errorf("printed %q", printed)
	}
}
