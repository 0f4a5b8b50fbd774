package lifecycle_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/swath-dev/swath/api/v1alpha1"
	"github.com/swath-dev/swath/internal/contract"
	"github.com/swath-dev/swath/internal/lifecycle"
)

// inEpoch38 is a job whose trainer was last asked in epoch 38 of 45.
func inEpoch38() *v1alpha1.TrainingJob {
	job := withFiles(makeJob())
	job.Status.Starts = 1
	job.Status.Progress = &v1alpha1.Progress{
		Summary: "epoch 38/45, mean IoU 0.912", Epoch: 38, Epochs: 45, Step: 760, Steps: 900,
		Metrics:             map[string]string{contract.MetricValidMeanIoU: "0.912", contract.MetricLoss: "0.25"},
		EstimatedFinishedAt: &metav1.Time{Time: start.Add(time.Minute)}, UpdatedAt: &metav1.Time{Time: start},
	}
	return job
}

// decideEnd decides on a train Pod that has ended with the message, and decides again
// on what was recorded: that has to change nothing.
func decideEnd(t *testing.T, job *v1alpha1.TrainingJob, code int32, m contract.Message) v1alpha1.TrainingJobStatus {
	t.Helper()
	m.Job, m.Start, m.Stage = job.Status.ID, 1, contract.StageTrain
	pod := makePod(v1alpha1.RoleTrain, 1)
	pod.Terminal = true
	pod.Stages[contract.StageTrain] = ended(code, encode(m))
	o := observe(job, pod)
	status := lifecycle.Decide(o).Status
	again := job.DeepCopy()
	status.DeepCopyInto(&again.Status)
	o.Job, o.Now = again, o.Now.Add(5*time.Minute)
	if progress := lifecycle.Decide(o).Status.Progress; !progress.UpdatedAt.Equal(status.Progress.UpdatedAt) || progress.Summary != status.Progress.Summary {
		t.Errorf("decided again the progress is %+v, before it was %+v", progress, status.Progress)
	}
	return status
}

// ofTheEnd is what the trainer says of a model whose weights are those of epoch 33.
func ofTheEnd(job *v1alpha1.TrainingJob) contract.Message {
	return contract.Message{
		Model: contract.ModelID(job.Status.ID), Manifest: digest('c'), Summary: "epoch 45/45, mean IoU 0.935 at epoch 33",
		Epoch: 45, Epochs: 45, Step: 900, Steps: 900, BestEpoch: 33,
		Metrics: map[string]float64{contract.MetricValidMeanIoU: 0.9351234567890123, contract.MetricValidLoss: 1e-7},
	}
}

// What was asked for last is not how it ended, and the last epoch is not the model.
func TestAfterTheEndStandsWhatTheTrainerSaidAtTheEnd(t *testing.T) {
	job := inEpoch38()
	m := ofTheEnd(job)
	status := decideEnd(t, job, 0, m)
	if status.Phase != v1alpha1.PhaseSucceeded {
		t.Fatalf("the job is %s", status.Phase)
	}
	p := status.Progress
	if p.Epoch != 45 || p.Epochs != 45 || p.Step != 900 || p.Steps != 900 || p.Summary != m.Summary || p.EstimatedFinishedAt != nil {
		t.Errorf("the progress is %+v", p)
	}
	if status.BestEpoch != 33 || status.ModelDigest != m.Manifest {
		t.Errorf("the model is of epoch %d and has the digest %s", status.BestEpoch, status.ModelDigest)
	}
	// The figures are those of the manifest, digit by digit.
	for name, value := range m.Metrics {
		inManifest, err := json.Marshal(value)
		if err != nil {
			t.Fatal(err)
		}
		if status.Metrics[name] != string(inManifest) {
			t.Errorf("%s is %s, and in the manifest %s", name, status.Metrics[name], inManifest)
		}
	}
	if !maps.Equal(p.Metrics, status.Metrics) || len(p.Metrics) != 2 {
		t.Errorf("the progress has the metrics %v, the model %v", p.Metrics, status.Metrics)
	}
	if !p.UpdatedAt.Equal(&metav1.Time{Time: start.Add(time.Second)}) {
		t.Errorf("the progress is of %s", p.UpdatedAt)
	}
}

// A training that was too short to be asked shows its epochs all the same.
func TestAShortTrainingShowsItsEpochs(t *testing.T) {
	job := inEpoch38()
	job.Status.Progress = nil
	if p := decideEnd(t, job, 0, ofTheEnd(job)).Progress; p == nil || p.Epoch != 45 || len(p.Metrics) != 2 {
		t.Errorf("the progress is %+v", p)
	}
}

// A start that fails says how far it came, too, and has no model's figures.
func TestAStartThatFailsShowsHowFarItCame(t *testing.T) {
	for name, code := range map[string]int32{"for good": contract.ExitNotFinite, "for now": contract.ExitInterrupted} {
		t.Run(name, func(t *testing.T) {
			status := decideEnd(t, inEpoch38(), code, contract.Message{
				Error: "it ended", Summary: "epoch 41/45, mean IoU 0.920", Epoch: 41, Epochs: 45, Step: 830, Steps: 900,
				Metrics: map[string]float64{contract.MetricValidMeanIoU: 0.92}, Hyperparameters: json.RawMessage(`{"epochs":45}`),
			})
			p := status.Progress
			if p.Epoch != 41 || p.Step != 830 || p.Summary != "epoch 41/45, mean IoU 0.920" || p.Metrics[contract.MetricValidMeanIoU] != "0.92" || p.EstimatedFinishedAt != nil {
				t.Errorf("the progress is %+v", p)
			}
			if len(status.Metrics) > 0 || status.ModelDigest != "" || status.BestEpoch != 0 || ptr.Deref(status.Hyperparameters.Epochs, 0) != 45 {
				t.Errorf("the status is %+v", status)
			}
		})
	}
}

