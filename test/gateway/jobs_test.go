package gateway

import (
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/util/retry"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/swath-dev/swath/api/v1alpha1"
	"github.com/swath-dev/swath/internal/contract"
	"github.com/swath-dev/swath/internal/gateway"
	"github.com/swath-dev/swath/test/await"
)

// guideRequest is the guide's request, and guideFile the file that it names.
const (
	guideRequest = `{"task":"classification","training_file":"file-lw3zjxrg","validation_file":null}`
	guideFile    = "file-lw3zjxrg"
)

// kubectlJob makes a TrainingJob as kubectl apply does.
func kubectlJob(t *testing.T, namespace, name string, change func(*v1alpha1.TrainingJob)) *v1alpha1.TrainingJob {
	t.Helper()
	job := &v1alpha1.TrainingJob{
		ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: namespace},
		Spec:       v1alpha1.TrainingJobSpec{Task: v1alpha1.TaskClassification, TrainingFile: "file-a"},
	}
	if change != nil {
		change(job)
	}
	if err := admin.Create(t.Context(), job); err != nil {
		t.Fatalf("making TrainingJob %s: %v", name, err)
	}
	return job
}

// record writes a job's status as the operator does: again when the gateway notes something on the job at the same time.
func record(t *testing.T, job *v1alpha1.TrainingJob, change func(*v1alpha1.TrainingJobStatus)) {
	t.Helper()
	err := retry.RetryOnConflict(retry.DefaultRetry, func() error {
		if err := admin.Get(t.Context(), client.ObjectKeyFromObject(job), job); err != nil {
			return err
		}
		job.Status.ObservedGeneration = job.Generation
		change(&job.Status)
		return admin.Status().Update(t.Context(), job)
	})
	if err != nil {
		t.Fatalf("writing the status of %s: %v", job.Name, err)
	}
}

// jobWithID is the TrainingJob that has the given ID.
func jobWithID(t *testing.T, namespace, id string) *v1alpha1.TrainingJob {
	t.Helper()
	var list v1alpha1.TrainingJobList
	if err := admin.List(t.Context(), &list, client.InNamespace(namespace)); err != nil {
		t.Fatal(err)
	}
	for i := range list.Items {
		if contract.JobID(string(list.Items[i].UID)) == id {
			return &list.Items[i]
		}
	}
	t.Fatalf("there is no TrainingJob with the ID %s", id)
	return nil
}

func TestGuidesExchangeIsAnsweredWordForWord(t *testing.T) {
	tenant := newTenant(t)
	a := startGateway(t, options{}).as(tenant).has(guideFile)
	before := time.Now().Unix()
	got := a.post("/training/jobs", guideRequest)
	if got.status != http.StatusOK {
		t.Fatalf("answered %d %s", got.status, got.body)
	}
	form := regexp.MustCompile(`^\{"task":"classification","training_file":"file-lw3zjxrg","validation_file":null,"hyperparameters":null,` +
		`"id":"(trainingjob-[a-z0-9]{12})","created_at":(\d+),"status":"initializing","error":null,"trained_model":null,"finished_at":null\}$`)
	parts := form.FindStringSubmatch(got.body)
	if parts == nil {
		t.Fatalf("answered %s", got.body)
	}
	if job := decode[gateway.Job](t, answer{status: 200, body: strings.Replace(got.body, `"hyperparameters":null,`, "", 1)}); job.CreatedAt < before-1 || job.CreatedAt > time.Now().Unix()+1 {
		t.Errorf("created at %d, asked at %d", job.CreatedAt, before)
	}
	if again := a.get("/training/jobs/" + parts[1]); again.body != got.body {
		t.Errorf("asked again, the answer is %s", again.body)
	}
	job := jobWithID(t, tenant.namespace, parts[1])
	if job.Spec.Hyperparameters != nil || job.Spec.ValidationFile != nil {
		t.Errorf("the TrainingJob has the spec %+v", job.Spec)
	}
}

func TestJobIsShownAsItsStatusIs(t *testing.T) {
	tenant := newTenant(t)
	a := startGateway(t, options{}).as(tenant)
	at := metav1.NewTime(time.Unix(1722451999, 0))
	for name, test := range map[string]struct {
		status v1alpha1.TrainingJobStatus
		want   string
	}{
		"queued":    {v1alpha1.TrainingJobStatus{Phase: "queued"}, `"status":"queued","error":null,"trained_model":null,"finished_at":null`},
		"running":   {v1alpha1.TrainingJobStatus{Phase: "running"}, `"status":"running","error":null,"trained_model":null,"finished_at":null`},
		"succeeded": {v1alpha1.TrainingJobStatus{Phase: "succeeded", TrainedModel: "model-x", FinishedAt: &at}, `"status":"succeeded","error":null,"trained_model":"model-x","finished_at":1722451999`},
		"failed":    {v1alpha1.TrainingJobStatus{Phase: "failed", Error: "no such file", FinishedAt: &at}, `"status":"failed","error":"no such file","trained_model":null,"finished_at":1722451999`},
		"cancelled": {v1alpha1.TrainingJobStatus{Phase: "cancelled", FinishedAt: &at}, `"status":"cancelled","error":null,"trained_model":null,"finished_at":1722451999`},
	} {
		t.Run(name, func(t *testing.T) {
			job := kubectlJob(t, tenant.namespace, name, func(job *v1alpha1.TrainingJob) {
				job.Spec.Hyperparameters = &v1alpha1.Hyperparameters{NumClasses: ptr.To(int32(2)), LearningRate: ptr.To(0.001)}
			})
			record(t, job, func(status *v1alpha1.TrainingJobStatus) { *status = test.status })
			got := a.get("/training/jobs/" + contract.JobID(string(job.UID)))
			if got.status != http.StatusOK || !strings.Contains(got.body, test.want) || !strings.Contains(got.body, `"hyperparameters":{"num_classes":2,"learning_rate":0.001}`) {
				t.Errorf("answered %d %s", got.status, got.body)
			}
		})
	}
}

