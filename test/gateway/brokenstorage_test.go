package gateway

import (
	"fmt"
	"io"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/swath-dev/swath/internal/gateway"
	"github.com/swath-dev/swath/test/await"
	"github.com/swath-dev/swath/test/s3"
)

// behindProxy starts a gateway with S3 storage behind a proxy, where each namespace has one transfer at a time.
func behindProxy(t *testing.T, who tenant, patience time.Duration) (*api, *s3.Proxy) {
	t.Helper()
	server := s3.Start(t)
	server.Setenv(t)
	t.Setenv("AWS_MAX_ATTEMPTS", "1") // Trying again takes long, and hides what is tested.
	proxy := server.NewProxy(t)
	url := proxy.URL(t, server.Bucket(t, "swath"))
	return startGateway(t, options{storage: url, patience: patience, limits: gateway.Limits{UploadsPerNamespace: 1}}).as(who), proxy
}

func isStorageUnavailable(got answer) bool {
	return got.status == http.StatusServiceUnavailable && got.header.Get("Retry-After") != "" && strings.Contains(got.body, "storage")
}

func TestStorageThatBreaksWhileItIsReadIsNotTheCallersFault(t *testing.T) {
	who := newTenant(t)
	a, proxy := behindProxy(t, who, 0)
	var table strings.Builder
	table.WriteString("epoch,train_loss\n")
	for epoch := range 200_000 {
		fmt.Fprintf(&table, "%d,0.5\n", epoch)
	}
	file := decode[gateway.File](t, a.upload("results.csv", []byte(table.String())))
	// Wherever it breaks: in the answer on the file, in the one on its note, or in the note.
	told := 0
	for after := int64(1); after < 1500; after += 250 {
		proxy.CutReads(after)
		got := a.get("/files/" + file.ID)
		switch {
		case isStorageUnavailable(got):
			told++
		case got.status != http.StatusOK:
			t.Errorf("cut after %d bytes, answered %d %.200s", after, got.status, got.body)
		}
		proxy.Heal()
	}
	if told == 0 {
		t.Error("storage was never cut off")
	}
	proxy.CutReads(200 << 10)
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, a.url+"/files/"+file.ID+"/content", nil)
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Authorization", "Bearer "+who.token)
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if data, err := io.ReadAll(response.Body); err == nil {
		t.Errorf("%d of %d bytes are taken for the whole", len(data), table.Len())
	}
	proxy.Heal()
	if got := a.get("/files/" + file.ID + "/content"); got.body != strings.TrimSpace(table.String()) {
		t.Errorf("once storage is whole again: %d with %d bytes", got.status, len(got.body))
	}
}

func TestStorageThatBreaksWhileItIsWrittenIsNotTheCallersFault(t *testing.T) {
	a, proxy := behindProxy(t, newTenant(t), 0)
	large := make([]byte, 24<<20)
	proxy.CutWrites(10 << 20)
	if got := a.upload("a.h5", large); !isStorageUnavailable(got) {
		t.Errorf("answered %d %s", got.status, got.body)
	}
	proxy.Heal()
	if page := decode[gateway.Page[gateway.File]](t, a.get("/files")); len(page.Data) != 0 {
		t.Errorf("listed: %v", page.Data)
	}
	if got := a.upload("a.h5", large); got.status != http.StatusOK {
		t.Errorf("once storage is whole again: %d %s", got.status, got.body)
	}
}

func TestStorageThatGivesNoAnswerIsGivenUp(t *testing.T) {
	a, proxy := behindProxy(t, newTenant(t), time.Second)
	large := make([]byte, 24<<20)
	file := decode[gateway.File](t, a.upload("a.h5", large))
	for what, call := range map[string]func() answer{
		"a large upload": func() answer { return a.upload("b.h5", large) },
		"a small upload": func() answer { return a.upload("b.h5", []byte("chips")) },
		"a description":  func() answer { return a.get("/files/" + file.ID) },
		"a list":         func() answer { return a.get("/files") },
		"a download":     func() answer { return a.get("/files/" + file.ID + "/content") },
		"a deletion":     func() answer { return a.delete("/files/" + file.ID) },
	} {
		t.Run(what, func(t *testing.T) {
			proxy.Silence()
			begun := time.Now()
			if got := call(); !isStorageUnavailable(got) || time.Since(begun) > await.Patience {
				t.Errorf("answered %d %s after %s", got.status, got.body, time.Since(begun))
			}
			proxy.Heal()
			// The only slot is free again.
			if got := a.with("Range", "bytes=0-9").get("/files/" + file.ID + "/content"); got.status != http.StatusPartialContent {
				t.Errorf("once it answers again: %d %s", got.status, got.body)
			}
		})
	}
}

func TestVolumeThatIsNotMountedIsNotTheCallersFault(t *testing.T) {
	a := startGateway(t, options{storage: "file://" + filepath.Join(t.TempDir(), "missing")}).as(newTenant(t))
	for what, got := range map[string]answer{"an upload": a.upload("a.h5", []byte("x")), "a list": a.get("/files"), "a file": a.get("/files/file-a")} {
		if got.status != http.StatusInternalServerError || !strings.Contains(got.body, "not configured rightly") {
			t.Errorf("%s is answered %d %s", what, got.status, got.body)
		}
	}
}
