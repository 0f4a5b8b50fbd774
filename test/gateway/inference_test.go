package gateway

import (
	"encoding/json"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/swath-dev/swath/api/v1alpha1"
	"github.com/swath-dev/swath/hack/cluster/repo"
	"github.com/swath-dev/swath/internal/contract"
	"github.com/swath-dev/swath/internal/dataset"
	"github.com/swath-dev/swath/internal/gateway"
	"github.com/swath-dev/swath/internal/storage"
	"github.com/swath-dev/swath/test/programs"
)

func olinda(t *testing.T, name string) string {
	t.Helper()
	root, err := repo.Root()
	if err != nil {
		t.Fatal(err)
	}
	return filepath.Join(root, "test", "testdata", "olinda", name)
}

// trained is a model that a job in the namespace has trained, and the folder that the trainer wrote.
func trained(t *testing.T, a *api, namespace string, task v1alpha1.Task, arguments ...string) (model, folder string) {
	t.Helper()
	folder = filepath.Join(t.TempDir(), "model")
	arguments = append([]string{"train", "--task", string(task), "--training-file", olinda(t, "landcover-"+string(task)+"-train.h5"), "--output", folder}, arguments...)
	if output, err := exec.CommandContext(t.Context(), programs.Trainer(t), arguments...).CombinedOutput(); err != nil {
		t.Fatalf("training: %v\n%s", err, output)
	}
	job := kubectlJob(t, namespace, strings.ToLower(string(task)), func(job *v1alpha1.TrainingJob) {
		job.Spec.Task = task
		if task == v1alpha1.TaskSegmentation {
			classes := int32(3)
			job.Spec.Hyperparameters = &v1alpha1.Hyperparameters{NumClasses: &classes}
		}
	})
	model = contract.ModelID(contract.JobID(string(job.UID)))
	commit(t, a, namespace, model, folder)
	if got := a.get("/models/" + model); got.status != http.StatusNotFound {
		t.Errorf("a model that no job names is answered %d %s", got.status, got.body)
	}
	record(t, job, func(status *v1alpha1.TrainingJobStatus) {
		status.Phase, status.TrainedModel = v1alpha1.PhaseSucceeded, model
	})
	return model, folder
}

// commit stores the folder that the trainer wrote as a model.
func commit(t *testing.T, a *api, namespace, model, folder string) {
	t.Helper()
	store, err := storage.Open(t.Context(), a.storage, namespace)
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	entries, err := os.ReadDir(folder)
	if err != nil {
		t.Fatal(err)
	}
	var parts []storage.Part
	var manifest []byte
	for _, entry := range entries {
		content, err := os.ReadFile(filepath.Join(folder, entry.Name()))
		if err != nil {
			t.Fatal(err)
		}
		switch entry.Name() {
		case storage.ManifestName:
			manifest = content
		case "results.csv": // A stage stores it as a file.
		default:
			parts = append(parts, storage.Part{Name: entry.Name(), Content: content})
		}
	}
	if _, err := store.CommitModel(t.Context(), model, parts, manifest); err != nil {
		t.Fatal(err)
	}
}

// imagesOf are the chips of a file as the guides send them.
func imagesOf(t *testing.T, path string) []map[string]any {
	t.Helper()
	file, err := dataset.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	reader, side := file.NewReader(), file.Side()
	var images []map[string]any
	for i := range file.Len() {
		var sample dataset.Sample
		if err := reader.ReadSample(i, &sample); err != nil {
			t.Fatal(err)
		}
		values := make([][][]float32, len(sample.Bands))
		for band := range values {
			for y := range side {
				start := (band*side + y) * side
				values[band] = append(values[band], append([]float32(nil), sample.Pixels[start:start+side]...))
			}
		}
		images = append(images, map[string]any{
			"gsd": 28.5, "bands": append([]string(nil), sample.Bands...), "pixels": values,
			"platform": nil, "wavelengths": nil, "point": []float64{-8, -34.8}, "timestamp": 1722451316,
		})
	}
	return images
}

