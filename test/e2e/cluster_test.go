package e2e

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/go-logr/logr"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/tools/clientcmd"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/swath-dev/swath/api/v1alpha1"
	"github.com/swath-dev/swath/test/await"
)

// What `make test-e2e` says about its cluster.
const (
	// envCluster is the program of hack/cluster; without it there is no cluster.
	envCluster = "SWATH_E2E_CLUSTER"
	// envTrainer is the trainer, to put files into storage with.
	envTrainer = "SWATH_E2E_TRAINER"
)

const (
	systemNamespace = "swath-system"
	testdata        = "../testdata"
	// podUser is the user and group of every Pod.
	podUser = 65532
	// patience is how long a test waits for a state.
	patience = await.Patience
)

// cluster is the local cluster as a test sees it.
type cluster struct {
	client.Client
	t         *testing.T
	namespace string
	// storage is the folder on this machine that the namespace's claim is.
	storage string
}

func TestMain(m *testing.M) {
	log.SetLogger(logr.Discard())
	os.Exit(m.Run())
}

// newCluster gives a test a namespace of its own with storage in it.
func newCluster(t *testing.T, namespace string) *cluster {
	t.Helper()
	if os.Getenv(envCluster) == "" {
		t.Skipf("%s is not set: `make test-e2e` starts a local cluster and runs this", envCluster)
	}
	scheme := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{clientgoscheme.AddToScheme, v1alpha1.AddToScheme} {
		if err := add(scheme); err != nil {
			t.Fatal(err)
		}
	}
	config, err := clientcmd.BuildConfigFromFlags("", run(t, "kubeconfig"))
	if err != nil {
		t.Fatal(err)
	}
	c, err := client.New(config, client.Options{Scheme: scheme})
	if err != nil {
		t.Fatal(err)
	}
	k := &cluster{Client: c, t: t, namespace: namespace}
	k.makeNamespace()
	run(t, "volume", namespace)
	k.storage = filepath.Join(filepath.Dir(run(t, "kubeconfig")), "storage", namespace, "swath-storage")
	return k
}

// makeNamespace makes the namespace anew, under the strictest Pod security.
func (k *cluster) makeNamespace() {
	k.t.Helper()
	namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{
		Name:   k.namespace,
		Labels: map[string]string{"pod-security.kubernetes.io/enforce": "restricted"},
	}}
	k.deleteNamespace()
	if err := k.Create(k.t.Context(), namespace); err != nil {
		k.t.Fatalf("making namespace %s: %v", k.namespace, err)
	}
	k.t.Cleanup(k.deleteNamespace)
}

// deleteNamespace deletes the namespace until it is gone; a test that failed
// leaves it to be looked at.
func (k *cluster) deleteNamespace() {
	if k.t.Failed() {
		return
	}
	ctx, stop := context.WithTimeout(context.Background(), patience)
	defer stop()
	namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: k.namespace}}
	eventually(k.t, "namespace "+k.namespace+" is gone", func() (string, bool) {
		err := k.Delete(ctx, namespace)
		return fmt.Sprint(err), apierrors.IsNotFound(err)
	})
}

// upload puts a file of testdata into the namespace's storage.
func (k *cluster) upload(path, id string) {
	k.t.Helper()
	command := exec.CommandContext(k.t.Context(), os.Getenv(envTrainer), "upload", filepath.Join(testdata, path),
		"--storage", "file://"+k.storage, "--namespace", k.namespace, "--id", id)
	if output, err := command.CombinedOutput(); err != nil {
		k.t.Fatalf("uploading %s: %v\n%s", path, err, output)
	}
	k.giveToPods()
}

// giveToPods makes what root has put into storage the Pods' own.
func (k *cluster) giveToPods() {
	k.t.Helper()
	err := filepath.WalkDir(k.storage, func(path string, _ os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		return os.Chown(path, podUser, podUser)
	})
	if err != nil {
		k.t.Fatalf("giving storage to the Pods: %v", err)
	}
}

// run runs the cluster's program and gives what it printed.
func run(t *testing.T, args ...string) string {
	t.Helper()
	var stdout, stderr bytes.Buffer
	command := exec.CommandContext(t.Context(), os.Getenv(envCluster), args...)
	command.Stdout, command.Stderr = &stdout, &stderr
	if err := command.Run(); err != nil {
		t.Fatalf("cluster %v: %v\n%s", args, err, stderr.String())
	}
	return string(bytes.TrimSpace(stdout.Bytes()))
}

// eventually waits until look says yes; the text it gives says how things stand
// when it never does.
func eventually(t *testing.T, what string, look func() (string, bool)) {
	t.Helper()
	await.True(t, patience, 200*time.Millisecond, what, look)
}
