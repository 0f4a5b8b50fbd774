package gateway

import (
	"context"
	"net/http"
	"path/filepath"
	"strings"
	"testing"

	"github.com/swath-dev/swath/internal/config"
	"github.com/swath-dev/swath/internal/gateway"
	"github.com/swath-dev/swath/internal/storage"
)

// A new team with an old name sees nothing of what the namespace before it has left, until it is handed over.
func TestStorageOfAnEarlierNamespaceIsNotHandedOut(t *testing.T) {
	who := newTenant(t)
	url := "file://" + filepath.ToSlash(t.TempDir())
	uid := "uid-of-the-first"
	gatewayOf := func() *api {
		return startGateway(t, options{storage: url, stores: &gateway.ConfiguredStores{
			Config: &config.Config{Storage: []config.Storage{{URL: url}}},
			Owner:  func(context.Context, string) (string, error) { return uid, nil },
		}}).as(who)
	}
	a := gatewayOf()
	file := decode[gateway.File](t, a.upload("a.h5", []byte("secret")))
	_, model := committed(t, a, "job", "succeeded")
	calls := func(a *api) map[string]answer {
		return map[string]answer{
			"a list of files": a.get("/files"), "a file": a.get("/files/" + file.ID), "its content": a.get("/files/" + file.ID + "/content"),
			"a deletion": a.delete("/files/" + file.ID), "an upload": a.upload("b.h5", []byte("x")), "a list of models": a.get("/models"),
			"a model": a.get("/models/" + model), "its parts": a.get("/models/" + model + "/content"),
			"a new job":                    a.post("/training/jobs", `{"task":"classification","training_file":"`+file.ID+`"}`),
			"a new job that is sent again": a.with("Idempotency-Key", "a-key").post("/training/jobs", `{"task":"classification","training_file":"`+file.ID+`"}`),
		}
	}
	uid = "uid-of-the-second"
	for where, a := range map[string]*api{"a replica that has served the first": a, "a new replica": gatewayOf()} {
		for what, got := range calls(a) {
			if got.status != http.StatusForbidden || !strings.Contains(got.body, "earlier namespace") || strings.Contains(got.body, "secret") {
				t.Errorf("%s: %s is answered %d %s", where, what, got.status, got.body)
			}
		}
	}
	store, err := storage.Open(t.Context(), url, who.namespace)
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	if err := store.HandOver(t.Context(), uid); err != nil {
		t.Fatal(err)
	}
	if got := a.get("/files/" + file.ID + "/content"); got.body != "secret" {
		t.Errorf("once it is handed over: %d %s", got.status, got.body)
	}
}

// What was stored before storage had owners stays reachable: it becomes the namespace's that is there.
func TestStorageFromBeforeThereWereOwnersStaysReachable(t *testing.T) {
	who := newTenant(t)
	url := "file://" + filepath.ToSlash(t.TempDir())
	before := startGateway(t, options{storage: url}).as(who)
	file := decode[gateway.File](t, before.upload("a.h5", []byte("chips")))
	after := startGateway(t, options{storage: url, stores: &gateway.ConfiguredStores{
		Config: &config.Config{Storage: []config.Storage{{URL: url}}},
		Owner:  func(context.Context, string) (string, error) { return "uid", nil },
	}}).as(who)
	if got := after.get("/files/" + file.ID + "/content"); got.body != "chips" {
		t.Errorf("answered %d %s", got.status, got.body)
	}
}

func TestAJobOfANamespaceWithoutStorageIsRefusedAtOnce(t *testing.T) {
	a := startGateway(t, options{stores: &gateway.ConfiguredStores{Config: &config.Config{}}}).as(newTenant(t))
	if got := a.post("/training/jobs", guideRequest); got.status != http.StatusForbidden || !strings.Contains(got.body, "has no storage") {
		t.Errorf("answered %d %s", got.status, got.body)
	}
}