func TestInferenceGivesWhatTrainerPredictGives(t *testing.T) {
	who := newTenant(t)
	a := startGateway(t, options{}).as(who)
	for task, arguments := range map[v1alpha1.Task][]string{
		v1alpha1.TaskClassification: {"--epochs", "2"},
		v1alpha1.TaskSegmentation:   {"--epochs", "1", "--num-classes", "3"},
	} {
		t.Run(string(task), func(t *testing.T) {
			model, folder := trained(t, a, who.namespace, task, arguments...)
			validation := olinda(t, "landcover-"+string(task)+"-validation.h5")
			want, err := exec.CommandContext(t.Context(), programs.Trainer(t), "predict", "--model", folder, "-o", "json", validation).Output()
			if err != nil {
				t.Fatalf("trainer predict: %v", err)
			}
			images := imagesOf(t, validation)
			for range 2 { // The second time from memory.
				got := a.post("/inference", map[string]any{"model": model, "images": images})
				if got.status != http.StatusOK || got.body != strings.TrimSpace(string(want)) {
					t.Errorf("answered %d %.200s, and trainer predict %.200s", got.status, got.body, want)
				}
			}
			shown := decode[gateway.Model](t, a.get("/models/"+model))
			if shown.Task != task || shown.ID != model || shown.Bytes == 0 {
				t.Errorf("the model is shown as %+v", shown)
			}
			if part := a.get("/models/" + model + "/content?part=model.json"); part.status != http.StatusOK || !json.Valid([]byte(part.body)) {
				t.Errorf("its manifest is answered %d", part.status)
			}
			if archive := a.get("/models/" + model + "/content"); archive.status != http.StatusOK || !strings.HasPrefix(archive.body, "PK") {
				t.Errorf("its archive is answered %d", archive.status)
			}
		})
	}
}

// What differs from the training data is said, and the prediction made all the same.
func TestInferenceWarnsOfWhatTheModelDoesNotKnow(t *testing.T) {
	who := newTenant(t)
	a := startGateway(t, options{}).as(who)
	model, _ := trained(t, a, who.namespace, v1alpha1.TaskClassification, "--epochs", "1")
	for name, test := range map[string]struct {
		change func(image map[string]any, pixels [][][]float32)
		want   string
	}{
		"as it was":                      {func(map[string]any, [][][]float32) {}, ""},
		"another ground sample distance": {func(image map[string]any, _ [][][]float32) { image["gsd"] = 10 }, "the ground sample distance of 20 of 20 images (first: image 0) is 10 m, and the model was trained at 28.5 m"},
		"other units": {func(_ map[string]any, pixels [][][]float32) {
			for _, rows := range pixels {
				for _, row := range rows {
					for x := range row {
						row[x] /= 255
					}
				}
			}
		}, "other units?"},
		"no data": {func(_ map[string]any, pixels [][][]float32) { pixels[1][2][3] = -9999 }, `-9999 stands in 20 of 20 images (first: image 0), 20 times, first in band "green"`},
	} {
		t.Run(name, func(t *testing.T) {
			images := imagesOf(t, olinda(t, "landcover-classification-validation.h5"))[:20]
			for _, image := range images {
				pixels, ok := image["pixels"].([][][]float32)
				if !ok {
					t.Fatalf("pixels are %T", image["pixels"])
				}
				test.change(image, pixels)
			}
			got := a.post("/inference", map[string]any{"model": model, "images": images})
			var answer struct {
				Labels   []int    `json:"labels"`
				Warnings []string `json:"warnings"`
			}
			if err := json.Unmarshal([]byte(got.body), &answer); err != nil || got.status != http.StatusOK || len(answer.Labels) != 20 {
				t.Fatalf("answered %d %.300s", got.status, got.body)
			}
			if text := strings.Join(answer.Warnings, "; "); !strings.Contains(text, test.want) || test.want == "" && text != "" {
				t.Errorf("it warns %q, want %q", text, test.want)
			}
		})
	}
}

