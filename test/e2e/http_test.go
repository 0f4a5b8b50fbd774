package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/swath-dev/swath/api/v1alpha1"
)

// guide is the program that goes the way of the guides.
const guide = "../gateway/guide/guide.py"

// pythonModules are what the guide needs.
const pythonModules = "import h5py, numpy, requests, requests_toolbelt"

// withoutPython is the environment variable that lets the guide's program go where Python has not what it needs.
const withoutPython = "SWATH_WITHOUT_PYTHON"

// python is a Python that has what the guide needs: Debian's packages belong to Debian's. Where there is none the test fails: a
// check that is left out is to be left out by someone.
func python(t *testing.T) string {
	t.Helper()
	if os.Getenv(withoutPython) != "" {
		t.Skipf("%s is set: the guide's program is not run", withoutPython)
	}
	for _, name := range []string{"python3", "/usr/bin/python3"} {
		if exec.CommandContext(t.Context(), name, "-c", pythonModules).Run() == nil {
			return name
		}
	}
	t.Fatalf("no Python can %s: run hack/setup-tests, or set %s=1 to go without this check", pythonModules, withoutPython)
	return ""
}

func TestGuidesClientRunsUnchanged(t *testing.T) {
	t.Parallel()
	interpreter := python(t)
	k := newCluster(t, "e2e-guide")
	k.mayTrain()
	command := exec.CommandContext(t.Context(), interpreter, guide)
	command.Env = append(os.Environ(), "SWATH_URL="+k.gateway(), "SWATH_TOKEN="+k.token())
	output, err := command.CombinedOutput()
	if err != nil {
		t.Fatalf("the guide's program: %v\n%s", err, output)
	}
	t.Logf("%s", output)
}

func TestPluginDoesWhatAPersonWants(t *testing.T) {
	t.Parallel()
	k := newCluster(t, "e2e-plugin")
	k.mayTrain()
	folder := t.TempDir()
	olinda := func(name string) string {
		return filepath.Join(testdata, "olinda", "landcover-classification-"+name+".h5")
	}
	submitted := k.swath("submit", "--name", "landcover", "--task", "classification", "--epochs", "3",
		"--training-file", "@"+olinda("train"), "--validation-file", "@"+olinda("validation"), "--watch")
	model := regexp.MustCompile(`model (model-[a-z2-7]{12})`).FindStringSubmatch(submitted)
	if model == nil || !strings.Contains(submitted, "succeeded") {
		t.Fatalf("submit --watch printed:\n%s", submitted)
	}
	if table := k.swath("results", "landcover"); len(strings.Split(strings.TrimSpace(table), "\n")) != 4 {
		t.Errorf("results of 3 epochs are:\n%s", table)
	}
	if report := filepath.Join(folder, "report.html"); !strings.Contains(k.swath("results", "landcover", "--report", report), report) {
		t.Error("the report's name is not printed")
	} else if content, err := os.ReadFile(report); err != nil || !bytes.Contains(content, []byte("<html")) {
		t.Errorf("the report (%v) is %.80s", err, content)
	}
	k.swath("download", "landcover", "-o", filepath.Join(folder, "model"))
	local, err := exec.CommandContext(t.Context(), os.Getenv(envTrainer), "predict", "--model", filepath.Join(folder, "model"), "-o", "json", olinda("validation")).Output()
	if err != nil {
		t.Fatalf("predicting with what was downloaded: %v", err)
	}
	if remote := k.swath("predict", model[1], olinda("validation")); remote != string(local) {
		t.Errorf("predict gives %.80s, and trainer predict %.80s", remote, local)
	}
	id := strings.TrimSpace(k.swath("upload", olinda("train")))
	k.swath("submit", "--name", "second", "--task", "classification", "--epochs", "100000", "--training-file", id, "--suspend")
	k.swath("resume", "second")
	k.swath("suspend", "second")
	if cancelled := k.swath("cancel", "second", "--wait"); !strings.Contains(cancelled, "cancelled") {
		t.Errorf("cancel --wait printed %s", cancelled)
	}
}

