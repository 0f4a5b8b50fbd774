package e2e

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"
)

// tlsGateway is the name of a second gateway, with TLS, beside the one that other tests use.
const tlsGateway = "gateway-tls"

func TestPluginReachesAGatewayWithTLS(t *testing.T) {
	t.Parallel()
	k := newCluster(t, "e2e-tls")
	k.mayTrain()
	deployment, service := k.withTLS()
	k.make(service)
	folder := t.TempDir()
	authority, token := filepath.Join(folder, "ca.pem"), filepath.Join(folder, "token")
	k.make(certificateFor(t, service.Spec.ClusterIP, authority))
	k.make(deployment)
	eventually(t, "the gateway with TLS is ready", func() (string, bool) {
		err := k.Get(t.Context(), client.ObjectKeyFromObject(deployment), deployment)
		return fmt.Sprint(deployment.Status.Conditions), err == nil && deployment.Status.AvailableReplicas > 0
	})
	if err := os.WriteFile(token, []byte(k.token()+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	kubeconfig, file := run(t, "kubeconfig"), filepath.Join(testdata, "olinda", "landcover-classification-train.h5")
	address := "https://" + service.Spec.ClusterIP
	for name, flags := range map[string][]string{
		"through the API server":               {"--gateway-service", tlsGateway},
		"at its address":                       {"--gateway", address, "--gateway-ca", authority},
		"at its address, token from a file":    {"--gateway", address, "--gateway-ca", authority, "--gateway-token-file", token},
		"at its address with a slash, and all": {"--gateway", address + "/", "--gateway-ca", authority, "--service-account", callerAccount},
	} {
		if id, stderr, err := k.plugin(kubeconfig, append([]string{"upload", file}, flags...)...); err != nil || !strings.HasPrefix(id, "file-") {
			t.Errorf("%s: %v\n%s%s", name, err, id, stderr)
		}
	}
	if _, stderr, err := k.plugin(kubeconfig, "upload", file, "--gateway", address); err == nil || !strings.Contains(stderr, "--gateway-ca") {
		t.Errorf("without its authority: %v %s", err, stderr)
	}
}

// withTLS are the gateway's objects that the component config/gateway/tls gives, under a name of their own.
func (k *cluster) withTLS() (*appsv1.Deployment, *corev1.Service) {
	k.t.Helper()
	folder := k.t.TempDir()
	relative := func(path string) string {
		absolute, err := filepath.Abs(filepath.Join("..", "..", path))
		if err == nil {
			absolute, err = filepath.Rel(folder, absolute)
		}
		if err != nil {
			k.t.Fatal(err)
		}
		return absolute
	}
	kustomization := fmt.Sprintf("resources: [%s]\ncomponents: [%s]\n", relative("config/local"), relative("config/gateway/tls"))
	if err := os.WriteFile(filepath.Join(folder, "kustomization.yaml"), []byte(kustomization), 0o600); err != nil {
		k.t.Fatal(err)
	}
	built, err := exec.CommandContext(k.t.Context(), k.program("kubectl"), "kustomize", folder).Output()
	if err != nil {
		k.t.Fatalf("building with the component: %v", err)
	}
	var deployment appsv1.Deployment
	var service corev1.Service
	for _, document := range strings.Split(string(built), "\n---\n") {
		var about metav1.PartialObjectMetadata
		if err := yaml.Unmarshal([]byte(document), &about); err != nil {
			k.t.Fatal(err)
		}
		into := map[string]any{"Deployment/gateway": &deployment, "Service/gateway": &service}[about.Kind+"/"+about.Name]
		if into == nil {
			continue
		}
		if err := yaml.UnmarshalStrict([]byte(document), into); err != nil {
			k.t.Fatal(err)
		}
	}
	const label = "app.kubernetes.io/component"
	deployment.Name, service.Name = tlsGateway, tlsGateway
	for _, labels := range []map[string]string{deployment.Labels, deployment.Spec.Selector.MatchLabels, deployment.Spec.Template.Labels, service.Labels, service.Spec.Selector} {
		labels[label] = tlsGateway
	}
	deployment.Spec.Replicas = ptr.To[int32](1)
	var installed appsv1.Deployment
	if err := k.Get(k.t.Context(), client.ObjectKey{Namespace: systemNamespace, Name: "gateway"}, &installed); err != nil {
		k.t.Fatal(err)
	}
	deployment.Spec.Template.Spec.Containers[0].Image = installed.Spec.Template.Spec.Containers[0].Image
	return &deployment, &service
}

// certificateFor is the Secret with a certificate for an address, whose authority is written to a file.
func certificateFor(t *testing.T, address, authority string) *corev1.Secret {
	t.Helper()
	sign := func(template, parent *x509.Certificate, signer *ecdsa.PrivateKey) (*ecdsa.PrivateKey, []byte) {
		key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		if signer == nil {
			signer = key
		}
		template.SerialNumber, template.NotBefore, template.NotAfter = big.NewInt(1), time.Now().Add(-time.Hour), time.Now().Add(time.Hour)
		signed, err := x509.CreateCertificate(rand.Reader, template, parent, key.Public(), signer)
		if err != nil {
			t.Fatal(err)
		}
		return key, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: signed})
	}
	ca := &x509.Certificate{Subject: pkix.Name{CommonName: "a private authority"}, IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign}
	caKey, caText := sign(ca, ca, nil)
	if err := os.WriteFile(authority, caText, 0o600); err != nil {
		t.Fatal(err)
	}
	key, certificate := sign(&x509.Certificate{Subject: pkix.Name{CommonName: tlsGateway}, IPAddresses: []net.IP{net.ParseIP(address)}}, ca, caKey)
	private, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Name: tlsGateway, Namespace: systemNamespace}, Type: corev1.SecretTypeTLS,
		Data: map[string][]byte{corev1.TLSCertKey: certificate, corev1.TLSPrivateKeyKey: pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: private})},
	}
}