// What does not run has no expected end, whether or not it had a last word.
func TestTheExpectedEndGoesWithTheTraining(t *testing.T) {
	cancelled := inEpoch38()
	cancelled.Spec.Cancel = ptr.To(true)
	killed := makePod(v1alpha1.RoleTrain, 1)
	killed.Terminal = true
	killed.Stages[contract.StageTrain] = ended(137, "")
	cases := map[string]struct {
		job  *v1alpha1.TrainingJob
		pods []lifecycle.Pod
	}{
		"cancelled":                {cancelled, nil},
		"killed":                   {inEpoch38(), []lifecycle.Pod{killed}},
		"its next Pod is not here": {inEpoch38(), nil},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			if p := lifecycle.Decide(observe(c.job, c.pods...)).Status.Progress; p.EstimatedFinishedAt != nil || p.Epoch != 38 {
				t.Errorf("the progress is %+v", p)
			}
		})
	}
	runs := makePod(v1alpha1.RoleTrain, 1)
	runs.Stages[contract.StageTrain] = running()
	if p := lifecycle.Decide(observe(inEpoch38(), runs)).Status.Progress; p.EstimatedFinishedAt == nil {
		t.Error("a running training has no expected end")
	}
}

// An image of others may say little: what it was asked stays.
func TestATrainerThatSaysOnlyThatItHasAModel(t *testing.T) {
	job := inEpoch38()
	status := decideEnd(t, job, 0, contract.Message{Model: contract.ModelID(job.Status.ID), Manifest: digest('c')})
	if p := status.Progress; p.Epoch != 38 || p.Metrics[contract.MetricValidMeanIoU] != "0.912" || len(status.Metrics) > 0 || status.BestEpoch != 0 {
		t.Errorf("the progress is %+v, the metrics %v", p, status.Metrics)
	}
}

// warned is the status after validation and after training with these warnings.
func warned(t *testing.T, files, model contract.Message) (after, end v1alpha1.TrainingJobStatus) {
	t.Helper()
	job := makeJob()
	job.Status.Prepares = 1
	files.Job, files.Start, files.Stage = job.Status.ID, 1, contract.StageValidate
	files.Training = &contract.File{SHA256: digest('a'), Samples: 80}
	prepare := makePod(v1alpha1.RolePrepare, 1)
	prepare.Terminal = true
	prepare.Stages[contract.StageValidate] = ended(0, encode(files))
	after = lifecycle.Decide(observe(job, prepare)).Status
	job.Status = *after.DeepCopy()
	job.Status.Starts = 1
	model.Model, model.Manifest, model.Epochs, model.Epoch = contract.ModelID(job.Status.ID), digest('c'), 1, 1
	return after, decideEnd(t, job, 0, model)
}

func manyWarnings(n int) []string {
	warnings := make([]string, n)
	for i := range warnings {
		warnings[i] = fmt.Sprintf("warning %d of the files", i)
	}
	return warnings
}

// Every warning arrives once, whichever stage says it and however its message had to
// shorten it.
func TestWarningsOfFilesAndModelStandInTheStatus(t *testing.T) {
	long := "class 2 has 3 samples only; " + strings.Repeat("get more of them ", 20)
	cases := map[string]struct {
		files, model contract.Message
		after, end   []string
	}{
		"none": {},
		"of the files": {
			files: contract.Message{Warnings: []string{"a", "b"}}, model: contract.Message{Warnings: []string{"a", "b"}},
			after: []string{"a", "b"}, end: []string{"a", "b"},
		},
		"of the model first": {
			files: contract.Message{Warnings: []string{"a"}}, model: contract.Message{Warnings: []string{"not better", "a"}},
			after: []string{"a"}, end: []string{"a", "not better"},
		},
		"cut in one message": {
			files: contract.Message{Warnings: []string{long}}, model: contract.Message{Warnings: []string{"not better", long[:100] + "…"}},
			after: []string{long}, end: []string{long, "not better"},
		},
		"left out, then told": {
			files: contract.Message{WarningCount: 3, Warnings: []string{"a"}}, model: contract.Message{Warnings: []string{"d", "a", "b", "c"}},
			after: []string{"a", "not shown here: 2 more warnings; the log of the stage validate has them"}, end: []string{"a", "d", "b", "c"},
		},
		"told, then left out": {
			files: contract.Message{Warnings: []string{"a", "b"}}, model: contract.Message{WarningCount: 4, Warnings: []string{"c"}},
			after: []string{"a", "b"}, end: []string{"a", "b", "c", "not shown here: 1 more warning; report.html and model.json have them"},
		},
		"more than a status takes": {
			files: contract.Message{Warnings: manyWarnings(40)}, model: contract.Message{Warnings: manyWarnings(40)},
			after: append(manyWarnings(31), "not shown here: 9 more warnings; the log of the stage validate has them"),
			end:   append(manyWarnings(31), "not shown here: 9 more warnings; report.html and model.json have them"),
		},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			after, end := warned(t, c.files, c.model)
			if !slices.Equal(after.Warnings, c.after) {
				t.Errorf("once the files are valid the warnings are %q, want %q", after.Warnings, c.after)
			}
			if !slices.Equal(end.Warnings, c.end) {
				t.Errorf("at the end the warnings are %q, want %q", end.Warnings, c.end)
			}
		})
	}
}
