package gateway

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/swath-dev/swath/api/v1alpha1"
	"github.com/swath-dev/swath/internal/contract"
	"github.com/swath-dev/swath/internal/gateway"
	"github.com/swath-dev/swath/internal/storage"
	"github.com/swath-dev/swath/test/await"
)

// dial opens a connection to the gateway and sends the beginning of a request.
func (a *api) dial(request string, arguments ...any) *net.TCPConn {
	a.t.Helper()
	target, err := url.Parse(a.url)
	if err != nil {
		a.t.Fatal(err)
	}
	connection, err := net.Dial("tcp", target.Host)
	if err != nil {
		a.t.Fatal(err)
	}
	a.t.Cleanup(func() { _ = connection.Close() })
	if err := connection.SetDeadline(time.Now().Add(await.Patience)); err != nil {
		a.t.Fatal(err)
	}
	if _, err := fmt.Fprintf(connection, request, arguments...); err != nil {
		a.t.Fatal(err)
	}
	return connection.(*net.TCPConn)
}

const post = "POST %s HTTP/1.1\r\nHost: gateway\r\nAuthorization: Bearer %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"

// statusOf is the status of the answer on a connection.
func statusOf(t *testing.T, connection net.Conn) int {
	t.Helper()
	response, err := http.ReadResponse(bufio.NewReader(connection), nil)
	if err != nil {
		t.Errorf("reading the answer: %v", err)
		return 0
	}
	defer response.Body.Close()
	return response.StatusCode
}

// untilClosed waits until the gateway closes the connection.
func untilClosed(t *testing.T, connection net.Conn) {
	t.Helper()
	if _, err := io.Copy(io.Discard, connection); errors.Is(err, os.ErrDeadlineExceeded) {
		t.Error("the connection stays open")
	}
}

func TestBodyThatDoesNotComeIsNotWaitedFor(t *testing.T) {
	who := newTenant(t)
	a := startGateway(t, options{limits: gateway.Limits{BodyTime: 300 * time.Millisecond}}).as(who)
	for name, test := range map[string]struct {
		path, token string
		status      int
	}{
		"of a job":                  {"/training/jobs", who.token, http.StatusRequestTimeout},
		"of nobody":                 {"/training/jobs", "wrong", http.StatusUnauthorized},
		"of nobody's file":          {"/files", "wrong", http.StatusUnauthorized},
		"to what is not there":      {"/nothing", "wrong", http.StatusNotFound},
		"of nobody's images":        {"/inference", "", http.StatusUnauthorized},
		"to a path that takes none": {"/training/jobs/trainingjob-a/events", "", http.StatusMethodNotAllowed},
		"of an upload without form": {"/files", who.token, http.StatusUnprocessableEntity},
	} {
		t.Run(name, func(t *testing.T) {
			for _, size := range []int{1000, 10 << 20} {
				connection := a.dial(post, test.path, test.token, size)
				if status := statusOf(t, connection); status != test.status {
					t.Errorf("with %d bytes announced, answered %d", size, status)
				}
				untilClosed(t, connection)
			}
		})
	}
}

func TestCallWithABodyMayTakeLongerThanItsBody(t *testing.T) {
	who := newTenant(t)
	a := startGateway(t, options{limits: gateway.Limits{BodyTime: 500 * time.Millisecond, PaceTime: 500 * time.Millisecond}}).as(who).has(guideFile)
	// The second half of the body comes late, but in time.
	body := guideRequest
	connection := a.dial(post+"%s", "/training/jobs", who.token, len(body), body[:10])
	if _, err := io.WriteString(connection, body[10:]); err != nil {
		t.Fatal(err)
	}
	if status := statusOf(t, connection); status != http.StatusOK {
		t.Errorf("answered %d", status)
	}
}

func TestRequestsOfOneNamespaceAreLimited(t *testing.T) {
	one, two := newTenant(t), newTenant(t)
	a := startGateway(t, options{limits: gateway.Limits{InFlight: 8, InFlightPerNamespace: 2}})
	for range 2 {
		a.as(one).dial(post+"{", "/training/jobs", one.token, 1000)
	}
	eventually(t, "a third request of the namespace is refused", func() bool {
		got := a.as(one).get("/files")
		return got.status == http.StatusTooManyRequests && got.header.Get("Retry-After") != ""
	})
	if got := a.as(two).get("/files"); got.status != http.StatusOK {
		t.Errorf("another namespace is answered %d %s", got.status, got.body)
	}
}

