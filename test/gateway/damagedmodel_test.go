package gateway

import (
	"archive/zip"
	"bytes"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/swath-dev/swath/api/v1alpha1"
	"github.com/swath-dev/swath/internal/contract"
	"github.com/swath-dev/swath/internal/gateway"
	"github.com/swath-dev/swath/internal/storage"
)

// storedAt is where a part of the only model is in the folder of a file:// bucket.
func storedAt(t *testing.T, a *api, part string) string {
	t.Helper()
	found := ""
	err := filepath.WalkDir(strings.TrimPrefix(a.storage, "file://"), func(path string, entry fs.DirEntry, err error) error {
		if err == nil && entry.Name() == part {
			found = path
		}
		return err
	})
	if err != nil || found == "" {
		t.Fatalf("%s is not stored (%v)", part, err)
	}
	return found
}

// rewrite replaces a stored part by what change makes of it.
func rewrite(t *testing.T, a *api, part string, change func([]byte) []byte) {
	t.Helper()
	path := storedAt(t, a, part)
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, change(content), 0o600); err != nil {
		t.Fatal(err)
	}
}

// A wrong model is never handed out as the right one: neither a part of it nor the whole, nor what it predicts.
func TestADamagedModelIsNotHandedOut(t *testing.T) {
	who := newTenant(t)
	a := startGateway(t, options{}).as(who)
	model, folder := trained(t, a, who.namespace, v1alpha1.TaskClassification, "--epochs", "1")
	manifest, err := os.ReadFile(filepath.Join(folder, storage.ManifestName))
	if err != nil {
		t.Fatal(err)
	}
	digest := storage.DigestOf(manifest).SHA256
	job := &v1alpha1.TrainingJob{}
	if err := admin.Get(t.Context(), client.ObjectKey{Namespace: who.namespace, Name: "classification"}, job); err != nil {
		t.Fatal(err)
	}
	record(t, job, func(status *v1alpha1.TrainingJobStatus) { status.ModelDigest = digest })
	content := "/models/" + model + "/content"
	if shown := decode[gateway.Model](t, a.get("/models/"+model)); shown.ManifestSHA256 == nil || *shown.ManifestSHA256 != digest {
		t.Errorf("the model is shown as %+v", shown)
	}
	for _, path := range []string{content + "?part=model.onnx", content + "?part=model.json", content + "?part=report.html"} {
		if got := a.get(path); got.status != http.StatusOK || got.header.Get("Repr-Digest") == "" {
			t.Errorf("%s is answered %d with the digest %q", path, got.status, got.header.Get("Repr-Digest"))
		}
	}
	infer := map[string]any{"model": model, "images": imagesOf(t, olinda(t, "landcover-classification-validation.h5"))[:1]}

	original := []byte{}
	rewrite(t, a, "model.onnx", func(data []byte) []byte {
		original = bytes.Clone(data)
		data[len(data)/2] ^= 1
		return data
	})
	wantDamaged(t, a.get(content+"?part=model.onnx"), "model.onnx is damaged: its SHA-256 is ")
	wantDamaged(t, a.get(content), "model.onnx is damaged")
	wantDamaged(t, a.post("/inference", infer), "model.onnx is damaged")
	if got := a.get(content + "?part=report.html"); got.status != http.StatusOK {
		t.Errorf("a part that is whole is answered %d %s", got.status, got.body)
	}
	rewrite(t, a, "model.onnx", func([]byte) []byte { return original[:100] })
	wantDamaged(t, a.get(content+"?part=model.onnx"), "model.onnx is damaged: it has 100 bytes and should have ")
	rewrite(t, a, "model.onnx", func([]byte) []byte { return original })
	if got := a.post("/inference", infer); got.status != http.StatusOK {
		t.Errorf("once it is whole again inference is answered %d %s", got.status, got.body)
	}
	rewrite(t, a, "model.json", func(data []byte) []byte { return append(data, '\n') })
	for _, path := range []string{content, content + "?part=model.json", content + "?part=model.onnx"} {
		wantDamaged(t, a.get(path), "model.json is damaged")
	}
	rewrite(t, a, "model.json", func([]byte) []byte { return manifest })
	if err := os.Remove(storedAt(t, a, "report.html")); err != nil {
		t.Fatal(err)
	}
	wantDamaged(t, a.get(content), "report.html is damaged: it is not in storage")
}

