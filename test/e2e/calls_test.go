package e2e

import (
	"bytes"
	"encoding/json"
	"maps"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// httpDocument is the document whose lines are run.
const httpDocument = "../../docs/http-api.md"

// step is a line of a document that a reader pastes, and the answer that stands below it.
type step struct{ line, answer string }

// stepsOf reads the indented lines of a document from one heading to another.
func stepsOf(t *testing.T, document, from, to string) []step {
	t.Helper()
	text, err := os.ReadFile(document)
	if err != nil {
		t.Fatal(err)
	}
	_, after, found := strings.Cut(string(text), from)
	part, _, ends := strings.Cut(after, to)
	if !found || !ends {
		t.Fatalf("%s has no part from %q to %q", document, from, to)
	}
	var steps []step
	for line := range strings.Lines(strings.ReplaceAll(part, "\\\n", "")) {
		line, indented := strings.CutPrefix(strings.TrimRight(line, "\n"), "    ")
		switch {
		case !indented:
		case strings.HasPrefix(line, "{") || strings.HasPrefix(line, " "):
			steps[len(steps)-1].answer += line
		default:
			steps = append(steps, step{line: line})
		}
	}
	return steps
}

// reader is somebody who pastes lines into a shell.
type reader struct {
	*cluster
	folder string
	// typed are the lines that stay in force: variables.
	typed []string
	// answer is the last one in JSON.
	answer map[string]any
}

// newReader starts in a folder from which the files of the repository have the names that they have in documents.
func newReader(k *cluster) *reader {
	k.t.Helper()
	r := &reader{cluster: k, folder: k.t.TempDir()}
	tests, err := filepath.Abs("..")
	if err == nil {
		err = os.Symlink(tests, filepath.Join(r.folder, "test"))
	}
	if err != nil {
		k.t.Fatal(err)
	}
	return r
}

// paste runs a line and gives what it printed; refused says that curl got an answer of an error.
func (r *reader) paste(line string) (printed string, refused bool) {
	r.t.Helper()
	script := "set -euo pipefail\ncurl() { command curl -S --fail-with-body \"$@\"; }\n" + strings.Join(append(r.typed, line), "\n")
	command := exec.CommandContext(r.t.Context(), "bash", "-c", script)
	command.Dir = r.folder
	command.Env = append(os.Environ(), "KUBECONFIG="+run(r.t, "kubeconfig"), "PATH="+filepath.Dir(os.Getenv(envTrainer))+":"+os.Getenv("PATH"))
	var stdout, stderr bytes.Buffer
	command.Stdout, command.Stderr = &stdout, &stderr
	const httpError = 22 // of curl
	if err := command.Run(); err != nil && command.ProcessState.ExitCode() != httpError {
		r.t.Fatalf("%s: %v\n%s%s", line, err, stdout.String(), stderr.String())
	}
	var answer map[string]any
	if json.Unmarshal(stdout.Bytes(), &answer) == nil {
		r.answer = answer
	}
	return stdout.String(), command.ProcessState.ExitCode() == httpError
}

// text is a field of the last answer.
func (r *reader) text(field string) string {
	r.t.Helper()
	text, ok := r.answer[field].(string)
	if !ok {
		r.t.Fatalf("the last answer has no %s: %v", field, r.answer)
	}
	return text
}

func TestLinesOfTheDocumentAreTrueAndAllCalls(t *testing.T) {
	t.Parallel()
	k := newCluster(t, "e2e-document")
	r := newReader(k)
	address := k.gateway()
	calls := map[string]bool{}
	example := regexp.MustCompile(`-n demo\b|\bdemo:`)
	for _, step := range stepsOf(t, httpDocument, "\n## Who may\n", "\n## Training jobs\n") {
		line := example.ReplaceAllStringFunc(step.line, func(found string) string { return strings.Replace(found, "demo", k.namespace, 1) })
		name, value, comment := assigned(line)
		switch {
		case strings.HasPrefix(line, "kubectl port-forward"):
		case name == "SWATH":
			r.typed = append(r.typed, "export SWATH="+address)
		case strings.Contains(comment, "the id of the answer"):
			r.typed = append(r.typed, "export "+name+"="+r.text("id"))
		case strings.Contains(comment, "the trained_model of the job"):
			r.untilEnded()
			r.typed = append(r.typed, "export "+name+"="+r.text("trained_model"))
		case strings.HasPrefix(value, "$(kubectl"):
			token, _ := r.paste("echo " + value)
			r.typed = append(r.typed, "export "+name+"="+strings.TrimSpace(token))
		case name != "":
			r.typed = append(r.typed, line)
		default:
			if call := callOf(line); call != "" {
				calls[call] = true
			}
			printed, refused := r.paste(line)
			compareAnswers(t, step, printed, refused)
		}
	}
	compareCalls(t, address, calls)
}

// assigned are the name, value and comment of a line that sets a variable.
func assigned(line string) (name, value, comment string) {
	assignment, found := strings.CutPrefix(line, "export ")
	if !found {
		return "", "", ""
	}
	name, value, _ = strings.Cut(assignment, "=")
	value, comment, _ = strings.Cut(value, " #")
	return name, strings.TrimSpace(value), comment
}

// untilEnded asks for the job until it has ended.
func (r *reader) untilEnded() {
	r.t.Helper()
	eventually(r.t, "the job of the document has succeeded", func() (string, bool) {
		r.paste(`curl -s -H "Authorization: Bearer $TOKEN" $SWATH/training/jobs/$JOB`)
		return r.text("status"), r.text("status") == "succeeded"
	})
}

// compareAnswers reports an answer that is another than the documented one: other fields, other types, another error.
func compareAnswers(t *testing.T, step step, printed string, refused bool) {
	t.Helper()
	if step.answer == "" {
		if refused {
			t.Errorf("%s is refused: %s", step.line, printed)
		}
		return
	}
	var want, got map[string]any
	if err := json.Unmarshal([]byte(step.answer), &want); err != nil {
		t.Fatalf("the documented answer of %s is no JSON: %v", step.line, err)
	}
	if err := json.Unmarshal([]byte(printed), &got); err != nil {
		t.Errorf("%s is answered without JSON: %s", step.line, printed)
		return
	}
	if (want["detail"] != nil) != refused || want["detail"] != got["detail"] {
		t.Errorf("%s is answered %s, not %s", step.line, printed, step.answer)
	}
	if names := slices.Sorted(maps.Keys(got)); !slices.Equal(names, slices.Sorted(maps.Keys(want))) {
		t.Errorf("%s is answered %s, not %s", step.line, printed, step.answer)
	}
	for name := range want {
		if (want[name] == nil) != (got[name] == nil) {
			t.Errorf("%s: %s is %v, not %v", step.line, name, got[name], want[name])
		}
	}
}

var (
	curlMethod = regexp.MustCompile(` -X ([A-Z]+)`)
	curlPath   = regexp.MustCompile(`\$SWATH(/[^\s"'?]*)`)
	curlID     = regexp.MustCompile(`/(\$[A-Z]+|(file|model|trainingjob)-[a-z2-7]+)`)
)

// callOf is what a curl line calls, such as GET /files/{id}; "" for another line.
func callOf(line string) string {
	path := curlPath.FindStringSubmatch(line)
	if !strings.HasPrefix(line, "curl ") || path == nil || path[1] == "/openapi.json" {
		return ""
	}
	method := http.MethodGet
	if named := curlMethod.FindStringSubmatch(line); named != nil {
		method = named[1]
	} else if strings.Contains(line, " -d ") || strings.Contains(line, " -F ") {
		method = http.MethodPost
	}
	return method + " " + curlID.ReplaceAllString(path[1], "/{id}")
}

// compareCalls reports the differences between the calls that a reader is shown and those that the gateway says it has.
func compareCalls(t *testing.T, address string, shown map[string]bool) {
	t.Helper()
	response, err := http.Get(address + "/openapi.json")
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	var document struct {
		Paths map[string]map[string]json.RawMessage `json:"paths"`
	}
	if err := json.NewDecoder(response.Body).Decode(&document); err != nil || len(document.Paths) == 0 {
		t.Fatalf("reading the OpenAPI document (%v): %d paths", err, len(document.Paths))
	}
	served := map[string]bool{}
	for path, methods := range document.Paths {
		for method := range methods {
			served[strings.ToUpper(method)+" "+path] = true
		}
	}
	for _, call := range slices.Sorted(maps.Keys(served)) {
		if !shown[call] {
			t.Errorf("no curl line shows %s", call)
		}
	}
	for _, call := range slices.Sorted(maps.Keys(shown)) {
		if !served[call] {
			t.Errorf("a curl line shows %s, which the gateway does not have", call)
		}
	}
}

func TestDemoShowsEveryCallAndItsLinesCanBePasted(t *testing.T) {
	t.Parallel()
	k := newCluster(t, "e2e-demo")
	kubeconfig := run(t, "kubeconfig")
	command := exec.CommandContext(t.Context(), "../../hack/demo/http", k.namespace)
	command.Env = append(os.Environ(), "KUBECONFIG="+kubeconfig, "PATH="+filepath.Dir(os.Getenv(envTrainer))+":"+os.Getenv("PATH"))
	printed, err := command.CombinedOutput()
	if err != nil {
		t.Fatalf("hack/demo/http: %v\n%s", err, printed)
	}
	r := newReader(k)
	calls := map[string]bool{}
	for _, found := range regexp.MustCompile(`\$ (.*)\x1b\[0m`).FindAllStringSubmatch(string(printed), -1) {
		line := found[1]
		if strings.HasPrefix(line, "cd ") || strings.HasPrefix(line, "export ") {
			r.typed = append(r.typed, line)
			continue
		}
		call := callOf(line)
		if call == "" && !strings.HasPrefix(line, "kubectl ") && !strings.HasSuffix(line, `/openapi.json"`) {
			t.Errorf("what does this line do? %s", line)
		}
		if call != "" {
			calls[call] = true
		}
		if strings.Contains(line, `"epochs":`) {
			continue // It would train for long.
		}
		// What was deleted is gone, and says so.
		if again, refused := r.paste(line); refused != strings.HasPrefix(call, http.MethodDelete) {
			t.Errorf("pasted again, %s answers: %.200s", line, again)
		}
	}
	address, _ := r.paste("echo $SWATH")
	compareCalls(t, strings.TrimSpace(address), calls)
}
