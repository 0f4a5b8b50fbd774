package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/swath-dev/swath/internal/contract"
	"github.com/swath-dev/swath/internal/storage"
	"github.com/swath-dev/swath/internal/training"
	"github.com/swath-dev/swath/internal/training/manifest"
	"github.com/swath-dev/swath/test/await"
)

const testJob = "trainingjob-abcdefghijkl"

// pod is what a stage finds in its Pod: storage with files, and a file for the termination message.
type pod struct {
	store   *storage.Store
	work    string
	message string
}

func newPod(t *testing.T) *pod {
	t.Helper()
	url := "file://" + t.TempDir()
	t.Setenv(contract.EnvStorageURL, url)
	t.Setenv(contract.EnvStoragePrefix, "tenant")
	t.Setenv(contract.EnvPodUID, "uid-1")
	store, err := storage.Open(t.Context(), url, "tenant")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { store.Close() })
	p := &pod{store, t.TempDir(), filepath.Join(t.TempDir(), "message")}
	if err := os.WriteFile(p.message, []byte("an older message, which is to go"), 0o600); err != nil {
		t.Fatal(err)
	}
	p.upload(t, "file-train", olinda+"classification-train.h5")
	p.upload(t, "file-validation", olinda+"classification-validation.h5")
	return p
}

func (p *pod) upload(t *testing.T, id, path string) {
	t.Helper()
	succeed(t, "upload", path, "--storage", os.Getenv(contract.EnvStorageURL), "--namespace", "tenant", "--id", id)
}

// stage runs a stage and gives its exit code and message.
func (p *pod) stage(t *testing.T, stage contract.Stage, args ...string) (int, contract.Message) {
	t.Helper()
	command := []string{
		"stage", string(stage), "--job", testJob, "--start", "2", "--task", "classification", "--work-dir", p.work,
		"--termination-message-path", p.message, "--listen", "127.0.0.1:0",
	}
	code, _, _ := execute(t, append(command, args...)...)
	m := p.readMessage(t)
	if m.Job != testJob || m.Start != 2 || m.Stage != stage {
		t.Errorf("the message is of job %s, start %d, stage %s", m.Job, m.Start, m.Stage)
	}
	return code, m
}

// readMessage reads the termination message.
func (p *pod) readMessage(t *testing.T) contract.Message {
	t.Helper()
	text, err := os.ReadFile(p.message)
	if err != nil {
		t.Fatal(err)
	}
	m, err := contract.Decode(string(text))
	if err != nil {
		t.Fatalf("the message %q cannot be read: %v", text, err)
	}
	return m
}

var bothFiles = []string{"--training-file", "file-train", "--validation-file", "file-validation"}

func TestTheStagesOfAJob(t *testing.T) {
	p := newPod(t)
	if code, m := p.stage(t, contract.StageDownload, bothFiles...); code != 0 || m.Error != "" {
		t.Fatalf("download ended with %d: %s", code, m.Error)
	}
	code, valid := p.stage(t, contract.StageValidate, bothFiles...)
	if code != 0 || valid.Training == nil || valid.Validation == nil {
		t.Fatalf("validate ended with %d: %+v", code, valid)
	}
	if valid.Training.Samples != 284 || valid.Training.Bytes != 306694 || len(valid.Training.SHA256) != 64 || valid.Validation.Samples != 108 {
		t.Errorf("the files are %+v and %+v", *valid.Training, *valid.Validation)
	}
	var planned struct{ Epochs, BatchSize int }
	if err := json.Unmarshal(valid.Hyperparameters, &planned); err != nil || planned.BatchSize != 32 || planned.Epochs != 45 {
		t.Errorf("before training the hyperparameters are %s (%v)", valid.Hyperparameters, err)
	}
	code, m := p.stage(t, contract.StageTrain, append(bothFiles, "--training-digest", valid.Training.SHA256,
		"--validation-digest", valid.Validation.SHA256, "--hyperparameters", `{"epochs": 3}`)...)
	if code != 0 || m.Model != "model-abcdefghijkl" || m.ResultsFile != "file-abcdefghijkl" || !strings.HasPrefix(m.Summary, "epoch 3/3, accuracy 0.") {
		t.Fatalf("train ended with %d: %+v", code, m)
	}
	var used struct{ Epochs, BatchSize int }
	if err := json.Unmarshal(m.Hyperparameters, &used); err != nil || used.Epochs != 3 || used.BatchSize != 32 {
		t.Errorf("the hyperparameters are %s (%v)", m.Hyperparameters, err)
	}
	standing, err := p.store.ModelManifest(t.Context(), m.Model)
	if err != nil || storage.DigestOf(standing).SHA256 != m.Manifest {
		t.Errorf("the manifest is not the one of the message (%v)", err)
	}
	checkEnd(t, m, standing)
	log, err := p.store.OpenJobObject(t.Context(), testJob, logName(2))
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	if text, err := io.ReadAll(log); err != nil || !strings.Contains(string(text), `"msg":"epoch"`) {
		t.Errorf("the stored log is %q (%v)", text, err)
	}
}

