package gateway

import (
	"bufio"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/swath-dev/swath/internal/gateway"
	"github.com/swath-dev/swath/test/await"
	"github.com/swath-dev/swath/test/s3"
	"github.com/swath-dev/swath/test/volume"
)

func TestStorageThatStopsIsTriedAgainLater(t *testing.T) {
	server := s3.Start(t)
	server.Setenv(t)
	a := startGateway(t, options{storage: server.Bucket(t, "swath")}).as(newTenant(t))
	content := []byte(strings.Repeat("chips", 1000))
	file := decode[gateway.File](t, a.upload("a.h5", content))
	server.Stop()
	for name, got := range map[string]answer{"get": a.get("/files/" + file.ID), "list": a.get("/files"), "upload": a.upload("b.h5", content), "content": a.get("/files/" + file.ID + "/content")} {
		if got.status != http.StatusServiceUnavailable || got.header.Get("Retry-After") == "" || strings.Contains(got.body, "127.0.0.1") {
			t.Errorf("%s while storage is down: %d %s", name, got.status, got.body)
		}
	}
	if got := a.post("/training/jobs", guideRequest); got.status != http.StatusOK {
		t.Errorf("a job can be made all the same: %d %s", got.status, got.body)
	}
	server.Restart(t)
	if got := a.get("/files/" + file.ID + "/content"); got.body != string(content) {
		t.Errorf("once storage is back: %d %.80s", got.status, got.body)
	}
	if page := decode[gateway.Page[gateway.File]](t, a.get("/files")); len(page.Data) != 1 {
		t.Errorf("once storage is back, listed: %v", page.Data)
	}
}

func TestFullStorageIsTold(t *testing.T) {
	folder := volume.Small(t, 4)
	a := startGateway(t, options{storage: "file://" + folder}).as(newTenant(t))
	got := a.upload("large.h5", make([]byte, 8<<20))
	if got.status != http.StatusInsufficientStorage || !strings.Contains(got.body, "full") {
		t.Errorf("answered %d %s", got.status, got.body)
	}
	if left := filesIn(t, folder); len(left) != 0 {
		t.Errorf("left: %v", left)
	}
	if small := a.upload("small.h5", make([]byte, 1<<20)); small.status != http.StatusOK {
		t.Errorf("what fits is answered %d %s", small.status, small.body)
	}
}

func TestSlowSenderIsCutOff(t *testing.T) {
	root := t.TempDir()
	who := newTenant(t)
	a := startGateway(t, options{storage: "file://" + root, limits: gateway.Limits{PaceTime: 300 * time.Millisecond}}).as(who)
	target, err := url.Parse(a.url)
	if err != nil {
		t.Fatal(err)
	}
	connection, err := net.Dial("tcp", target.Host)
	if err != nil {
		t.Fatal(err)
	}
	defer connection.Close()
	fmt.Fprintf(connection, "POST /files HTTP/1.1\r\nHost: %s\r\nAuthorization: Bearer %s\r\nContent-Type: multipart/form-data; boundary=b\r\nContent-Length: 10000000\r\n\r\n"+
		"--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a\"\r\n\r\nsome", target.Host, who.token)
	if err := connection.SetReadDeadline(time.Now().Add(await.Patience)); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(connection).ReadString('\n')
	if err != nil || !strings.Contains(line, "408") {
		t.Errorf("answered %q (%v)", line, err)
	}
	eventually(t, "nothing is left of the upload", func() bool { return len(filesIn(t, root)) == 0 })
}

func TestJobMadeByOneReplicaIsFoundByAnother(t *testing.T) {
	who := newTenant(t)
	one, two := startGateway(t, options{}).as(who).has(guideFile), startGateway(t, options{}).as(who)
	for range 15 {
		made := one.post("/training/jobs", guideRequest)
		id := decode[gatewayJob](t, made).ID
		if got := two.get("/training/jobs/" + id); got.body != made.body {
			t.Fatalf("the other replica answers %d %s", got.status, got.body)
		}
		cancelled := two.delete("/training/jobs/" + id)
		if got := one.get("/training/jobs?limit=100"); !strings.Contains(got.body, cancelled.body) {
			t.Fatalf("once the other replica has cancelled it, listed: %s", got.body)
		}
	}
}
