package gateway

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	schedulingv1 "k8s.io/api/scheduling/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/swath-dev/swath/api/v1alpha1"
	"github.com/swath-dev/swath/internal/contract"
	"github.com/swath-dev/swath/internal/gateway"
	"github.com/swath-dev/swath/internal/storage"
)

func TestStoryOfAJobIsTold(t *testing.T) {
	who := newTenant(t)
	a := startGateway(t, options{}).as(who)
	job := kubectlJob(t, who.namespace, "job", nil)
	record(t, job, func(status *v1alpha1.TrainingJobStatus) {
		status.Phase = v1alpha1.PhaseRunning
		status.PhaseTimes = []v1alpha1.PhaseTime{
			// The clock of the node that trains is behind that of the one that prepared.
			{Phase: v1alpha1.PhaseQueued, At: metav1.NewTime(time.Unix(1700000100, 0))},
			{Phase: v1alpha1.PhaseRunning, At: metav1.NewTime(time.Unix(1700000000, 0))},
		}
	})
	event := &corev1.Event{
		ObjectMeta:     metav1.ObjectMeta{GenerateName: "job-", Namespace: who.namespace},
		InvolvedObject: corev1.ObjectReference{Kind: "TrainingJob", Namespace: who.namespace, Name: job.Name, UID: job.UID},
		Reason:         "Interrupted", Message: "the node went away", Type: corev1.EventTypeWarning,
		LastTimestamp: metav1.NewTime(time.Unix(1700000200, 0)),
	}
	if err := admin.Create(t.Context(), event); err != nil {
		t.Fatal(err)
	}
	path := "/training/jobs/" + contract.JobID(string(job.UID)) + "/events"
	page := decode[gateway.Page[gateway.Event]](t, a.get(path))
	var told []string
	for _, event := range page.Data {
		told = append(told, event.Level+" "+event.Type+" "+event.Message)
	}
	if got := strings.Join(told, "; "); got != "info status queued; info status running; warn Interrupted the node went away" {
		t.Errorf("told: %s", got)
	}
	rest := decode[gateway.Page[gateway.Event]](t, a.get(path+"?after=status-queued&limit=1"))
	if len(rest.Data) != 1 || rest.Data[0].ID != "status-running" || !rest.HasMore {
		t.Errorf("the next page is %+v", rest)
	}
}