func wantDamaged(t *testing.T, got answer, want string) {
	t.Helper()
	if got.status != http.StatusInternalServerError || !strings.Contains(got.body, "is not what training stored: "+want) {
		t.Errorf("a damaged model is answered %d %.300s, want %q", got.status, got.body, want)
	}
}

// Models of jobs that ended before there were digests, and those of other trainers, which list no parts, are handed out as
// they are.
func TestAModelWithoutADigestIsHandedOut(t *testing.T) {
	who := newTenant(t)
	a := startGateway(t, options{}).as(who)
	job := kubectlJob(t, who.namespace, "job", nil)
	model := contract.ModelID(contract.JobID(string(job.UID)))
	store, err := storage.Open(t.Context(), a.storage, who.namespace)
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	if _, err := store.CommitModel(t.Context(), model, []storage.Part{{Name: "weights.pt", Content: []byte("weights")}}, []byte(`{"framework":"another"}`)); err != nil {
		t.Fatal(err)
	}
	record(t, job, func(status *v1alpha1.TrainingJobStatus) {
		status.Phase, status.TrainedModel = v1alpha1.PhaseSucceeded, model
	})
	if shown := decode[gateway.Model](t, a.get("/models/"+model)); shown.ManifestSHA256 != nil {
		t.Errorf("the model is shown as %+v", shown)
	}
	if got := a.get("/models/" + model + "/content?part=weights.pt"); got.body != "weights" {
		t.Errorf("its part is answered %d %s", got.status, got.body)
	}
	whole := a.get("/models/" + model + "/content")
	archive, err := zip.NewReader(strings.NewReader(whole.body), int64(len(whole.body)))
	if err != nil || len(archive.File) != 2 {
		t.Errorf("the whole is answered %d with %v", whole.status, err)
	}
}

// A tenant may write to its storage itself. What it spoils there is no reason to hide its other models.
func TestModelsThatAreSpoiltInStorageAreLeftOutOfTheList(t *testing.T) {
	who := newTenant(t)
	a := startGateway(t, options{}).as(who)
	store, err := storage.Open(t.Context(), a.storage, who.namespace)
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	for _, model := range []string{"model-a", "model-b", "model-c", "model-d"} {
		if _, err := store.CommitModel(t.Context(), model, nil, []byte("{}")); err != nil {
			t.Fatal(err)
		}
		if err := store.PutCatalogEntry(t.Context(), storage.CatalogEntry{Model: model, Task: "segmentation"}); err != nil {
			t.Fatal(err)
		}
	}
	folder := filepath.Join(strings.TrimPrefix(a.storage, "file://"), who.namespace)
	for path, content := range map[string][]byte{
		"catalog/model-a.json": []byte("no entry"), "catalog/model-b.json": []byte(`{"model":"model-d"}`), "models/model-c/model.json": bytes.Repeat([]byte(" "), 5<<20),
	} {
		if err := os.WriteFile(filepath.Join(folder, path), content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, query := range []string{"", "?after=model-a", "?limit=1"} {
		got := a.get("/models" + query)
		if got.status != http.StatusOK {
			t.Errorf("GET /models%s is answered %d %s", query, got.status, got.body)
			continue
		}
		if page := decode[gateway.Page[gateway.Model]](t, got); len(page.Data) != 1 || page.Data[0].ID != "model-d" || page.HasMore {
			t.Errorf("GET /models%s lists %+v", query, page)
		}
	}
	for _, model := range []string{"model-a", "model-b", "model-c"} {
		if got := a.get("/models/" + model); got.status != http.StatusInternalServerError || !strings.Contains(got.body, "an object is not Swath's") {
			t.Errorf("%s is answered %d %s", model, got.status, got.body)
		}
	}
}