func TestRecordedIDWinsOverTheUIDs(t *testing.T) {
	tenant := newTenant(t)
	a := startGateway(t, options{}).as(tenant)
	restored := kubectlJob(t, tenant.namespace, "restored", nil)
	record(t, restored, func(status *v1alpha1.TrainingJobStatus) {
		status.ID, status.Phase = "trainingjob-restored0001", v1alpha1.PhaseSucceeded
	})
	eventually(t, "the restored job is found by its recorded ID", func() bool { return a.get("/training/jobs/trainingjob-restored0001").status == http.StatusOK })
	if got := a.get("/training/jobs/" + contract.JobID(string(restored.UID))); got.status != http.StatusNotFound {
		t.Errorf("asked by the UID's ID: %d %s", got.status, got.body)
	}
}

func TestCancelledStaysCancelled(t *testing.T) {
	tenant := newTenant(t)
	a := startGateway(t, options{}).as(tenant)
	another := startGateway(t, options{}).as(tenant)
	for _, phase := range []v1alpha1.Phase{"", v1alpha1.PhaseQueued, v1alpha1.PhaseRunning} {
		t.Run("from "+string(phase), func(t *testing.T) {
			job := kubectlJob(t, tenant.namespace, "cancel-"+strings.ToLower("x"+string(phase)), nil)
			if phase != "" {
				record(t, job, func(status *v1alpha1.TrainingJobStatus) { status.Phase = phase })
			}
			path := "/training/jobs/" + contract.JobID(string(job.UID))
			cancelled := a.delete(path)
			if cancelled.status != http.StatusOK || !strings.Contains(cancelled.body, `"status":"cancelled"`) || strings.Contains(cancelled.body, `"finished_at":null`) {
				t.Fatalf("answered %d %s", cancelled.status, cancelled.body)
			}
			for _, replica := range []*api{a, another} {
				if got := replica.get(path); got.body != cancelled.body {
					t.Errorf("afterwards a replica answers %s, not %s", got.body, cancelled.body)
				}
				if got := replica.get("/training/jobs"); !strings.Contains(got.body, cancelled.body) {
					t.Errorf("afterwards a replica lists %s, without %s", got.body, cancelled.body)
				}
				got := replica.delete(path)
				if got.status != http.StatusBadRequest || got.body != `{"detail":"Training job is already finished with status: cancelled"}` {
					t.Errorf("cancelled again: %d %s", got.status, got.body)
				}
			}
			record(t, job, func(status *v1alpha1.TrainingJobStatus) {
				status.Phase, status.FinishedAt = v1alpha1.PhaseCancelled, &metav1.Time{Time: time.Unix(1900000000, 0)}
			})
			if got := a.get(path); !strings.Contains(got.body, `"status":"cancelled"`) || !strings.Contains(got.body, `"finished_at":1900000000`) {
				t.Errorf("once recorded: %s", got.body)
			}
		})
	}
}

func TestFinishedJobCannotBeCancelled(t *testing.T) {
	tenant := newTenant(t)
	a := startGateway(t, options{}).as(tenant)
	for _, phase := range []v1alpha1.Phase{v1alpha1.PhaseSucceeded, v1alpha1.PhaseFailed, v1alpha1.PhaseCancelled} {
		job := kubectlJob(t, tenant.namespace, string(phase), nil)
		record(t, job, func(status *v1alpha1.TrainingJobStatus) { status.Phase = phase })
		got := a.delete("/training/jobs/" + contract.JobID(string(job.UID)))
		if want := fmt.Sprintf(`{"detail":"Training job is already finished with status: %s"}`, phase); got.status != http.StatusBadRequest || got.body != want {
			t.Errorf("%s: %d %s", phase, got.status, got.body)
		}
		if err := admin.Get(t.Context(), client.ObjectKeyFromObject(job), job); err != nil || job.Spec.Cancel != nil {
			t.Errorf("%s: cancel was written all the same (%v)", phase, err)
		}
	}
}

