package e2e

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/swath-dev/swath/api/v1alpha1"
)

// A namespace in which a job trains can be deleted, and that ends by itself.
func TestANamespaceIsDeletedWhileAJobTrains(t *testing.T) {
	t.Parallel()
	k := newCluster(t, "e2e-namespace")
	k.uploadOlinda()
	k.create(k.segmentation("training", 5000))
	k.waitForPhase("training", v1alpha1.PhaseRunning)
	namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: k.namespace}}
	if err := k.Delete(t.Context(), namespace); err != nil {
		t.Fatalf("deleting the namespace: %v", err)
	}
	k.goesAway("namespace "+k.namespace, namespace)
}

// Swath is removed while a job trains: nothing of it stays, and nothing hangs. No other
// test runs meanwhile.
func TestUndeployWhileAJobTrains(t *testing.T) {
	k := newCluster(t, "e2e-undeploy")
	k.uploadOlinda()
	k.create(k.segmentation("training", 5000))
	job := k.waitForPhase("training", v1alpha1.PhaseRunning)
	pod := k.trainPod(job, 1)
	kubeconfig := run(t, "kubeconfig")
	t.Cleanup(func() { makeTarget(t, kubeconfig, "deploy-local") })
	makeTarget(t, kubeconfig, "undeploy", "KUSTOMIZATION=config/local")
	k.goesAway("Pod "+pod.Name, pod)
	k.goesAway("the operator's namespace", &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: systemNamespace}})
	k.goesAway("the CRD", &metav1.PartialObjectMetadata{
		TypeMeta:   metav1.TypeMeta{APIVersion: "apiextensions.k8s.io/v1", Kind: "CustomResourceDefinition"},
		ObjectMeta: metav1.ObjectMeta{Name: "trainingjobs." + v1alpha1.GroupName},
	})
	k.deleteNamespace()
}

// goesAway waits until the object is gone.
func (k *cluster) goesAway(what string, object client.Object) {
	k.t.Helper()
	eventually(k.t, what+" is gone", func() (string, bool) {
		err := k.Get(k.t.Context(), client.ObjectKeyFromObject(object), object)
		return asJSON(object), apierrors.IsNotFound(err)
	})
}

// makeTarget runs a target of the Makefile against the local cluster.
func makeTarget(t *testing.T, kubeconfig string, target ...string) {
	t.Helper()
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	command := exec.Command("make", append([]string{"--no-print-directory"}, target...)...)
	command.Dir = root
	command.Env = append(os.Environ(), "KUBECONFIG="+kubeconfig, "PATH="+filepath.Join(root, "bin")+":"+os.Getenv("PATH"))
	if output, err := command.CombinedOutput(); err != nil {
		t.Fatalf("make %v: %v\n%s", target, err, output)
	}
}
