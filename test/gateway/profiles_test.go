package gateway

import (
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/swath-dev/swath/internal/config"
	"github.com/swath-dev/swath/internal/gateway"
	"github.com/swath-dev/swath/internal/storage"
	"github.com/swath-dev/swath/test/s3"
)

// With --s3-profiles each namespace has a credential of its own, which is what keeps tenants apart, whatever the gateway does.
func TestProfileOfANamespaceReachesItsOwnBucketOnly(t *testing.T) {
	server := s3.Start(t)
	one, two, misled := newTenant(t), newTenant(t), newTenant(t)
	var profiles strings.Builder
	buckets := map[string]string{}
	for _, who := range []tenant{one, two, misled} {
		server.AddUser(t, who.namespace)
		buckets[who.namespace] = server.BucketOf(t, who.namespace, "of-"+who.namespace)
		fmt.Fprintf(&profiles, "[%s]\naws_access_key_id = %s\naws_secret_access_key = %s\n", who.namespace, who.namespace, s3.SecretOf(who.namespace))
	}
	path := filepath.Join(t.TempDir(), "credentials")
	if err := os.WriteFile(path, []byte(profiles.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("AWS_SHARED_CREDENTIALS_FILE", path)
	// The process has credentials that reach everything: those of the profile win.
	server.Setenv(t)
	a := startGateway(t, options{stores: &gateway.ConfiguredStores{S3Profiles: true, Config: &config.Config{Storage: []config.Storage{
		{URL: buckets[one.namespace], Namespaces: []string{one.namespace, misled.namespace}},
		{URL: buckets[two.namespace], Namespaces: []string{two.namespace}},
	}}}})
	files := map[string]string{}
	for _, who := range []tenant{one, two} {
		files[who.namespace] = decode[gateway.File](t, a.as(who).upload("a.h5", []byte(who.namespace))).ID
		if got := a.as(who).get("/files/" + files[who.namespace] + "/content"); got.body != who.namespace {
			t.Errorf("the file comes back as %d %s", got.status, got.body)
		}
	}
	for what, got := range map[string]answer{"an upload": a.as(misled).upload("a.h5", []byte("x")), "a list": a.as(misled).get("/files")} {
		if got.status != http.StatusInternalServerError || !strings.Contains(got.body, "not configured rightly") {
			t.Errorf("%s in a bucket that the profile does not reach is answered %d %s", what, got.status, got.body)
		}
	}
	store, err := storage.Open(t.Context(), buckets[one.namespace]+"&profile="+two.namespace, one.namespace)
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	_, reading := store.FileInfo(t.Context(), files[one.namespace])
	_, opening := store.OpenFile(t.Context(), files[one.namespace], 0, -1)
	_, _, listing := store.Files(t.Context(), "", 10)
	_, writing := store.PutFile(t.Context(), "file-b", "b.h5", strings.NewReader("x"), time.Now())
	deleting := store.DeleteFile(t.Context(), files[one.namespace])
	for what, err := range map[string]error{"describing": reading, "reading": opening, "listing": listing, "writing": writing, "deleting": deleting} {
		if !errors.Is(err, storage.ErrDenied) {
			t.Errorf("%s with the other namespace's profile: %v", what, err)
		}
	}
	if got := a.as(one).get("/files/" + files[one.namespace] + "/content"); got.body != one.namespace {
		t.Errorf("afterwards the file comes back as %d %s", got.status, got.body)
	}
}