func TestPlaceInTheQueueIsTold(t *testing.T) {
	one, two := newTenant(t), newTenant(t)
	a := startGateway(t, options{})
	urgent := &schedulingv1.PriorityClass{ObjectMeta: metav1.ObjectMeta{GenerateName: "urgent-"}, Value: 1000}
	if err := admin.Create(t.Context(), urgent); err != nil {
		t.Fatal(err)
	}
	modest := &schedulingv1.PriorityClass{ObjectMeta: metav1.ObjectMeta{GenerateName: "modest-"}, Value: 100}
	usual := &schedulingv1.PriorityClass{ObjectMeta: metav1.ObjectMeta{GenerateName: "usual-"}, Value: 500, GlobalDefault: true}
	for _, class := range []*schedulingv1.PriorityClass{modest, usual} {
		if err := admin.Create(t.Context(), class); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = admin.Delete(context.Background(), class) })
	}
	wait := func(who tenant, name string, change func(*v1alpha1.TrainingJob)) *v1alpha1.TrainingJob {
		job := kubectlJob(t, who.namespace, name, change)
		record(t, job, func(status *v1alpha1.TrainingJobStatus) {
			status.Phase = v1alpha1.PhaseQueued
			status.Conditions = []metav1.Condition{{
				Type: v1alpha1.ConditionRunning, Status: metav1.ConditionFalse, Reason: v1alpha1.ReasonWaitingForSlot,
				Message: "2 jobs run already", LastTransitionTime: metav1.Now(),
			}}
		})
		return job
	}
	// The operator gives jobs without a class the cluster's default, and so does the gateway.
	last := wait(one, "v", func(job *v1alpha1.TrainingJob) { job.Spec.Pod = &v1alpha1.PodOptions{PriorityClassName: modest.Name} })
	// By name the order would be another one, and ages are told in whole seconds.
	older := wait(one, "z", nil)
	untilSecondsAfter(t, older.CreationTimestamp.Time, 2)
	job := wait(two, "y", nil)
	untilSecondsAfter(t, job.CreationTimestamp.Time, 2)
	first := wait(two, "x", func(job *v1alpha1.TrainingJob) { job.Spec.Pod = &v1alpha1.PodOptions{PriorityClassName: urgent.Name} })
	place := func(who tenant, job *v1alpha1.TrainingJob) string {
		progress := decode[gateway.Progress](t, a.as(who).get("/training/jobs/"+contract.JobID(string(job.UID))+"/progress"))
		if progress.QueuePosition == nil || *progress.Message != job.Status.Conditions[0].Message {
			return "none"
		}
		return fmt.Sprintf("%d of %d", *progress.QueuePosition, *progress.QueueLength)
	}
	eventually(t, "each job is told its place among those of all tenants, first by priority and then by age", func() bool {
		return place(two, first) == "1 of 4" && place(one, older) == "2 of 4" && place(two, job) == "3 of 4" && place(one, last) == "4 of 4"
	})
	// A start that was refused waits for a slot, too. The operator counts it, and shows the places of the first ten.
	record(t, first, func(status *v1alpha1.TrainingJobStatus) {
		status.QueuePosition = ptr.To[int32](1)
		status.Conditions[0].Reason, status.Conditions[0].Message = v1alpha1.ReasonQuotaExceeded, "no quota (it is tried again when the job has a slot)"
	})
	record(t, job, func(status *v1alpha1.TrainingJobStatus) { status.QueuePosition = ptr.To[int32](2) })
	eventually(t, "refused jobs count, and a job's place is that of its status", func() bool {
		return place(two, first) == "1 of 4" && place(two, job) == "2 of 4" && place(one, last) == "4 of 4"
	})
	path := "/training/jobs/" + contract.JobID(string(job.UID)) + "/progress"
	record(t, job, func(status *v1alpha1.TrainingJobStatus) {
		status.Phase, status.Conditions, status.QueuePosition = v1alpha1.PhaseRunning, nil, nil
		status.Progress = &v1alpha1.Progress{Summary: "epoch 7/40, mean IoU 0.912", Epoch: 7, Epochs: 40, Metrics: map[string]string{contract.MetricValidLoss: "0.25"}}
		status.Warnings = []string{"class 2 has 3 samples only"}
	})
	progress := decode[gateway.Progress](t, a.as(two).get(path))
	if progress.QueuePosition != nil || progress.Epoch != 7 || progress.Metrics[contract.MetricValidLoss] != 0.25 || *progress.Summary != "epoch 7/40, mean IoU 0.912" {
		t.Errorf("while it runs, told %+v", progress)
	}
	if !slices.Equal(progress.Warnings, []string{"class 2 has 3 samples only"}) || progress.BestEpoch != nil {
		t.Errorf("while it runs, warned of %q and told epoch %v", progress.Warnings, progress.BestEpoch)
	}
	record(t, job, func(status *v1alpha1.TrainingJobStatus) { status.Phase, status.BestEpoch = v1alpha1.PhaseSucceeded, 33 })
	if progress := decode[gateway.Progress](t, a.as(two).get(path)); progress.BestEpoch == nil || *progress.BestEpoch != 33 {
		t.Errorf("at the end, told %+v", progress)
	}
}

func TestResultsAreATableOrTheFile(t *testing.T) {
	who := newTenant(t)
	a := startGateway(t, options{}).as(who)
	job := kubectlJob(t, who.namespace, "job", nil)
	id := contract.JobID(string(job.UID))
	path := "/training/jobs/" + id + "/results"
	if got := a.get(path); got.status != http.StatusNotFound || got.body != `{"detail":"The training job has no results yet"}` {
		t.Errorf("before there are any: %d %s", got.status, got.body)
	}
	store, err := storage.Open(t.Context(), a.storage, who.namespace)
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	const table = "step,epoch,train_loss,valid_loss,weights\n10,1,0.5,,12e4\n20,2,0.25,0.75,ab\n"
	if _, err := store.PutFile(t.Context(), contract.ResultsFileID(id), "results.csv", strings.NewReader(table), time.Now()); err != nil {
		t.Fatal(err)
	}
	record(t, job, func(status *v1alpha1.TrainingJobStatus) {
		status.Phase, status.ResultsFile = v1alpha1.PhaseSucceeded, contract.ResultsFileID(id)
		status.Warnings = []string{"class 2 has 3 samples only"}
	})
	if got := a.get(path); got.body != `{"data":[{"epoch":1,"step":10,"train_loss":0.5,"valid_loss":null,"weights":"12e4"},{"epoch":2,"step":20,"train_loss":0.25,"valid_loss":0.75,"weights":"ab"}],"warnings":["class 2 has 3 samples only"]}` {
		t.Errorf("as a table: %d %s", got.status, got.body)
	}
	if got := a.get(path + "?format=csv"); got.body != strings.TrimSpace(table) || got.header.Get("Content-Type") != "text/csv" {
		t.Errorf("as the file: %d %s", got.status, got.body)
	}
	if got := a.get(path + "?format=xml"); got.status != http.StatusUnprocessableEntity {
		t.Errorf("in another format: %d %s", got.status, got.body)
	}
}