// A trainer of another version that ends later leaves model and results as they are.
func TestAModelThatComesTooLateChangesNothing(t *testing.T) {
	p := newPod(t)
	args := append(bothFiles, "--hyperparameters", `{"epochs": 2}`)
	code, first := p.stage(t, contract.StageTrain, args...)
	if code != contract.ExitOK {
		t.Fatalf("train ended with %d: %+v", code, first)
	}
	results := filepath.Join(t.TempDir(), "results.csv")
	before, err := p.store.FetchFile(t.Context(), first.ResultsFile, results)
	if err != nil {
		t.Fatal(err)
	}
	o := &stageOptions{Args: contract.Args{Job: testJob}}
	late := &training.Outcome{
		Manifest: &manifest.Manifest{ID: first.Model}, ManifestBytes: []byte(`{"formatVersion": 1, "training": {"trainer": "another"}}`), Results: []byte("epoch\n"),
	}
	var conflict *conflictError
	if _, err := o.commit(t.Context(), p.store, late); !errors.As(err, &conflict) {
		t.Errorf("committing: %v", err)
	}
	if after, err := p.store.FetchFile(t.Context(), first.ResultsFile, results); err != nil || after != before {
		t.Errorf("the results are %+v (%v), and were %+v", after, err, before)
	}
}

// A start that overlaps this one removes its checkpoints once its model is stored: a start that finds none looks for the model.
func TestTheModelIsLookedForAgainOnceTheCheckpointsAreRead(t *testing.T) {
	p := newPod(t)
	args := append(bothFiles, "--hyperparameters", `{"epochs": 2}`)
	code, first := p.stage(t, contract.StageTrain, args...)
	if code != contract.ExitOK {
		t.Fatalf("train ended with %d: %+v", code, first)
	}
	var log bytes.Buffer
	o := &stageOptions{
		Args: contract.Args{
			Stage: contract.StageTrain, Job: testJob, Task: "classification", TrainingFile: "file-train", ValidationFile: "file-validation", Hyperparameters: `{"epochs": 2}`,
		},
		workDir: t.TempDir(), address: "127.0.0.1:0", interval: time.Hour, fetched: map[string]storage.Digest{}, log: newStageLog(&log),
	}
	server, err := startServer(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	defer server.stop()
	if err := o.fetch(t.Context(), p.store); err != nil {
		t.Fatal(err)
	}
	session, err := o.prepare(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer session.Close()
	again, err := o.train(t.Context(), p.store, session, server)
	if err != nil || again.Manifest != first.Manifest {
		t.Errorf("it says %+v (%v), want the manifest %s", again, err, first.Manifest)
	}
	if strings.Contains(log.String(), `"msg":"epoch"`) {
		t.Errorf("it trained though the model is there:\n%s", &log)
	}
}

func TestStagesThatCannotSucceedSayWhy(t *testing.T) {
	cases := map[string]struct {
		stage contract.Stage
		args  []string
		code  int
		want  string
	}{
		"a file that is not in storage": {
			contract.StageDownload, []string{"--training-file", "file-none"}, contract.ExitNoFile, "file file-none is not in storage; upload it",
		},
		"a file that has changed": {
			contract.StageTrain, append(bothFiles, "--training-digest", strings.Repeat("0", 64)), contract.ExitChangedFile, "file file-train has changed since it was validated",
		},
		"a file that breaks a rule": {
			contract.StageTrain, []string{"--training-file", "file-broken"}, contract.ExitBadFile, "file-broken: sample 4: the pixel of band",
		},
		"a hyperparameter that there is not": {
			contract.StageTrain, append(bothFiles, "--hyperparameters", `{"epoch": 3}`), contract.ExitUsage, `unknown field "epoch"`,
		},
		"a hyperparameter out of bounds": {
			contract.StageTrain, append(bothFiles, "--hyperparameters", `{"batchSize": 0}`), contract.ExitUsage, "batchSize is 0",
		},
		"an address that is none": {
			contract.StageTrain, append(bothFiles, "--listen", "127.0.0.1:http-none"), contract.ExitUnexpected, "listening for those who ask for progress",
		},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			p := newPod(t)
			p.upload(t, "file-broken", testdata+"hdf5/r_nan_pixel.h5")
			code, m := p.stage(t, c.stage, c.args...)
			if code != c.code || !strings.Contains(m.Error, c.want) {
				t.Errorf("it ended with %d and the message %q, want %d and %q", code, m.Error, c.code, c.want)
			}
			if m.Model != "" || m.Manifest != "" {
				t.Errorf("the message names a model: %+v", m)
			}
		})
	}
}

