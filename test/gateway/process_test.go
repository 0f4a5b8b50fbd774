package gateway

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"mime/multipart"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"

	"github.com/swath-dev/swath/test/cgroup"
	"github.com/swath-dev/swath/test/programs"
)

// process is a gateway that runs as a process of its own.
type process struct {
	command             *exec.Cmd
	address, management string
	log                 *bytes.Buffer
	exited              chan struct{}
}

// startProcess starts the gateway with storage in a folder of the test.
func startProcess(t *testing.T, arguments ...string) *process {
	t.Helper()
	return startProcessOn(t, "file://"+t.TempDir(), nil, arguments...)
}

// startProcessOn starts the gateway with the given storage, and with more in its environment.
func startProcessOn(t *testing.T, storage string, environment []string, arguments ...string) *process {
	t.Helper()
	return startProcessWithin(t, cgroup.Group{}, storage, environment, arguments...)
}

// startProcessWithin starts the gateway in a control group.
func startProcessWithin(t *testing.T, within cgroup.Group, storage string, environment []string, arguments ...string) *process {
	t.Helper()
	folder := t.TempDir()
	kubeconfig := clientcmdapi.NewConfig()
	kubeconfig.Clusters["test"] = &clientcmdapi.Cluster{Server: adminConfig.Host, CertificateAuthorityData: adminConfig.CAData}
	kubeconfig.AuthInfos["test"] = &clientcmdapi.AuthInfo{ClientCertificateData: adminConfig.CertData, ClientKeyData: adminConfig.KeyData}
	kubeconfig.Contexts["test"] = &clientcmdapi.Context{Cluster: "test", AuthInfo: "test"}
	kubeconfig.CurrentContext = "test"
	if err := clientcmd.WriteToFile(*kubeconfig, filepath.Join(folder, "kubeconfig")); err != nil {
		t.Fatal(err)
	}
	configuration := fmt.Sprintf("trainer: {image: none}\nstorage: [{url: %q}]\n", storage)
	if strings.HasPrefix(storage, "file:") {
		configuration = fmt.Sprintf("trainer: {image: none}\nstorage: [{url: %q, persistentVolumeClaim: none}]\n", storage)
	}
	if err := os.WriteFile(filepath.Join(folder, "config.yaml"), []byte(configuration), 0o600); err != nil {
		t.Fatal(err)
	}
	p := &process{address: programs.FreeAddress(t), management: programs.FreeAddress(t), log: &bytes.Buffer{}, exited: make(chan struct{})}
	p.command = within.Command(t, programs.Gateway(t), append([]string{"serve", "--config", filepath.Join(folder, "config.yaml"), "--address", p.address, "--management-address", p.management}, arguments...)...)
	p.command.Env = append(append(os.Environ(), "KUBECONFIG="+filepath.Join(folder, "kubeconfig")), environment...)
	p.command.Stdout, p.command.Stderr = p.log, p.log
	if err := p.command.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		_ = p.command.Wait()
		close(p.exited)
	}()
	t.Cleanup(func() {
		_ = p.command.Process.Kill() // It may have ended.
		<-p.exited
	})
	return p
}

func (p *process) untilReady(t *testing.T) {
	t.Helper()
	eventually(t, "the gateway is ready", func() bool {
		select {
		case <-p.exited:
			t.Fatalf("the gateway has ended:\n%s", p.log)
		default:
		}
		response, err := http.Get("http://" + p.management + "/readyz")
		if err != nil {
			return false
		}
		defer response.Body.Close()
		return response.StatusCode == http.StatusOK
	})
}

func TestWithoutAuthenticationTheGatewayListensOnLoopbackOnly(t *testing.T) {
	refused := startProcess(t, "--authentication=none", "--address=0.0.0.0:0")
	<-refused.exited
	if refused.command.ProcessState.ExitCode() == 0 || !strings.Contains(refused.log.String(), "loopback interface only") {
		t.Errorf("it ended with %d: %s", refused.command.ProcessState.ExitCode(), refused.log)
	}
	served := startProcess(t, "--authentication=none", "--namespace=default")
	served.untilReady(t)
	response, err := http.Get("http://" + served.address + "/files")
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		t.Errorf("answered %s", response.Status)
	}
	metrics, err := http.Get("http://" + served.management + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer metrics.Body.Close()
	text, err := io.ReadAll(metrics.Body)
	if err != nil || !strings.Contains(string(text), `swath_gateway_request_duration_seconds_count{code="200",method="GET",path="/files"} 1`) {
		t.Errorf("the metrics (%v) do not have the request:\n%.2000s", err, text)
	}
}