func TestCancelByKubectlIsCancelledInTheAPI(t *testing.T) {
	tenant := newTenant(t)
	a := startGateway(t, options{}).as(tenant)
	job := kubectlJob(t, tenant.namespace, "by-kubectl", nil)
	job.Spec.Cancel = ptr.To(true)
	if err := admin.Update(t.Context(), job); err != nil {
		t.Fatal(err)
	}
	first := a.get("/training/jobs/" + contract.JobID(string(job.UID)))
	if !strings.Contains(first.body, `"status":"cancelled"`) || strings.Contains(first.body, `"finished_at":null`) {
		t.Errorf("answered %s", first.body)
	}
	record(t, job, func(status *v1alpha1.TrainingJobStatus) { status.Phase = v1alpha1.PhaseRunning })
	if got := a.get("/training/jobs/" + contract.JobID(string(job.UID))); got.body != first.body {
		t.Errorf("answered %s after %s", got.body, first.body)
	}
}

func TestBadTrainingRequestsAreRefused(t *testing.T) {
	tenant := newTenant(t)
	a := startGateway(t, options{}).as(tenant)
	for name, test := range map[string]struct {
		body   string
		status int
		want   string
	}{
		"no task":           {`{"training_file":"f"}`, 422, `{"detail":[{"loc":["body","task"],"msg":"Field required","type":"missing"}]}`},
		"wrong task":        {`{"task":"detection","training_file":"f"}`, 422, `{"detail":[{"loc":["body","task"],"msg":"Input should be 'classification' or 'segmentation'","type":"enum"}]}`},
		"no classes":        {`{"task":"segmentation","training_file":"f"}`, 422, `{"detail":[{"loc":["body","hyperparameters","num_classes"],"msg":"Field required: num_classes is required for segmentation","type":"missing"}]}`},
		"unknown parameter": {`{"task":"classification","training_file":"f","hyperparameters":{"lr":1}}`, 422, `{"detail":[{"loc":["body","hyperparameters","lr"],"msg":"Extra inputs are not permitted","type":"extra_forbidden"}]}`},
		"not JSON":          {`task=classification`, 422, `{"detail":[{"loc":["body",1],"msg":"JSON decode error: invalid character 'a' in literal true (expecting 'r')","type":"json_invalid"}]}`},
		"nothing":           {``, 422, `{"detail":[{"loc":["body"],"msg":"Field required","type":"missing"}]}`},
		"too large":         {`{"task":"` + strings.Repeat("x", 1<<20) + `"}`, 413, `{"detail":"The body is larger than 65536 bytes"}`},
	} {
		t.Run(name, func(t *testing.T) {
			if got := a.post("/training/jobs", test.body); got.status != test.status || got.body != test.want {
				t.Errorf("answered %d %s", got.status, got.body)
			}
		})
	}
}

func TestRequestSentAgainMakesOneJob(t *testing.T) {
	tenant := newTenant(t)
	a := startGateway(t, options{}).as(tenant).has(guideFile, "another").with("Idempotency-Key", "a-key")
	first, second := a.post("/training/jobs", guideRequest), a.post("/training/jobs", guideRequest)
	if first.status != http.StatusOK || first.body != second.body {
		t.Errorf("answered %s, then %d %s", first.body, second.status, second.body)
	}
	if other := a.post("/training/jobs", `{"task":"classification","training_file":"another"}`); other.status != http.StatusConflict {
		t.Errorf("another request with the key: %d %s", other.status, other.body)
	}
}

func TestJobsAreListedNewestFirst(t *testing.T) {
	tenant := newTenant(t)
	a := startGateway(t, options{}).as(tenant)
	made := map[string]bool{}
	for i := range 5 {
		made[contract.JobID(string(kubectlJob(t, tenant.namespace, fmt.Sprintf("job-%d", i), nil).UID))] = true
	}
	eventually(t, "all jobs are listed", func() bool {
		return len(decode[gateway.Page[json.RawMessage]](t, a.get("/training/jobs")).Data) == len(made)
	})
	var listed []gatewayJob
	for after, more := "", true; more; {
		page := decode[gateway.Page[gatewayJob]](t, a.get("/training/jobs?limit=2"+after))
		listed, more = append(listed, page.Data...), page.HasMore
		after = "&after=" + listed[len(listed)-1].ID
	}
	for i, job := range listed {
		if !made[job.ID] || i > 0 && job.CreatedAt > listed[i-1].CreatedAt {
			t.Errorf("entry %d is %s of %d", i, job.ID, job.CreatedAt)
		}
		delete(made, job.ID)
	}
	if len(made) != 0 {
		t.Errorf("not listed: %v", made)
	}
	for query, want := range map[string]int{"limit=0": 422, "limit=101": 422, "limit=x": 422, "after=trainingjob-nothing": 400} {
		if got := a.get("/training/jobs?" + query); got.status != want {
			t.Errorf("%s is answered %d %s", query, got.status, got.body)
		}
	}
}

// gatewayJob is what a client reads of a job.
type gatewayJob struct {
	ID        string `json:"id"`
	CreatedAt int64  `json:"created_at"`
	Status    string `json:"status"`
}

// eventually waits until a state holds that comes by itself.
func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	await.True(t, await.Patience, 20*time.Millisecond, what, func() (string, bool) { return "it does not hold", holds() })
}