func TestStorageOfAnEarlierNamespaceIsRefused(t *testing.T) {
	p := newPod(t)
	t.Setenv(contract.EnvNamespaceUID, "uid-of-the-first")
	if code, m := p.stage(t, contract.StageDownload, bothFiles...); code != contract.ExitOK {
		t.Errorf("download of storage that is nobody's ended with %d: %q", code, m.Error)
	}
	if owner, err := p.store.Owner(t.Context()); owner != "" || err != nil {
		t.Errorf("preparing has claimed the storage for %q (%v)", owner, err)
	}
	if code, m := p.stage(t, contract.StageTrain, append(bothFiles, "--hyperparameters", `{"epochs": 1}`)...); code != contract.ExitOK {
		t.Errorf("train ended with %d: %q", code, m.Error)
	}
	t.Setenv(contract.EnvNamespaceUID, "uid-of-the-second")
	for _, stage := range []contract.Stage{contract.StageDownload, contract.StageTrain} {
		code, m := p.stage(t, stage, bothFiles...)
		if code != contract.ExitNotOwner || !contract.Final(int32(code)) || !strings.Contains(m.Error, "uid-of-the-first") || m.Model != "" {
			t.Errorf("%s ended with %d: %+v", stage, code, m)
		}
	}
}

func TestAMemoryLimitThatIsTooLowIsSaid(t *testing.T) {
	p := newPod(t)
	t.Setenv(contract.EnvMemoryLimit, "50000000")
	code, m := p.stage(t, contract.StageTrain, bothFiles...)
	if code != contract.ExitMemory || !strings.Contains(m.Error, "may use 48 MiB") {
		t.Errorf("it ended with %d: %q", code, m.Error)
	}
}

func TestAnotherModelIsLeftAsItIs(t *testing.T) {
	p := newPod(t)
	manifest := []byte(`{"formatVersion": 1, "training": {"job": "another"}}`)
	if _, err := p.store.CommitModel(t.Context(), contract.ModelID(testJob), nil, manifest); err != nil {
		t.Fatal(err)
	}
	code, m := p.stage(t, contract.StageTrain, bothFiles...)
	standing, err := p.store.ModelManifest(t.Context(), contract.ModelID(testJob))
	if code != contract.ExitConflict || err != nil || !bytes.Equal(standing, manifest) {
		t.Errorf("it ended with %d: %q; the manifest is %q (%v)", code, m.Error, standing, err)
	}
}

// live is standard error of a stage that runs meanwhile.
type live struct {
	mu   sync.Mutex
	text bytes.Buffer
}