func TestLargerFilesThanStorageTakesAreRefusedAtTheStart(t *testing.T) {
	refused := startProcess(t, "--max-file-bytes=100000000000")
	<-refused.exited
	if refused.command.ProcessState.ExitCode() == 0 || !strings.Contains(refused.log.String(), "storage takes files of at most 73400320000 bytes") {
		t.Errorf("it ended with %d: %s", refused.command.ProcessState.ExitCode(), refused.log)
	}
}

func TestCertificateIsReadAgainWhenItChanges(t *testing.T) {
	folder := t.TempDir()
	certificate, key := filepath.Join(folder, "tls.crt"), filepath.Join(folder, "tls.key")
	writeCertificate(t, certificate, key, "first")
	p := startProcess(t, "--tls-certificate", certificate, "--tls-key", key)
	p.untilReady(t)
	served := func() string {
		connection, err := tls.Dial("tcp", p.address, &tls.Config{InsecureSkipVerify: true}) //nolint:gosec // The test looks at the certificate.
		if err != nil {
			t.Fatalf("connecting: %v", err)
		}
		defer connection.Close()
		return connection.ConnectionState().PeerCertificates[0].Subject.CommonName
	}
	if name := served(); name != "first" {
		t.Errorf("the certificate is %s", name)
	}
	writeCertificate(t, certificate, key, "second")
	eventually(t, "the new certificate is served", func() bool { return served() == "second" })
}

func TestTLSSpeaksHTTP2(t *testing.T) {
	folder := t.TempDir()
	certificate, key := filepath.Join(folder, "tls.crt"), filepath.Join(folder, "tls.key")
	writeCertificate(t, certificate, key, "gateway")
	p := startProcess(t, "--authentication=none", "--namespace=default", "--tls-certificate", certificate, "--tls-key", key)
	p.untilReady(t)
	client := &http.Client{Transport: &http.Transport{ForceAttemptHTTP2: true, TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}} //nolint:gosec // The certificate is not what is tested.
	var body bytes.Buffer
	form := multipart.NewWriter(&body)
	part, err := form.CreateFormFile("file", "a.h5")
	if err == nil {
		_, err = part.Write(make([]byte, 3<<20))
	}
	if err == nil {
		err = form.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	response, err := client.Post("https://"+p.address+"/files", form.FormDataContentType(), &body)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if response.ProtoMajor != 2 || response.StatusCode != http.StatusOK {
		t.Errorf("an upload is answered %s with %s", response.Status, response.Proto)
	}
}

func TestUploadMayEndWhenTheGatewayIsToldTo(t *testing.T) {
	who := newTenant(t)
	p := startProcess(t)
	p.untilReady(t)
	reader, writer := io.Pipe()
	form := multipart.NewWriter(writer)
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+p.address+"/files", reader)
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Content-Type", form.FormDataContentType())
	request.Header.Set("Authorization", "Bearer "+who.token)
	answered := make(chan int, 1)
	go func() {
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			answered <- 0
			return
		}
		_ = response.Body.Close()
		answered <- response.StatusCode
	}()
	part, err := form.CreateFormFile("file", "a.h5")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := part.Write(make([]byte, 1<<20)); err != nil {
		t.Fatal(err)
	}
	if err := p.command.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	eventually(t, "no new requests are sent to it", func() bool {
		response, err := http.Get("http://" + p.management + "/readyz")
		if err != nil {
			t.Fatalf("it does not say that it is not ready: %v", err)
		}
		defer response.Body.Close()
		return response.StatusCode == http.StatusServiceUnavailable
	})
	if _, err := part.Write(make([]byte, 1<<20)); err != nil {
		t.Fatal(err)
	}
	if err := form.Close(); err != nil {
		t.Fatal(err)
	}
	_ = writer.Close()
	if status := <-answered; status != http.StatusOK {
		t.Errorf("the upload is answered %d", status)
	}
	<-p.exited
	if code := p.command.ProcessState.ExitCode(); code != 0 {
		t.Errorf("it ended with %d: %s", code, p.log)
	}
}

func writeCertificate(t *testing.T, certificate, key, name string) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, NotAfter: time.Now().Add(time.Hour), DNSNames: []string{"localhost"}}
	signed, err := x509.CreateCertificate(rand.Reader, template, template, private.Public(), private)
	if err != nil {
		t.Fatal(err)
	}
	encoded, err := x509.MarshalECPrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	for path, block := range map[string]*pem.Block{key: {Type: "EC PRIVATE KEY", Bytes: encoded}, certificate: {Type: "CERTIFICATE", Bytes: signed}} {
		if err := os.WriteFile(path, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}
