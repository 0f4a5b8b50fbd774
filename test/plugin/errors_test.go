package plugin

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/swath-dev/swath/api/v1alpha1"
)

func TestErrorsSayWhatToDo(t *testing.T) {
	gateway := startGateway(t)
	p, powerless := newPerson(t, "*"), newPerson(t)
	p.job("running", v1alpha1.PhaseRunning, nil)
	p.job("ended", v1alpha1.PhaseSucceeded, nil)
	folder := t.TempDir()
	file := filepath.Join(folder, "a.h5")
	if err := os.WriteFile(file, []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	by := []string{"--gateway", gateway}
	for name, test := range map[string]struct {
		who  *person
		args []string
		says string
	}{
		"no command":             {p, []string{"uplaod"}, `unknown command "uplaod"`},
		"no argument":            {p, []string{"watch"}, "accepts 1 arg(s)"},
		"unknown flag":           {p, []string{"watch", "running", "--color"}, "unknown flag: --color"},
		"required flags":         {p, []string{"submit"}, `required flag(s) "task", "training-file" not set`},
		"no such job":            {p, []string{"watch", "none"}, `"none" not found`},
		"no such ID":             {p, []string{"watch", "trainingjob-abcdefghijkl"}, "not found"},
		"another's namespace":    {p, []string{"watch", "running", "-n", powerless.namespace}, "forbidden"},
		"ended already":          {p, []string{"cancel", "ended"}, "is already succeeded"},
		"no model yet":           {p, []string{"download", "running"}, "has no model: it is running"},
		"no report yet":          {p, append([]string{"results", "running", "--open"}, by...), "has no model yet"},
		"no results yet":         {p, append([]string{"results", "running"}, by...), "has no results yet"},
		"no such file":           {p, append([]string{"download", "file-none"}, by...), "File not found"},
		"no such model":          {p, append([]string{"download", "model-abcdefghijkl"}, by...), "Model not found"},
		"part of a file":         {p, append([]string{"download", "file-a", "--part", "x"}, by...), "--part is for models"},
		"nothing to upload":      {p, append([]string{"upload", folder + "/none"}, by...), "no such file"},
		"a folder to upload":     {p, append([]string{"upload", folder}, by...), "is a folder"},
		"no training file":       {p, append([]string{"predict", "model-abcdefghijkl", file}, by...), "HDF5"},
		"form of predictions":    {p, []string{"predict", "model-a", file, "-o", "xml"}, "must be one of json, csv, request"},
		"account without rights": {powerless, append([]string{"upload", file}, by...), "kubectl create rolebinding swath -n " + powerless.namespace},
		"no such account":        {p, append([]string{"upload", file, "--service-account", "none"}, by...), "asking for a token of service account none"},
		"token of somebody":      {p, append([]string{"upload", file, "--gateway-token", "x"}, by...), "does not take the token"},
		"no gateway there":       {p, []string{"upload", file, "--gateway", "http://127.0.0.1:1"}, "asking the gateway"},
		"no right to look":       {p, []string{"upload", file}, "looking for the gateway's Service (see --gateway-namespace and --gateway)"},
		"no kubeconfig":          {p, []string{"watch", "running", "--kubeconfig", folder + "/none"}, "reading the kubeconfig"},
	} {
		code, stdout, stderr := test.who.run(test.args...)
		if code != 1 || stdout != "" || !strings.HasPrefix(stderr, "error: ") || !strings.Contains(stderr, test.says) {
			t.Errorf("%s: exit code %d, printed %s%s", name, code, stdout, stderr)
		}
	}
}

func TestNothingIsUploadedForAJobThatCannotBeMade(t *testing.T) {
	var uploads atomic.Int32
	gateway := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		uploads.Add(1)
		w.WriteHeader(http.StatusTeapot)
	}))
	defer gateway.Close()
	p, other := newPerson(t, "*"), newPerson(t)
	p.job("taken", v1alpha1.PhaseRunning, nil)
	file := filepath.Join(t.TempDir(), "a.h5")
	if err := os.WriteFile(file, []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		args []string
		says string
	}{
		"name is taken":         {[]string{"--name", "taken", "--task", "classification", "--training-file", "@" + file}, "already exists"},
		"no name":               {[]string{"--name", "A_b", "--task", "classification", "--training-file", "@" + file}, "metadata.name"},
		"out of bounds":         {[]string{"--task", "classification", "--epochs", "0", "--training-file", "@" + file}, "epochs"},
		"no number of classes":  {[]string{"--task", "segmentation", "--training-file", "@" + file}, "numClasses"},
		"no task":               {[]string{"--task", "detection", "--training-file", "@" + file}, "spec.task"},
		"no rights":             {[]string{"-n", other.namespace, "--task", "classification", "--training-file", "@" + file}, "forbidden"},
		"the same file twice":   {[]string{"--task", "classification", "--training-file", "@" + file, "--validation-file", "@" + file}, "validationFile must differ"},
		"second file is no one": {[]string{"--task", "classification", "--training-file", "@" + file, "--validation-file", "@" + file + "x"}, "no such file"},
	} {
		code, stdout, stderr := p.run(append([]string{"submit", "--gateway", gateway.URL, "--gateway-token", "t"}, test.args...)...)
		if code != 1 || stdout != "" || !strings.Contains(stderr, test.says) {
			t.Errorf("%s: exit code %d, printed %s%s", name, code, stdout, stderr)
		}
	}
	if n := uploads.Load(); n > 0 {
		t.Errorf("the gateway was asked %d times", n)
	}
}

func TestSubmitUploadsAndNamesWhatItUploaded(t *testing.T) {
	gateway := startGateway(t)
	p := newPerson(t, "*")
	file := filepath.Join(t.TempDir(), "ships.h5")
	if err := os.WriteFile(file, []byte("ships"), 0o600); err != nil {
		t.Fatal(err)
	}
	validation := file + "-validation"
	if err := os.WriteFile(validation, []byte("other ships"), 0o600); err != nil {
		t.Fatal(err)
	}
	code, stdout, stderr := p.run("submit", "--name", "ships", "--task", "classification", "--training-file", "@"+file, "--validation-file", "@"+validation, "--gateway", gateway)
	if code != 0 || stdout != "trainingjob.training.swath.dev/ships created\n" {
		t.Fatalf("exit code %d, printed %s%s", code, stdout, stderr)
	}
	var job v1alpha1.TrainingJob
	if err := admin.Get(t.Context(), keyOf(&v1alpha1.TrainingJob{ObjectMeta: metaOf(p.namespace, "ships")}), &job); err != nil {
		t.Fatal(err)
	}
	id := string(job.Spec.TrainingFile)
	if !strings.Contains(stderr, "ships.h5 uploaded as "+id) {
		t.Errorf("the job has %s and the plugin says %s", id, stderr)
	}
	t.Chdir(t.TempDir())
	if code, stdout, stderr := p.run("download", id, "--gateway", gateway); code != 0 || stdout != "ships.h5\n" {
		t.Errorf("downloading it: exit code %d, printed %s%s", code, stdout, stderr)
	}
	if content, err := os.ReadFile("ships.h5"); err != nil || string(content) != "ships" {
		t.Errorf("downloaded %q (%v)", content, err)
	}
	if code, _, stderr := p.run("download", id, "--gateway", gateway); code != 1 || !strings.Contains(stderr, "--force") {
		t.Errorf("a second time: exit code %d, printed %s", code, stderr)
	}
}
