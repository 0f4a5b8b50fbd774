package integration

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	authenticationv1 "k8s.io/api/authentication/v1"
	authorizationv1 "k8s.io/api/authorization/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	certutil "k8s.io/client-go/util/cert"
	ctrl "sigs.k8s.io/controller-runtime"

	"github.com/swath-dev/swath/internal/manager"
	"github.com/swath-dev/swath/test/programs"
)

const metricsReader = "metrics-reader"

// installSecureMetrics installs the rights of config/prometheus/secure, once.
var installSecureMetrics = sync.OnceValue(func() error {
	for _, name := range []string{"manager_rbac.yaml", "reader.yaml"} {
		if err := install(filepath.Join("..", "..", "config", "prometheus", "secure", name)); err != nil {
			return err
		}
	}
	return nil
})

// grantMetrics installs the rights and waits until the API server knows them: the
// operator remembers a refusal for a while.
func (s *stage) grantMetrics() {
	s.t.Helper()
	if err := installSecureMetrics(); err != nil {
		s.t.Fatal(err)
	}
	reader := "system:serviceaccount:swath-system:" + metricsReader
	for _, right := range []authorizationv1.SubjectAccessReviewSpec{
		{User: operatorUser, ResourceAttributes: &authorizationv1.ResourceAttributes{Group: authenticationv1.GroupName, Resource: "tokenreviews", Verb: "create"}},
		{User: operatorUser, ResourceAttributes: &authorizationv1.ResourceAttributes{Group: authorizationv1.GroupName, Resource: "subjectaccessreviews", Verb: "create"}},
		{User: reader, NonResourceAttributes: &authorizationv1.NonResourceAttributes{Path: "/metrics", Verb: "get"}},
	} {
		s.eventually("the rights of "+right.User+" are there", func() error {
			review := &authorizationv1.SubjectAccessReview{Spec: right}
			if err := cluster.Create(context.Background(), review); err != nil {
				return err
			}
			if !review.Status.Allowed {
				return errNotYet
			}
			return nil
		})
	}
}

// token is a token of the service account.
func (s *stage) token(namespace, account string) string {
	s.t.Helper()
	owner := &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: account}}
	request := &authenticationv1.TokenRequest{}
	if err := cluster.SubResource("token").Create(context.Background(), owner, request); err != nil {
		s.t.Fatalf("asking for a token of %s: %v", account, err)
	}
	return request.Status.Token
}

// serveMetrics runs an operator that serves metrics, and returns its host:port.
func (s *stage) serveMetrics(options manager.Options) string {
	s.t.Helper()
	address := programs.FreeAddress(s.t)
	options.Tune = func(o *ctrl.Options) { o.Metrics.BindAddress = address }
	s.t.Cleanup(s.operator(options))
	return address
}

// scrape asks for metrics, once the operator listens, and returns the status code and
// the body.
func (s *stage) scrape(url, token string, trust *tls.Config) (code int, body string) {
	s.t.Helper()
	transport := &http.Transport{TLSClientConfig: trust}
	defer transport.CloseIdleConnections()
	s.eventually("the operator answers "+url, func() error {
		request, err := http.NewRequest(http.MethodGet, url, nil)
		if err != nil {
			return err
		}
		if token != "" {
			request.Header.Set("Authorization", "Bearer "+token)
		}
		answer, err := transport.RoundTrip(request)
		if err != nil {
			return err
		}
		defer func() { _ = answer.Body.Close() }()
		read, err := io.ReadAll(answer.Body)
		code, body = answer.StatusCode, string(read)
		return err
	})
	return code, body
}

// With the rights that config/prometheus/secure installs, metrics are for those who may
// read them, and for nobody else.
func TestProtectedMetricsAreForThoseWithTheRole(t *testing.T) {
	s := newStage(t, withoutOperator)
	s.grantMetrics()
	s.create(&corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Namespace: s.namespace, Name: "nobody"}})
	address := s.serveMetrics(manager.Options{MetricsSecure: true})
	selfSigned := &tls.Config{InsecureSkipVerify: true}
	for _, c := range []struct {
		who, token string
		want       int
	}{
		{"without a token", "", http.StatusUnauthorized},
		{"with a token and no right", s.token(s.namespace, "nobody"), http.StatusForbidden},
		{"with the role", s.token("swath-system", metricsReader), http.StatusOK},
		// controller-runtime takes an unknown token for an error.
		{"with an unknown token", "unknown", http.StatusInternalServerError},
	} {
		code, body := s.scrape("https://"+address+"/metrics", c.token, selfSigned)
		if code != c.want || isMetrics(body) != (c.want == http.StatusOK) {
			t.Errorf("%s the answer is %d, want %d: %.200s", c.who, code, c.want, body)
		}
	}
	if code, body := s.scrape("http://"+address+"/metrics", "", nil); code != http.StatusBadRequest {
		t.Errorf("without TLS the answer is %d: %.200s", code, body)
	}
}

func TestProtectedMetricsHaveTheCertificateThatIsGiven(t *testing.T) {
	const name = "manager-metrics.swath-system.svc"
	s := newStage(t, withoutOperator)
	folder := t.TempDir()
	certificate, key, err := certutil.GenerateSelfSignedCertKey(name, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	for file, data := range map[string][]byte{corev1.TLSCertKey: certificate, corev1.TLSPrivateKeyKey: key} {
		if err := os.WriteFile(filepath.Join(folder, file), data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	authorities := x509.NewCertPool()
	authorities.AppendCertsFromPEM(certificate)
	address := s.serveMetrics(manager.Options{MetricsSecure: true, MetricsCertPath: folder})
	code, body := s.scrape(fmt.Sprintf("https://%s/metrics", address), "", &tls.Config{RootCAs: authorities, ServerName: name})
	if code != http.StatusUnauthorized {
		t.Errorf("the answer is %d: %.200s", code, body)
	}
}

// Nothing changes for who does not ask for it.
func TestMetricsAreOpenByDefault(t *testing.T) {
	s := newStage(t, withoutOperator)
	address := s.serveMetrics(manager.Options{})
	if code, body := s.scrape("http://"+address+"/metrics", "", nil); code != http.StatusOK || !isMetrics(body) {
		t.Errorf("the answer is %d: %.200s", code, body)
	}
}

// isMetrics reports whether the text is what Prometheus reads.
func isMetrics(text string) bool { return strings.Contains(text, "# TYPE controller_runtime_") }
