package gateway

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/swath-dev/swath/internal/config"
	"github.com/swath-dev/swath/internal/contract"
	"github.com/swath-dev/swath/internal/gateway"
	"github.com/swath-dev/swath/test/await"
)

// A tenant may write to its own volume, which the gateway mounts beside those of others and its own token.
func TestVolumeOfATenantLeadsNowhereElse(t *testing.T) {
	one, two := newTenant(t), newTenant(t)
	volumes := t.TempDir()
	token := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(token, []byte(tenantsSecret), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, who := range []tenant{one, two} {
		if err := os.MkdirAll(filepath.Join(volumes, who.namespace, "claim", who.namespace, "files"), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	a := startGateway(t, options{stores: &gateway.ConfiguredStores{VolumesDir: volumes, Config: &config.Config{Storage: []config.Storage{
		{URL: "file:///swath/storage", PersistentVolumeClaim: "claim"},
	}}}})
	file := decode[gateway.File](t, a.as(one).upload("secret.h5", []byte(tenantsSecret)))
	files := filepath.Join(volumes, two.namespace, "claim", two.namespace, "files")
	links := map[string]string{
		"token": token, "other": filepath.Join(volumes, one.namespace, "claim", one.namespace, "files", file.ID), "folder": filepath.Join(volumes, one.namespace),
		"relative": "../../../../" + one.namespace + "/claim/" + one.namespace + "/files/" + file.ID,
	}
	for name, target := range links {
		if err := os.Symlink(target, filepath.Join(files, name)); err != nil {
			t.Fatal(err)
		}
	}
	if err := syscall.Mkfifo(filepath.Join(files, "fifo"), 0o600); err != nil {
		t.Fatal(err)
	}
	links["fifo"] = ""
	begun := time.Now()
	for name := range links {
		for _, got := range []answer{a.as(two).get("/files/" + name), a.as(two).get("/files/" + name + "/content"), a.as(two).delete("/files/" + name)} {
			if got.status != http.StatusNotFound || got.body != `{"detail":"File not found"}` {
				t.Errorf("%s is answered %d %.200s", name, got.status, got.body)
			}
		}
	}
	if took := time.Since(begun); took > await.Patience {
		t.Errorf("answered after %s", took)
	}
	if page := decode[gateway.Page[gateway.File]](t, a.as(two).get("/files")); len(page.Data) != 0 {
		t.Errorf("listed: %v", page.Data)
	}
	if got := a.as(one).get("/files/" + file.ID + "/content"); got.body != tenantsSecret {
		t.Errorf("the file of the other is now %d %s", got.status, got.body)
	}
}

func TestNotesOnFilesAreNoFiles(t *testing.T) {
	a := startGateway(t, options{}).as(newTenant(t))
	file := decode[gateway.File](t, a.upload("a.h5", []byte("chips")))
	path := "/files/" + file.ID + ".json"
	for _, got := range []answer{a.get(path), a.get(path + "/content"), a.delete(path)} {
		if got.status != http.StatusNotFound || got.body != `{"detail":"File not found"}` {
			t.Errorf("answered %d %s", got.status, got.body)
		}
	}
	if got := decode[gateway.File](t, a.get("/files/"+file.ID)); got != file {
		t.Errorf("the file is now %+v", got)
	}
}

func TestJanitorWaitsForNoTenant(t *testing.T) {
	j := newJanitor(t)
	evil, good := newTenant(t), newTenant(t)
	token := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(token, []byte(tenantsSecret), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, who := range []tenant{evil, good} {
		kubectlJob(t, who.namespace, "job", nil)
	}
	model := filepath.Join(j.folder, "bucket", evil.namespace, "models", contract.ModelID("trainingjob-evil"))
	if err := os.MkdirAll(model, 0o755); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{filepath.Join(model, "model.json"), filepath.Join(j.folder, "bucket", evil.namespace, "janitor.json")} {
		if err := syscall.Mkfifo(path, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for name, target := range map[string]string{"model.onnx": token, "folder": filepath.Dir(token)} {
		if err := os.Symlink(target, filepath.Join(model, name)); err != nil {
			t.Fatal(err)
		}
	}
	orphan := filepath.Join(j.folder, "bucket", good.namespace, "jobs", "trainingjob-orphan", "checkpoint")
	if err := os.MkdirAll(filepath.Dir(orphan), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(orphan, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if log, err := j.run(t); err != nil || strings.Contains(log, "model.onnx") {
			t.Fatalf("it ended with %v: %s", err, log)
		}
	}
	if _, err := os.Stat(orphan); !os.IsNotExist(err) {
		t.Errorf("the other namespace was not cleaned: %v", err)
	}
	if data, err := os.ReadFile(token); string(data) != tenantsSecret {
		t.Errorf("the file elsewhere is %q (%v)", data, err)
	}
}