func TestRequestsAtATimeAreLimited(t *testing.T) {
	who := newTenant(t)
	a := startGateway(t, options{limits: gateway.Limits{InFlight: 2, InFlightPerNamespace: 2}}).as(who)
	var waiting []*net.TCPConn
	eventually(t, "with two that wait for their bodies another request is refused", func() bool {
		waiting = append(waiting, a.dial(post+"{", "/training/jobs", who.token, 1000))
		got := a.get("/files")
		return got.status == http.StatusServiceUnavailable && got.header.Get("Retry-After") != ""
	})
	for _, connection := range waiting {
		_ = connection.Close()
	}
	eventually(t, "once the others are gone it is answered", func() bool { return a.get("/files").status == http.StatusOK })
}

// Results that nobody takes: the table is large, and the answer is more than the connection holds.
func TestReceiverOfResultsHasToKeepUp(t *testing.T) {
	who := newTenant(t)
	a := startGateway(t, options{limits: gateway.Limits{PaceTime: time.Second, UploadsPerNamespace: 1}}).as(who)
	job := kubectlJob(t, who.namespace, "job", nil)
	id := contract.JobID(string(job.UID))
	store, err := storage.Open(t.Context(), a.storage, who.namespace)
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	table := "epoch,train_loss\n" + strings.Repeat("1,0.123456789\n", 1<<18)
	if _, err := store.PutFile(t.Context(), contract.ResultsFileID(id), "results.csv", strings.NewReader(table), time.Now()); err != nil {
		t.Fatal(err)
	}
	record(t, job, func(status *v1alpha1.TrainingJobStatus) {
		status.Phase, status.ResultsFile = v1alpha1.PhaseSucceeded, contract.ResultsFileID(id)
	})
	path := "/training/jobs/" + id + "/results"
	connection := a.dial("GET %s HTTP/1.1\r\nHost: gateway\r\nAuthorization: Bearer %s\r\n\r\n", path, who.token)
	if err := connection.SetReadBuffer(64 << 10); err != nil {
		t.Fatal(err)
	}
	begun := make([]byte, len("HTTP/1.1 200"))
	if _, err := io.ReadFull(connection, begun); err != nil || string(begun) != "HTTP/1.1 200" {
		t.Fatalf("answered %q (%v)", begun, err)
	}
	if got := a.get(path + "?format=csv"); got.status != http.StatusTooManyRequests {
		t.Errorf("they do not count as a download: %d", got.status)
	}
	eventually(t, "they are cut off", func() bool { return a.get(path+"?format=csv").status == http.StatusOK })
	if err := connection.SetReadBuffer(1 << 20); err != nil {
		t.Fatal(err)
	}
	if part, _ := io.ReadAll(connection); bytes.Contains(part, []byte("]}\n")) {
		t.Error("what came is the whole")
	}
	connection = a.dial("GET %s HTTP/1.0\r\nHost: gateway\r\nAuthorization: Bearer %s\r\n\r\n", path, who.token)
	whole, err := io.ReadAll(connection)
	if err != nil || bytes.Count(whole, []byte(`{"epoch":1,"train_loss":0.123456789}`)) != 1<<18 || !bytes.HasSuffix(whole, []byte("],\"warnings\":[]}\n")) {
		t.Errorf("one that keeps up is answered %.200s (%d bytes, %v)", whole, len(whole), err)
	}
}

func TestStalledSenderOfImagesKeepsNobodyOut(t *testing.T) {
	one, two := newTenant(t), newTenant(t)
	a := startGateway(t, options{limits: gateway.Limits{InferenceBytes: 8 << 20, InferenceMemory: 64 << 20}})
	model, _ := trained(t, a.as(two), two.namespace, v1alpha1.TaskClassification, "--epochs", "1")
	row := "[" + strings.TrimSuffix(strings.Repeat("1,", 8), ",") + "]"
	band := "[" + strings.TrimSuffix(strings.Repeat(row+",", 8), ",") + "]"
	body := `{"model":"` + model + `","images":[{"gsd":28.5,"bands":["blue","green","red"],"pixels":[` + band + "," + band + "," + band + `]}]}`
	for range 20 {
		a.as(one).dial(post+"{", "/inference", one.token, 8<<20)
	}
	if got := a.as(two).post("/inference", body); got.status != http.StatusOK {
		t.Errorf("another tenant is answered %d %s", got.status, got.body)
	}
	if got := a.as(one).post("/inference", body); got.status != http.StatusNotFound {
		t.Errorf("the tenant itself is answered %d %s", got.status, got.body)
	}
}

func TestUploadThatIsAnnouncedTooLargeIsNotReceived(t *testing.T) {
	who := newTenant(t)
	a := startGateway(t, options{limits: gateway.Limits{FileBytes: 1 << 20}}).as(who)
	connection := a.dial("POST /files HTTP/1.1\r\nHost: gateway\r\nAuthorization: Bearer %s\r\nContent-Type: multipart/form-data; boundary=b\r\nContent-Length: %d\r\n\r\n", who.token, 2<<20)
	if status := statusOf(t, connection); status != http.StatusRequestEntityTooLarge {
		t.Errorf("answered %d", status)
	}
}
