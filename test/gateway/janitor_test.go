package gateway

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
	"sigs.k8s.io/yaml"

	"github.com/swath-dev/swath/api/v1alpha1"
	"github.com/swath-dev/swath/internal/contract"
	"github.com/swath-dev/swath/internal/storage"
	"github.com/swath-dev/swath/test/programs"
)

// janitorOf is the gateway's program run as the janitor, with no other rights than config/gateway gives.
type janitorOf struct{ program, folder string }

func newJanitor(t *testing.T) janitorOf {
	t.Helper()
	applyRBAC(t)
	request := &authenticationv1.TokenRequest{}
	answer, err := kube.CoreV1().ServiceAccounts("swath-system").CreateToken(t.Context(), "gateway", request, metav1.CreateOptions{})
	if err != nil {
		t.Fatalf("asking for the gateway's token: %v", err)
	}
	j := janitorOf{program: programs.Gateway(t), folder: t.TempDir()}
	kubeconfig := clientcmdapi.NewConfig()
	kubeconfig.Clusters["test"] = &clientcmdapi.Cluster{Server: adminConfig.Host, CertificateAuthorityData: adminConfig.CAData}
	kubeconfig.AuthInfos["test"] = &clientcmdapi.AuthInfo{Token: answer.Status.Token}
	kubeconfig.Contexts["test"] = &clientcmdapi.Context{Cluster: "test", AuthInfo: "test"}
	kubeconfig.CurrentContext = "test"
	configuration := "trainer: {image: none}\nstorage: [{url: \"" + j.url() + "\", persistentVolumeClaim: none}]\n"
	err = errors.Join(
		os.Mkdir(filepath.Join(j.folder, "bucket"), 0o755),
		clientcmd.WriteToFile(*kubeconfig, filepath.Join(j.folder, "kubeconfig")),
		os.WriteFile(filepath.Join(j.folder, "config.yaml"), []byte(configuration), 0o600),
	)
	if err != nil {
		t.Fatal(err)
	}
	return j
}

func (j janitorOf) url() string { return "file://" + filepath.Join(j.folder, "bucket") }

// run runs the janitor, which waits for nothing between marking and removing.
func (j janitorOf) run(t *testing.T, arguments ...string) (log string, err error) {
	t.Helper()
	return j.call(t, append([]string{"janitor", "--keep-checkpoints=1ms", "--keep-models=1ms", "--cut-off-after=1ms"}, arguments...)...)
}

// call runs a command of the gateway's program.
func (j janitorOf) call(t *testing.T, arguments ...string) (log string, err error) {
	t.Helper()
	command := exec.CommandContext(t.Context(), j.program, append([]string{"--config", filepath.Join(j.folder, "config.yaml")}, arguments...)...)
	command.Env = append(os.Environ(), "KUBECONFIG="+filepath.Join(j.folder, "kubeconfig"))
	output, err := command.CombinedOutput()
	return string(output), err
}

// applyRBAC gives the gateway's service account the rights that config/gateway has for it.
func applyRBAC(t *testing.T) {
	t.Helper()
	data := manifest(t, "gateway", "base", "rbac.yaml")
	_, err := kube.CoreV1().Namespaces().Create(t.Context(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "swath-system"}}, metav1.CreateOptions{})
	if err != nil && !apierrors.IsAlreadyExists(err) {
		t.Fatal(err)
	}
	made := 0
	for _, document := range bytes.Split(data, []byte("\n---\n")) {
		var kind metav1.TypeMeta
		account, role, binding := &corev1.ServiceAccount{}, &rbacv1.ClusterRole{}, &rbacv1.ClusterRoleBinding{}
		err := yaml.Unmarshal(document, &kind)
		switch kind.Kind {
		case "ServiceAccount":
			err = errors.Join(yaml.UnmarshalStrict(document, account), err)
			if err == nil {
				_, err = kube.CoreV1().ServiceAccounts(account.Namespace).Create(t.Context(), account, metav1.CreateOptions{})
			}
		case "ClusterRole":
			err = errors.Join(yaml.UnmarshalStrict(document, role), err)
			if err == nil {
				_, err = kube.RbacV1().ClusterRoles().Create(t.Context(), role, metav1.CreateOptions{})
			}
		case "ClusterRoleBinding":
			err = errors.Join(yaml.UnmarshalStrict(document, binding), err)
			if err == nil {
				_, err = kube.RbacV1().ClusterRoleBindings().Create(t.Context(), binding, metav1.CreateOptions{})
			}
		default:
			t.Fatalf("config/gateway/base/rbac.yaml has a %q", kind.Kind)
		}
		if err != nil && !apierrors.IsAlreadyExists(err) {
			t.Fatalf("making a %s: %v", kind.Kind, err)
		}
		made++
	}
	if made < 3 {
		t.Fatalf("config/gateway/base/rbac.yaml has %d documents", made)
	}
}

// leave stores what a job leaves: a checkpoint and a model, the job's or only parts of it.
func leave(t *testing.T, store *storage.Store, job string, whole bool) {
	t.Helper()
	if _, err := store.PutJobObject(t.Context(), job, "checkpoint", strings.NewReader("x")); err != nil {
		t.Fatal(err)
	}
	parts := []storage.Part{{Name: "model.onnx", Content: []byte("weights")}}
	if !whole {
		parts = append(parts, storage.Part{Name: "not a name"})
	}
	if _, err := store.CommitModel(t.Context(), contract.ModelID(job), parts, []byte("{}")); (err == nil) != whole {
		t.Fatalf("committing: %v", err)
	}
}

