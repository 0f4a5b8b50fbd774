package plugin

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/swath-dev/swath/api/v1alpha1"
	"github.com/swath-dev/swath/internal/contract"
	"github.com/swath-dev/swath/internal/storage"
)

func TestAModelIsListedAndDownloadedOnceItsJobIsGone(t *testing.T) {
	url := "file://" + t.TempDir()
	gateway := startGatewayOn(t, url)
	p := newPerson(t, "get", "list")
	by := []string{"--gateway", gateway}
	if code, stdout, stderr := p.run(append([]string{"models"}, by...)...); code != 0 || stdout != "" || !strings.Contains(stderr, "no models") {
		t.Errorf("without models: exit code %d, printed %s%s", code, stdout, stderr)
	}
	job := p.job("ships", v1alpha1.PhaseRunning, nil)
	model := contract.ModelID(contract.JobID(string(job.UID)))
	store, err := storage.Open(t.Context(), url, p.namespace)
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	if _, err := store.CommitModel(t.Context(), model, []storage.Part{{Name: "model.onnx", Content: []byte("weights")}}, []byte("{}")); err != nil {
		t.Fatal(err)
	}
	p.record(job, v1alpha1.PhaseSucceeded, func(status *v1alpha1.TrainingJobStatus) { status.TrainedModel = model })
	if err := admin.Delete(t.Context(), job); err != nil {
		t.Fatal(err)
	}
	var listed string
	eventually(t, "the model is listed", func() (string, bool) {
		_, stdout, stderr := p.run(append([]string{"models"}, by...)...)
		listed = stdout
		return stdout + stderr, strings.Contains(stdout, model)
	})
	if fields := strings.Fields(listed); len(fields) != 9 || fields[4] != model || fields[5] != "classification" || fields[6] != "9" {
		t.Errorf("listed: %q", listed)
	}
	folder := filepath.Join(t.TempDir(), "model")
	if code, stdout, stderr := p.run(append([]string{"download", model, "-o", folder}, by...)...); code != 0 {
		t.Errorf("downloading it: exit code %d, printed %s%s", code, stdout, stderr)
	}
	if content, err := os.ReadFile(filepath.Join(folder, "model.onnx")); err != nil || string(content) != "weights" {
		t.Errorf("downloaded %q (%v)", content, err)
	}
}