func TestBadInferenceIsRefusedAtItsPlace(t *testing.T) {
	who := newTenant(t)
	a := startGateway(t, options{limits: gateway.Limits{InferenceBytes: 1 << 20}}).as(who)
	model, _ := trained(t, a, who.namespace, v1alpha1.TaskClassification, "--epochs", "1")
	rows := func(row string, n int) string { return "[" + strings.TrimSuffix(strings.Repeat(row+",", n), ",") + "]" }
	band := rows(rows("1", 8), 8)
	image := func(bands, pixels, more string) string {
		return `{"model":"` + model + `","images":[{"gsd":28.5,"bands":` + bands + `,"pixels":` + pixels + more + `}]}`
	}
	const names = `["blue","green","red"]`
	for name, test := range map[string]struct {
		body   string
		status int
		want   string
	}{
		"good":             {image(names, rows(band, 3), ""), 200, `{"labels":[`},
		"other order":      {image(`["red","green","blue"]`, rows(band, 3), ""), 200, `{"labels":[`},
		"no model":         {`{"images":[]}`, 422, `["body","model"]`},
		"no images":        {`{"model":"m"}`, 422, `["body","images"]`},
		"empty":            {`{"model":"m","images":[]}`, 422, `too_short`},
		"unknown field":    {`{"model":"m","images":[1],"x":1}`, 422, `["body","x"]`},
		"unknown model":    {`{"model":"model-nothing","images":[{}]}`, 404, `Model not found`},
		"path for model":   {`{"model":"../x","images":[{}]}`, 404, `Model not found`},
		"not an image":     {`{"model":"` + model + `","images":[7]}`, 422, `["body","images",0]`},
		"no gsd":           {`{"model":"` + model + `","images":[{"bands":["a"],"pixels":[]}]}`, 422, `["body","images",0,"gsd"]`},
		"other bands":      {image(`["red","green","nir"]`, rows(band, 3), ""), 422, `the model needs blue, green, red`},
		"bands missing":    {image(names, rows(band, 2), ""), 422, `pixels have 2 bands and bands name 3`},
		"not square":       {image(names, rows(rows(rows("1", 8), 16), 3), ""), 422, `pixels should be square`},
		"not by 8":         {image(names, rows(rows(rows("1", 9), 9), 3), ""), 422, `divisible by 8`},
		"ragged":           {image(names, `[[[1,2],[1]]]`, ""), 422, `["body","images",0,"pixels",0,1]`},
		"text":             {image(names, `[[[1,"2"]]]`, ""), 422, `["body","images",0,"pixels",0,0,1]`},
		"not finite":       {image(names, `[[[1e39]]]`, ""), 422, `finite_number`},
		"no list":          {image(names, `7`, ""), 422, `["body","images",0,"pixels"]`},
		"extra":            {image(names, rows(band, 3), `,"x":1`), 422, `["body","images",0,"x"]`},
		"point of one":     {image(names, rows(band, 3), `,"point":[1]`), 422, `["body","images",0,"point"]`},
		"meters":           {image(names, rows(band, 3), `,"point":[289000,9120000]`), 422, `["body","images",0,"point",0]`},
		"longitude first":  {image(names, rows(band, 3), `,"point":[139.7,35.6]`), 422, `the latitude should be from -90 to 90 degrees and stand first, and not 139.7`},
		"the pole":         {image(names, rows(band, 3), `,"point":[-90,180]`), 200, `{"labels":[`},
		"no such platform": {image(names, rows(band, 3), `,"platform":"hubble"`), 422, `["body","images",0,"platform"]`},
		"a platform":       {image(names, rows(band, 3), `,"platform":"naip"`), 200, `{"labels":[`},
		"no platform":      {image(names, rows(band, 3), `,"platform":""`), 200, `{"labels":[`},
		"wavelengths":      {image(names, rows(band, 3), `,"wavelengths":[0.48,0.56,0.65]`), 200, `{"labels":[`},
		"nanometres":       {image(names, rows(band, 3), `,"wavelengths":[480,560,650]`), 422, `wavelengths should be in micrometres: 480 looks like nanometres`},
		"too few waves":    {image(names, rows(band, 3), `,"wavelengths":[0.48]`), 422, `there are 1 wavelengths for 3 bands`},
		"no wavelength":    {image(names, rows(band, 3), `,"wavelengths":[0.48,0,0.65]`), 422, `["body","images",0,"wavelengths",1]`},
		"no data":          {image(names, rows(rows(rows("-3.4e38", 8), 8), 3), ""), 422, `["body","images",0,"pixels",0,0,0]`},
		"not JSON":         {`{"model":`, 422, `json_invalid`},
		"too large":        {image(names, rows(band, 3), strings.Repeat(" ", 2<<20)), 413, `larger than`},
	} {
		t.Run(name, func(t *testing.T) {
			if got := a.post("/inference", test.body); got.status != test.status || !strings.Contains(got.body, test.want) {
				t.Errorf("answered %d %.300s", got.status, got.body)
			}
		})
	}
	other := newTenant(t)
	if got := a.as(other).post("/inference", image(names, rows(band, 3), "")); got.status != http.StatusNotFound {
		t.Errorf("another tenant is answered %d %s", got.status, got.body)
	}
	if got := a.delete("/models/" + model); got.status != http.StatusOK {
		t.Errorf("deleting the model is answered %d %s", got.status, got.body)
	}
	if got := a.post("/inference", image(names, rows(band, 3), "")); got.status != http.StatusNotFound {
		t.Errorf("once the model is deleted: %d %s", got.status, got.body)
	}
}