func TestJanitorRemovesWhatNothingRefersToAndNothingElse(t *testing.T) {
	j := newJanitor(t)
	living, gone := newTenant(t), newTenant(t)
	open := func(namespace string) *storage.Store {
		store, err := storage.Open(t.Context(), j.url(), namespace)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = store.Close() })
		return store
	}
	here, there := open(living.namespace), open(gone.namespace)
	running, succeeded := kubectlJob(t, living.namespace, "running", nil), kubectlJob(t, living.namespace, "succeeded", nil)
	last := kubectlJob(t, gone.namespace, "last", nil)
	model := contract.ModelID(contract.JobID(string(succeeded.UID)))
	record(t, running, func(status *v1alpha1.TrainingJobStatus) { status.Phase = v1alpha1.PhaseRunning })
	record(t, succeeded, func(status *v1alpha1.TrainingJobStatus) {
		status.Phase, status.TrainedModel = v1alpha1.PhaseSucceeded, model
	})
	leave(t, here, contract.JobID(string(running.UID)), false)
	leave(t, here, contract.JobID(string(succeeded.UID)), true)
	leave(t, here, "trainingjob-orphan", true)
	leave(t, there, contract.JobID(string(last.UID)), true)
	if _, err := here.PutFile(t.Context(), "file-a", "a.h5", strings.NewReader("a"), metav1.Now().Time); err != nil {
		t.Fatal(err)
	}
	var logs strings.Builder
	for round, before := range []func(){nil, func() {
		if err := admin.Delete(t.Context(), last); err != nil {
			t.Fatal(err)
		}
	}, nil} {
		if before != nil {
			before()
		}
		log, err := j.run(t)
		if err != nil {
			t.Fatalf("round %d: %v\n%s", round, err, log)
		}
		logs.WriteString(log)
	}
	bucket := filepath.Join(j.folder, "bucket")
	var left []string
	for _, path := range filesIn(t, bucket) {
		left = append(left, strings.NewReplacer(bucket, "", living.namespace, "living", gone.namespace, "gone").Replace(path))
	}
	want := []string{
		"/gone/janitor.json", "/gone/namespace.json", "/living/namespace.json",
		"/living/catalog/" + model + ".json", "/living/files/file-a", "/living/janitor.json",
		"/living/jobs/" + contract.JobID(string(running.UID)) + "/checkpoint",
		"/living/models/" + contract.ModelID(contract.JobID(string(running.UID))) + "/model.onnx",
		"/living/models/" + model + "/model.json", "/living/models/" + model + "/model.onnx",
		"/living/notes/file-a.json",
	}
	slices.Sort(want)
	slices.Sort(left)
	if diff := cmp.Diff(want, left); diff != "" {
		t.Errorf("left in the bucket: %s\n%s", diff, logs.String())
	}
	if !strings.Contains(logs.String(), "removing what nothing refers to") {
		t.Errorf("it does not say what it removed: %s", logs.String())
	}
}

func TestJanitorLeavesTheStorageOfAnotherClusterAlone(t *testing.T) {
	j := newJanitor(t)
	who := newTenant(t)
	kubectlJob(t, who.namespace, "job", nil)
	store, err := storage.Open(t.Context(), j.url(), who.namespace)
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	leave(t, store, "trainingjob-orphan", true)
	if err := store.PutJanitorMarks(t.Context(), []byte(`{"cluster":"b5ad2c4e-another"}`), true); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		log, err := j.run(t)
		if _, failed := errors.AsType[*exec.ExitError](err); !failed || !strings.Contains(log, "b5ad2c4e-another") || !strings.Contains(log, "--take-over") {
			t.Errorf("it ends with %v: %s", err, log)
		}
	}
	// The namespace of the other cluster has another UID: its gateway would be locked out.
	if owner, err := store.Owner(t.Context()); owner != "" || err != nil {
		t.Errorf("it has claimed the storage of the other cluster for the namespace with the UID %q (%v)", owner, err)
	}
	if models, err := store.ModelIDs(t.Context()); len(models) != 1 || err != nil {
		t.Errorf("models left: %v (%v)", models, err)
	}
	for range 2 {
		if log, err := j.run(t, "--take-over"); err != nil {
			t.Errorf("taking over: %v: %s", err, log)
		}
	}
	if models, err := store.ModelIDs(t.Context()); len(models) != 0 || err != nil {
		t.Errorf("models left once it has taken over: %v (%v)", models, err)
	}
}

// With the rights of config/gateway storage of an earlier namespace is left alone, until it is handed over.
func TestStorageIsHandedOver(t *testing.T) {
	j := newJanitor(t)
	who := newTenant(t)
	kubectlJob(t, who.namespace, "job", nil)
	store, err := storage.Open(t.Context(), j.url(), who.namespace)
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	leave(t, store, "trainingjob-orphan", true)
	if err := store.Claim(t.Context(), "uid-of-an-earlier-one"); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if log, err := j.run(t); err == nil || !strings.Contains(log, "uid-of-an-earlier-one") {
			t.Errorf("it ends with %v: %s", err, log)
		}
	}
	if models, err := store.ModelIDs(t.Context()); len(models) != 1 || err != nil {
		t.Errorf("models left: %v (%v)", models, err)
	}
	if log, err := j.call(t, "hand-over", who.namespace); err != nil {
		t.Errorf("handing over: %v: %s", err, log)
	}
	namespace, err := kube.CoreV1().Namespaces().Get(t.Context(), who.namespace, metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if err := store.CheckOwner(t.Context(), string(namespace.UID)); err != nil {
		t.Errorf("once it is handed over: %v", err)
	}
	if log, err := j.run(t); err != nil {
		t.Errorf("cleaning what was handed over: %v: %s", err, log)
	}
}