func TestBothDoorsShowTheSameJob(t *testing.T) {
	t.Parallel()
	k := newCluster(t, "e2e-doors")
	k.mayTrain()
	k.uploadOlinda()
	address, token := k.gateway(), k.token()
	call := func(method, path, body string) (int, map[string]any) {
		request, err := http.NewRequestWithContext(t.Context(), method, address+path, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		request.Header.Set("Authorization", "Bearer "+token)
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		defer response.Body.Close()
		var answer map[string]any
		if err := json.NewDecoder(response.Body).Decode(&answer); err != nil {
			t.Fatalf("%s %s is answered %d without JSON: %v", method, path, response.StatusCode, err)
		}
		return response.StatusCode, answer
	}
	job := k.segmentation("by-kubectl", 100_000)
	if err := k.Create(t.Context(), job); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the job runs", func() (string, bool) {
		err := k.Get(t.Context(), client.ObjectKeyFromObject(job), job)
		return string(job.Status.Phase), err == nil && job.Status.Phase == v1alpha1.PhaseRunning
	})
	path := "/training/jobs/" + job.Status.ID
	if status, answer := call(http.MethodGet, path, ""); status != http.StatusOK || answer["status"] != "running" {
		t.Errorf("while it runs, the API answers %d %v", status, answer)
	}
	status, answer := call(http.MethodDelete, path, "")
	if status != http.StatusOK || answer["status"] != "cancelled" || answer["finished_at"] == nil {
		t.Fatalf("cancelling is answered %d %v", status, answer)
	}
	eventually(t, "the job is cancelled and no Pod is left", func() (string, bool) {
		if _, now := call(http.MethodGet, path, ""); now["status"] != "cancelled" {
			t.Errorf("after cancelling, the API answers %v", now)
		}
		var pods corev1.PodList
		err := k.Get(t.Context(), client.ObjectKeyFromObject(job), job)
		if err == nil {
			err = k.List(t.Context(), &pods, client.InNamespace(k.namespace))
		}
		return string(job.Status.Phase), err == nil && job.Status.Phase == v1alpha1.PhaseCancelled && len(pods.Items) == 0
	})
}

// callerAccount is the service account that the plugin takes if none is named.
const callerAccount = "swath"

// mayTrain makes the namespace's service account for the gateway, and gives it the rights on TrainingJobs.
func (k *cluster) mayTrain() {
	k.t.Helper()
	about := metav1.ObjectMeta{Name: callerAccount, Namespace: k.namespace}
	for _, object := range []client.Object{
		&corev1.ServiceAccount{ObjectMeta: about},
		&rbacv1.RoleBinding{
			ObjectMeta: about,
			RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: "swath-trainingjob-editor"},
			Subjects:   []rbacv1.Subject{{Kind: rbacv1.ServiceAccountKind, Name: callerAccount, Namespace: k.namespace}},
		},
	} {
		if err := k.Create(k.t.Context(), object); err != nil {
			k.t.Fatalf("making %T %s: %v", object, object.GetName(), err)
		}
	}
}

// token is a token of the namespace's service account for the gateway.
func (k *cluster) token() string {
	k.t.Helper()
	request := &authenticationv1.TokenRequest{Spec: authenticationv1.TokenRequestSpec{Audiences: []string{"swath"}, ExpirationSeconds: ptr.To[int64](3600)}}
	account := &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Name: callerAccount, Namespace: k.namespace}}
	if err := k.SubResource("token").Create(k.t.Context(), account, request); err != nil {
		k.t.Fatalf("asking for a token: %v", err)
	}
	return request.Status.Token
}

// gateway is an address that leads to the gateway while the test runs.
func (k *cluster) gateway() string {
	k.t.Helper()
	ctx, stop := context.WithCancel(k.t.Context())
	command := exec.CommandContext(ctx, k.program("kubectl"), "--kubeconfig", run(k.t, "kubeconfig"), "port-forward", "-n", systemNamespace, "service/gateway", ":80")
	reader, writer := io.Pipe()
	command.Stdout, command.Stderr = writer, writer
	if err := command.Start(); err != nil {
		k.t.Fatalf("kubectl port-forward: %v", err)
	}
	k.t.Cleanup(func() {
		stop()
		_ = command.Wait() // It was stopped.
	})
	found := make(chan string, 1)
	go func() {
		var text []byte
		buffer := make([]byte, 4096)
		for {
			n, err := reader.Read(buffer)
			text = append(text, buffer[:n]...)
			if match := regexp.MustCompile(`Forwarding from (127\.0\.0\.1:\d+)`).FindSubmatch(text); match != nil && len(found) == 0 {
				found <- string(match[1])
			}
			if err != nil {
				return
			}
		}
	}()
	select {
	case address := <-found:
		return "http://" + address
	case <-time.After(patience):
		k.t.Fatal("kubectl port-forward does not say where it listens")
		return ""
	}
}

// swath runs the plugin in the namespace and gives what it printed.
func (k *cluster) swath(args ...string) string {
	k.t.Helper()
	command := exec.CommandContext(k.t.Context(), k.program("kubectl-swath"), append(args, "--kubeconfig", run(k.t, "kubeconfig"), "-n", k.namespace)...)
	var stdout, stderr bytes.Buffer
	command.Stdout, command.Stderr = &stdout, &stderr
	if err := command.Run(); err != nil {
		k.t.Fatalf("kubectl swath %v: %v\n%s%s", args, err, stdout.String(), stderr.String())
	}
	return stdout.String()
}

// program is a program that `make test-e2e` has put beside the trainer.
func (k *cluster) program(name string) string {
	return filepath.Join(filepath.Dir(os.Getenv(envTrainer)), name)
}
