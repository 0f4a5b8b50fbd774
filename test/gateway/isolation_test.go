package gateway

import (
	"archive/zip"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/swath-dev/swath/api/v1alpha1"
	"github.com/swath-dev/swath/internal/contract"
	"github.com/swath-dev/swath/internal/gateway"
	"github.com/swath-dev/swath/internal/gateway/access"
	"github.com/swath-dev/swath/internal/storage"
)

const tenantsSecret = "weights that nobody else may see"

// everything is what a tenant has: a job that has succeeded, its model, its results and a file.
type everything struct{ job, model, results, file string }

func newEverything(t *testing.T, a *api, who tenant) everything {
	t.Helper()
	file := decode[gateway.File](t, a.as(who).upload("secret.h5", []byte(tenantsSecret)))
	job := kubectlJob(t, who.namespace, "job", nil)
	id := contract.JobID(string(job.UID))
	store, err := storage.Open(t.Context(), a.storage, who.namespace)
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	parts := []storage.Part{{Name: "model.onnx", Content: []byte(tenantsSecret)}}
	if _, err := store.CommitModel(t.Context(), contract.ModelID(id), parts, []byte("{}")); err != nil {
		t.Fatal(err)
	}
	if _, err := store.PutFile(t.Context(), contract.ResultsFileID(id), "results.csv", strings.NewReader("epoch,loss\n1,0.5\n"), time.Now()); err != nil {
		t.Fatal(err)
	}
	record(t, job, func(status *v1alpha1.TrainingJobStatus) {
		status.Phase, status.TrainedModel, status.ResultsFile = v1alpha1.PhaseSucceeded, contract.ModelID(id), contract.ResultsFileID(id)
	})
	return everything{job: id, model: contract.ModelID(id), results: contract.ResultsFileID(id), file: file.ID}
}

func TestTenantsDoNotSeeEachOther(t *testing.T) {
	one, two := newTenant(t), newTenant(t)
	a := startGateway(t, options{})
	has := newEverything(t, a, one)
	const noJob, noFile, noModel = "Training job not found", "File not found", "Model not found"
	paths := map[string]string{
		"/training/jobs/" + has.job:                         noJob,
		"/training/jobs/" + has.job + "/progress":           noJob,
		"/training/jobs/" + has.job + "/events":             noJob,
		"/training/jobs/" + has.job + "/results":            noJob,
		"/training/jobs/" + has.job + "/results?format=csv": noJob,
		"/files/" + has.file:                                noFile,
		"/files/" + has.file + "/content":                   noFile,
		"/files/" + has.results:                             noFile,
		"/files/" + has.results + "/content":                noFile,
		"/models/" + has.model:                              noModel,
		"/models/" + has.model + "/content":                 noModel,
		"/models/" + has.model + "/content?part=model.onnx": noModel,
	}
	ownerSeesAll := func(when string) {
		t.Helper()
		for path := range paths {
			if got := a.as(one).get(path); got.status != http.StatusOK {
				t.Errorf("%s, the owner is answered %s with %d %.200s", when, path, got.status, got.body)
			}
		}
	}
	eventually(t, "the owner's model is there", func() bool { return a.as(one).get("/models/"+has.model).status == http.StatusOK })
	ownerSeesAll("at first")
	archive := a.as(one).get("/models/" + has.model + "/content")
	if content := partOf(t, archive.body, "model.onnx"); content != tenantsSecret {
		t.Errorf("the owner's archive has the weights %q", content)
	}
	for path, detail := range paths {
		got := a.as(two).get(path)
		if got.status != http.StatusNotFound || got.body != `{"detail":"`+detail+`"}` || strings.Contains(got.body, tenantsSecret) {
			t.Errorf("another tenant is answered %s with %d %.200s", path, got.status, got.body)
		}
	}
	for path, detail := range map[string]string{"/training/jobs/" + has.job: noJob, "/files/" + has.file: noFile, "/models/" + has.model: noModel,
		"/files/..%2F" + one.namespace + "%2Ffiles%2F" + has.file: noFile, "/models/..%2F" + one.namespace + "%2Fmodels%2F" + has.model: noModel,
	} {
		if got := a.as(two).delete(path); got.status != http.StatusNotFound || got.body != `{"detail":"`+detail+`"}` {
			t.Errorf("deleting %s as another tenant is answered %d %s", path, got.status, got.body)
		}
	}
	inference := `{"model":"` + has.model + `","images":[{"gsd":10,"bands":["red"],"pixels":[[` + strings.TrimSuffix(strings.Repeat(`[1,1,1,1,1,1,1,1],`, 8), ",") + `]]}]}`
	if got := a.as(two).post("/inference", inference); got.status != http.StatusNotFound || got.body != `{"detail":"`+noModel+`"}` {
		t.Errorf("inferring with another's model is answered %d %s", got.status, got.body)
	}
	for _, list := range []string{"/files", "/training/jobs", "/training/jobs?after=" + has.job} {
		got := a.as(two).get(list)
		if list == "/training/jobs?after="+has.job {
			if got.status != http.StatusBadRequest {
				t.Errorf("%s is answered %d %s", list, got.status, got.body)
			}
			continue
		}
		if page := decode[gateway.Page[json.RawMessage]](t, got); len(page.Data) != 0 {
			t.Errorf("another tenant is listed %s: %s", list, page.Data)
		}
	}
	ownerSeesAll("after all that")
}

// partOf is the content of a part of an archive.
func partOf(t *testing.T, archive, name string) string {
	t.Helper()
	reader, err := zip.NewReader(strings.NewReader(archive), int64(len(archive)))
	if err != nil {
		t.Fatalf("reading the archive: %v", err)
	}
	file, err := reader.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	content, err := io.ReadAll(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}

func TestAnothersNamespaceIsForThoseWhoMay(t *testing.T) {
	one, two := newTenant(t), newTenant(t)
	a := startGateway(t, options{})
	file := decode[gateway.File](t, a.as(one).upload("secret.h5", []byte(tenantsSecret)))
	there := a.as(two).with(access.NamespaceHeader, one.namespace)
	for what, got := range map[string]answer{"getting": there.get("/files/" + file.ID), "deleting": there.delete("/files/" + file.ID), "listing": there.get("/files"), "uploading": there.upload("a", []byte("x"))} {
		if got.status != http.StatusForbidden {
			t.Errorf("%s in another's namespace is answered %d %s", what, got.status, got.body)
		}
	}
	allow(t, one.namespace, two.namespace, "get")
	eventually(t, "who may work in another's namespace names it in the header", func() bool { return there.get("/files/"+file.ID).status == http.StatusOK })
	if got := there.delete("/files/" + file.ID); got.status != http.StatusForbidden {
		t.Errorf("deleting with the right to get is answered %d %s", got.status, got.body)
	}
}
