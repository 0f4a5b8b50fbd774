package lifecycle_test

import (
	"encoding/json"
	"strconv"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/ptr"

	"github.com/swath-dev/swath/api/v1alpha1"
	"github.com/swath-dev/swath/internal/contract"
	"github.com/swath-dev/swath/internal/lifecycle"
)

var start = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

var settings = lifecycle.Settings{
	BackoffInitial: 10 * time.Second, BackoffMax: 10 * time.Minute,
	BlockedTimeout: 10 * time.Minute, LostAfter: 5 * time.Minute, PrepareTimeout: 4 * time.Hour,
}

// makeJob is a classification that was just made.
func makeJob() *v1alpha1.TrainingJob {
	job := &v1alpha1.TrainingJob{
		ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: "ships", UID: "uid-1", Generation: 1, CreationTimestamp: metav1.Time{Time: start}},
		Spec:       v1alpha1.TrainingJobSpec{Task: v1alpha1.TaskClassification, TrainingFile: "file-train"},
	}
	job.Status.ID = contract.JobID(string(job.UID))
	job.Status.ObservedGeneration = -1
	return job
}

// withFiles is a job whose files are valid.
func withFiles(job *v1alpha1.TrainingJob) *v1alpha1.TrainingJob {
	job.Status.Prepares = 1
	job.Status.Files = &v1alpha1.ValidatedFiles{Training: v1alpha1.ValidatedFile{SHA256: digest('a'), Samples: 80}}
	return job
}

func makePod(role string, number int32) lifecycle.Pod {
	name := "ships-" + role + "-" + strconv.Itoa(int(number))
	return lifecycle.Pod{
		Name: name, UID: types.UID(name), Role: role, Number: number, Node: "node-1", ScheduledAt: start,
		HoldsResult: role == v1alpha1.RoleTrain, Stages: map[contract.Stage]lifecycle.Container{},
	}
}

func running() lifecycle.Container {
	return lifecycle.Container{State: lifecycle.Running, StartedAt: start}
}

func ended(code int32, text string) lifecycle.Container {
	return lifecycle.Container{State: lifecycle.Ended, ExitCode: code, Text: text, StartedAt: start, FinishedAt: start.Add(time.Second)}
}

func validMessage(job *v1alpha1.TrainingJob, number int32) string {
	return encode(contract.Message{Job: job.Status.ID, Start: number, Stage: contract.StageValidate, Training: &contract.File{SHA256: digest('a'), Bytes: 9, Samples: 80}})
}

func modelMessage(job *v1alpha1.TrainingJob, number int32) string {
	return encode(contract.Message{Job: job.Status.ID, Start: number, Stage: contract.StageTrain, Model: contract.ModelID(job.Status.ID), Manifest: digest('c')})
}

func encode(m contract.Message) string {
	data, err := json.Marshal(m)
	if err != nil {
		panic(err)
	}
	return string(data)
}

func digest(c byte) string {
	out := make([]byte, 64)
	for i := range out {
		out[i] = c
	}
	return string(out)
}

func observe(job *v1alpha1.TrainingJob, pods ...lifecycle.Pod) lifecycle.Observed {
	return lifecycle.Observed{Now: start.Add(2 * time.Second), Job: job, Pods: pods, Slot: lifecycle.Slot{Granted: true}, Settings: settings}
}

func recordedEnd(job *v1alpha1.TrainingJob, phase v1alpha1.Phase) {
	job.Status.Phase = phase
	job.Status.FinishedAt = ptr.To(metav1.Time{Time: start})
	conditions := map[v1alpha1.Phase]string{
		v1alpha1.PhaseSucceeded: v1alpha1.ConditionComplete, v1alpha1.PhaseFailed: v1alpha1.ConditionFailed, v1alpha1.PhaseCancelled: v1alpha1.ConditionCancelled,
	}
	job.Status.Conditions = []metav1.Condition{{
		Type: conditions[phase], Status: metav1.ConditionTrue, Reason: "Ended", Message: "it ended", ObservedGeneration: job.Generation - 1,
	}}
}