// Write implements io.Writer.
func (l *live) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *live) find(pattern *regexp.Regexp) []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return pattern.FindStringSubmatch(l.text.String())
}

// waitFor waits until the stage has written a line.
func (l *live) waitFor(t *testing.T, pattern string) []string {
	t.Helper()
	compiled := regexp.MustCompile(pattern)
	ctx, cancel := context.WithTimeout(t.Context(), await.Patience)
	defer cancel()
	for tick := time.NewTicker(time.Millisecond); ; {
		if found := l.find(compiled); found != nil {
			return found
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			t.Fatalf("the stage never wrote %s:\n%s", pattern, &l.text)
		}
	}
}

func TestProgressAndMetricsAreServedWhileItTrains(t *testing.T) {
	p := newPod(t)
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	var stderr live
	ended := make(chan int)
	go func() {
		ended <- run(ctx, append([]string{
			"stage", "train", "--job", testJob, "--start", "3", "--task", "classification", "--work-dir", p.work,
			"--termination-message-path", p.message, "--listen", "127.0.0.1:0", "--hyperparameters", `{"epochs": 100000}`,
		}, bothFiles...), io.Discard, &stderr)
	}()
	address := stderr.waitFor(t, `"msg":"serving progress","address":"([^"]+)"`)[1]
	stderr.waitFor(t, `"msg":"epoch","epoch":2`)
	progress, err := contract.DecodeProgress(get(t, "http://"+address+contract.ProgressPath))
	if err != nil {
		t.Fatal(err)
	}
	if progress.PodUID != "uid-1" || progress.Job != testJob || progress.Start != 3 || progress.Epochs != 100000 || progress.Epoch < 1 ||
		progress.EstimatedFinishedAt == nil || progress.Metrics[contract.MetricValidAccuracy] == 0 || len(progress.Hyperparameters) == 0 ||
		!strings.HasPrefix(progress.Summary, "epoch ") {
		t.Errorf("got %+v", progress)
	}
	for _, name := range []string{contract.MetricLoss, contract.MetricTrainMacroF1, contract.MetricTrainWeightedF1, contract.MetricTrainWeightedIoU,
		contract.MetricValidMacroF1, contract.MetricValidWeightedF1, contract.MetricValidMeanIoU, contract.MetricValidWeightedIoU} {
		if progress.Metrics[name] <= 0 {
			t.Errorf("%s is %v", name, progress.Metrics[name])
		}
	}
	metrics := string(get(t, "http://"+address+contract.MetricsPath))
	for _, want := range []string{"swath_training_valid_accuracy 0.", "swath_training_train_macro_f1 0.", "swath_training_train_weighted_f1 0.",
		"swath_training_valid_weighted_f1 0.", "swath_training_valid_weighted_iou 0.", "swath_training_loss ", "swath_training_epochs 100000", "swath_training_peak_memory_bytes", "go_goroutines"} {
		if !strings.Contains(metrics, want) {
			t.Errorf("the metrics lack %q", want)
		}
	}
	stop()
	if code := <-ended; code != contract.ExitInterrupted {
		t.Errorf("told to stop it ended with %d, want %d", code, contract.ExitInterrupted)
	}
	if m := p.readMessage(t); m.Epoch < 2 || m.Epochs != 100000 || m.Step == 0 || m.Checkpoint != m.Step || m.Metrics[contract.MetricValidLoss] == 0 || !strings.HasPrefix(m.Summary, "epoch ") || m.Error == "" {
		t.Errorf("told to stop it says %+v", m)
	}
	if objects, err := p.store.JobObjects(t.Context(), testJob); err != nil || len(objects) < 2 || !strings.HasPrefix(objects[0].Key, "checkpoint-") {
		t.Errorf("there is no checkpoint: %v (%v)", objects, err)
	}
}

func get(t *testing.T, url string) []byte {
	t.Helper()
	response, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	data, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode != http.StatusOK {
		t.Fatalf("%s: %s (%v)", url, response.Status, err)
	}
	return data
}
