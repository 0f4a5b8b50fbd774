package gateway

import (
	"bytes"
	"encoding/json"
	"io"
	"log/slog"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"

	"github.com/swath-dev/swath/internal/config"
	"github.com/swath-dev/swath/internal/gateway"
	"github.com/swath-dev/swath/internal/gateway/access"
	"github.com/swath-dev/swath/internal/gateway/jobs"
	"github.com/swath-dev/swath/internal/storage"
)

// api is a gateway that runs, as one caller sees it.
type api struct {
	t        *testing.T
	url      string
	storage  string
	token    string
	header   http.Header
	document *document
	// namespace is the caller's.
	namespace string
}

// options are what a test may choose of a gateway.
type options struct {
	storage string
	limits  gateway.Limits
	gate    access.Gate
	// stores are others than those of storage.
	stores *gateway.ConfiguredStores
	// patience is for how long storage may give no answer.
	patience time.Duration
	// wrap puts a transport of the test's own between the gateway's jobs and the API server.
	wrap func(http.RoundTripper) http.RoundTripper
}

// startGateway starts a gateway on the shared API server.
func startGateway(t *testing.T, o options) *api {
	t.Helper()
	if o.storage == "" {
		o.storage = "file://" + t.TempDir()
	}
	kubernetesConfig := rest.CopyConfig(adminConfig)
	if o.wrap != nil {
		kubernetesConfig.Wrap(o.wrap)
	}
	known, err := jobs.Open(kubernetesConfig)
	if err != nil {
		t.Fatal(err)
	}
	ran := make(chan error, 1)
	go func() { ran <- known.Run(t.Context()) }()
	t.Cleanup(func() {
		if err := <-ran; err != nil {
			t.Errorf("the cache ended with %v", err)
		}
	})
	if err := known.Ready(t.Context()); err != nil {
		t.Fatal(err)
	}
	if o.gate == nil {
		client, err := kubernetes.NewForConfig(adminConfig)
		if err != nil {
			t.Fatal(err)
		}
		if o.gate, err = access.NewKubernetes(client, audience); err != nil {
			t.Fatal(err)
		}
	}
	if o.stores == nil {
		o.stores = &gateway.ConfiguredStores{Config: &config.Config{Storage: []config.Storage{{URL: o.storage}}}, Patience: o.patience}
	}
	t.Cleanup(o.stores.Close)
	server, err := gateway.New(gateway.Options{
		Jobs: known, Gate: o.gate, Stores: o.stores, Limits: o.limits,
		Log: slog.New(slog.NewTextHandler(t.Output(), nil)), Metrics: prometheus.NewRegistry(), Version: "test",
	})
	if err != nil {
		t.Fatal(err)
	}
	listening := httptest.NewServer(server)
	t.Cleanup(listening.Close)
	return &api{t: t, url: listening.URL, storage: o.storage, header: http.Header{}, document: readDocument(t, server.OpenAPI())}
}

// as is the same gateway for another caller.
func (a *api) as(who tenant) *api {
	other := *a
	other.token, other.namespace = who.token, who.namespace
	other.header = http.Header{}
	return &other
}

// has puts files with the given IDs into the storage of the caller's namespace.
func (a *api) has(ids ...string) *api {
	a.t.Helper()
	store, err := storage.Open(a.t.Context(), a.storage, a.namespace)
	if err != nil {
		a.t.Fatal(err)
	}
	defer store.Close()
	for _, id := range ids {
		if _, err := store.PutFile(a.t.Context(), id, id+".h5", strings.NewReader(id), time.Now()); err != nil {
			a.t.Fatal(err)
		}
	}
	return a
}

// with is the same caller with another header.
func (a *api) with(name, value string) *api {
	other := *a
	other.header = a.header.Clone()
	other.header.Set(name, value)
	return &other
}

// answer is what a call was answered.
type answer struct {
	status int
	header http.Header
	body   string
}

// decode reads a JSON answer of status 200.
func decode[T any](t *testing.T, got answer) T {
	t.Helper()
	var value T
	if got.status != http.StatusOK {
		t.Fatalf("answered %d %s", got.status, got.body)
	}
	if err := json.Unmarshal([]byte(got.body), &value); err != nil {
		t.Fatalf("answered %s: %v", got.body, err)
	}
	return value
}

func (a *api) get(path string) answer    { return a.do(http.MethodGet, path, "", nil) }
func (a *api) delete(path string) answer { return a.do(http.MethodDelete, path, "", nil) }
func (a *api) post(path string, body any) answer {
	if text, ok := body.(string); ok {
		return a.do(http.MethodPost, path, "application/json", strings.NewReader(text))
	}
	data, err := json.Marshal(body)
	if err != nil {
		a.t.Fatal(err)
	}
	return a.do(http.MethodPost, path, "application/json", bytes.NewReader(data))
}

// upload uploads a file as the guides do.
func (a *api) upload(filename string, content []byte) answer {
	a.t.Helper()
	var form bytes.Buffer
	writer := multipart.NewWriter(&form)
	part, err := writer.CreateFormFile("file", filename)
	if err == nil {
		_, err = part.Write(content)
	}
	if err == nil {
		err = writer.Close()
	}
	if err != nil {
		a.t.Fatal(err)
	}
	return a.do(http.MethodPost, "/files", writer.FormDataContentType(), &form)
}

func (a *api) do(method, path, contentType string, body io.Reader) answer {
	a.t.Helper()
	request, err := http.NewRequestWithContext(a.t.Context(), method, a.url+path, body)
	if err != nil {
		a.t.Fatal(err)
	}
	request.Header = a.header.Clone()
	if contentType != "" {
		request.Header.Set("Content-Type", contentType)
	}
	if a.token != "" {
		request.Header.Set("Authorization", "Bearer "+a.token)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		a.t.Fatalf("%s %s: %v", method, path, err)
	}
	defer response.Body.Close()
	data, err := io.ReadAll(response.Body)
	if err != nil {
		a.t.Fatalf("%s %s: reading the answer: %v", method, path, err)
	}
	got := answer{status: response.StatusCode, header: response.Header, body: string(bytes.TrimSpace(data))}
	a.document.check(a.t, method, request.URL.Path, got)
	return got
}
