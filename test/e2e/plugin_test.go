package e2e

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	certificatesv1 "k8s.io/api/certificates/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/swath-dev/swath/api/v1alpha1"
)

func TestKubeconfigWithAClientCertificateIsAllThatThePluginNeeds(t *testing.T) {
	t.Parallel()
	k := newCluster(t, "e2e-certificate")
	k.mayTrain()
	const user = "alice-of-e2e"
	kubeconfig := k.kubeconfigOf(user)
	// The rights that docs/kubectl-plugin.md says it takes, and no others.
	k.allow(user, systemNamespace,
		rbacv1.PolicyRule{APIGroups: []string{""}, Resources: []string{"services"}, Verbs: []string{"get"}},
		rbacv1.PolicyRule{APIGroups: []string{""}, Resources: []string{"pods"}, Verbs: []string{"list"}},
		rbacv1.PolicyRule{APIGroups: []string{""}, Resources: []string{"pods/portforward"}, Verbs: []string{"create"}})
	k.allow(user, k.namespace,
		rbacv1.PolicyRule{APIGroups: []string{""}, Resources: []string{"serviceaccounts/token"}, Verbs: []string{"create"}},
		rbacv1.PolicyRule{APIGroups: []string{v1alpha1.GroupName}, Resources: []string{"trainingjobs"}, Verbs: []string{"*"}})
	file := filepath.Join(testdata, "olinda", "landcover-classification-train.h5")
	submitted, stderr, err := k.plugin(kubeconfig, "submit", "--name", "job", "--task", "classification", "--epochs", "1", "--training-file", "@"+file, "--watch", "--timeout", patience.String())
	if err != nil || !strings.Contains(submitted, "model model-") {
		t.Fatalf("submit --watch: %v\n%s%s", err, submitted, stderr)
	}
	if results, stderr, err := k.plugin(kubeconfig, "results", "job"); err != nil || !strings.Contains(results, "train_loss") {
		t.Errorf("results: %v\n%s%s", err, results, stderr)
	}
	if predicted, stderr, err := k.plugin(kubeconfig, "predict", "job", file, "-o", "csv"); err != nil || !strings.HasPrefix(predicted, "sample,class\n0,") {
		t.Errorf("predict: %v\n%.200s%s", err, predicted, stderr)
	}
}

// plugin runs the plugin with a kubeconfig, in the test's namespace.
func (k *cluster) plugin(kubeconfig string, args ...string) (stdout, stderr string, err error) {
	k.t.Helper()
	command := exec.CommandContext(k.t.Context(), k.program("kubectl-swath"), append(args, "--kubeconfig", kubeconfig, "-n", k.namespace)...)
	var out, complaints bytes.Buffer
	command.Stdout, command.Stderr = &out, &complaints
	err = command.Run()
	return out.String(), complaints.String(), err
}

// allow gives a user rights in a namespace while the test runs.
func (k *cluster) allow(user, namespace string, rules ...rbacv1.PolicyRule) {
	k.t.Helper()
	about := metav1.ObjectMeta{Name: user, Namespace: namespace}
	k.make(&rbacv1.Role{ObjectMeta: about, Rules: rules})
	k.make(&rbacv1.RoleBinding{
		ObjectMeta: about,
		RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "Role", Name: user},
		Subjects:   []rbacv1.Subject{{APIGroup: rbacv1.GroupName, Kind: rbacv1.UserKind, Name: user}},
	})
}

// make makes an object anew, and deletes it after the test.
func (k *cluster) make(object client.Object) {
	k.t.Helper()
	stale := object.DeepCopyObject().(client.Object)
	if err := client.IgnoreNotFound(k.Delete(k.t.Context(), stale)); err != nil {
		k.t.Fatalf("deleting %T %s: %v", object, object.GetName(), err)
	}
	eventually(k.t, "what an earlier run left is gone", func() (string, bool) {
		err := k.Get(k.t.Context(), client.ObjectKeyFromObject(stale), stale)
		return stale.GetName(), err != nil && client.IgnoreNotFound(err) == nil
	})
	if err := k.Create(k.t.Context(), object); err != nil {
		k.t.Fatalf("making %T %s: %v", object, object.GetName(), err)
	}
	k.t.Cleanup(func() {
		if err := client.IgnoreNotFound(k.Delete(context.Background(), object)); err != nil {
			k.t.Errorf("deleting %T %s: %v", object, object.GetName(), err)
		}
	})
}

// kubeconfigOf is a kubeconfig with a client certificate that the cluster has signed for a user, and no other credentials.
func (k *cluster) kubeconfigOf(user string) string {
	k.t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		k.t.Fatal(err)
	}
	asked, err := x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{Subject: pkix.Name{CommonName: user}}, key)
	if err != nil {
		k.t.Fatal(err)
	}
	request := &certificatesv1.CertificateSigningRequest{
		ObjectMeta: metav1.ObjectMeta{Name: user},
		Spec: certificatesv1.CertificateSigningRequestSpec{
			Request: pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE REQUEST", Bytes: asked}), SignerName: certificatesv1.KubeAPIServerClientSignerName,
			Usages: []certificatesv1.KeyUsage{certificatesv1.UsageClientAuth},
		},
	}
	k.make(request)
	request.Status.Conditions = []certificatesv1.CertificateSigningRequestCondition{{Type: certificatesv1.CertificateApproved, Status: corev1.ConditionTrue, Reason: "Test", Message: "the test asks for it"}}
	if err := k.SubResource("approval").Update(k.t.Context(), request); err != nil {
		k.t.Fatalf("approving the certificate of %s: %v", user, err)
	}
	eventually(k.t, "the certificate is signed", func() (string, bool) {
		err := k.Get(k.t.Context(), client.ObjectKeyFromObject(request), request)
		return user, err == nil && len(request.Status.Certificate) > 0
	})
	private, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		k.t.Fatal(err)
	}
	config, err := clientcmd.LoadFromFile(run(k.t, "kubeconfig"))
	if err != nil {
		k.t.Fatal(err)
	}
	config.AuthInfos = map[string]*clientcmdapi.AuthInfo{config.Contexts[config.CurrentContext].AuthInfo: {
		ClientCertificateData: request.Status.Certificate,
		ClientKeyData:         pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: private}),
	}}
	path := filepath.Join(k.t.TempDir(), "kubeconfig")
	if err := clientcmd.WriteToFile(*config, path); err != nil {
		k.t.Fatal(err)
	}
	if text, err := os.ReadFile(path); err != nil || bytes.Contains(text, []byte("token:")) || !bytes.Contains(text, []byte("client-certificate-data:")) {
		k.t.Fatalf("the kubeconfig (%v) is not one with a client certificate only", err)
	}
	return path
}
