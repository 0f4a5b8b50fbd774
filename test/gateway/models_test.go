package gateway

import (
	"fmt"
	"net/http"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/swath-dev/swath/api/v1alpha1"
	"github.com/swath-dev/swath/internal/contract"
	"github.com/swath-dev/swath/internal/gateway"
	"github.com/swath-dev/swath/internal/storage"
)

// committed makes a job that ended in a phase, whose trainer has committed a model all the same.
func committed(t *testing.T, a *api, name string, phase v1alpha1.Phase) (job *v1alpha1.TrainingJob, model string) {
	t.Helper()
	job = kubectlJob(t, a.namespace, name, nil)
	model = contract.ModelID(contract.JobID(string(job.UID)))
	store, err := storage.Open(t.Context(), a.storage, a.namespace)
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	if _, err := store.CommitModel(t.Context(), model, []storage.Part{{Name: "model.onnx", Content: []byte("weights")}}, []byte("{}")); err != nil {
		t.Fatal(err)
	}
	record(t, job, func(status *v1alpha1.TrainingJobStatus) {
		status.Phase = phase
		if phase == v1alpha1.PhaseSucceeded {
			status.TrainedModel = model
		}
	})
	return job, model
}

func remove(t *testing.T, job *v1alpha1.TrainingJob) {
	t.Helper()
	if err := admin.Delete(t.Context(), job, client.GracePeriodSeconds(0)); err != nil {
		t.Fatal(err)
	}
}

func (a *api) modelIDs(t *testing.T, query string) []string {
	t.Helper()
	var ids []string
	for _, model := range decode[gateway.Page[gateway.Model]](t, a.get("/models"+query)).Data {
		ids = append(ids, model.ID)
	}
	return ids
}

// What a job has stored is there when the job is gone, unless the job did not succeed.
func TestModelsOfJobsThatAreGoneStayAndThoseOfCancelledJobsNeverAppear(t *testing.T) {
	a := startGateway(t, options{}).as(newTenant(t))
	succeeded, kept := committed(t, a, "succeeded", v1alpha1.PhaseSucceeded)
	_, living := committed(t, a, "living", v1alpha1.PhaseSucceeded)
	cancelled, ghost := committed(t, a, "cancelled", v1alpha1.PhaseCancelled)
	failed, broken := committed(t, a, "failed", v1alpha1.PhaseFailed)
	running, coming := committed(t, a, "running", v1alpha1.PhaseRunning)
	want := []string{kept, living}
	slices.Sort(want)
	check := func(when string, list func() []string) {
		t.Helper()
		eventually(t, when+" both models are listed", func() bool { return slices.Equal(list(), want) })
		for _, model := range want {
			if got := a.get("/models/" + model + "/content?part=model.onnx"); got.status != http.StatusOK || got.body != "weights" {
				t.Errorf("%s the model is answered %d %s", when, got.status, got.body)
			}
			if got := decode[gateway.Model](t, a.get("/models/"+model)); got.Task != v1alpha1.TaskClassification || got.Bytes != 9 {
				t.Errorf("%s the model is %+v", when, got)
			}
		}
		for _, model := range []string{ghost, broken, coming} {
			if got := a.get("/models/" + model); got.status != http.StatusNotFound {
				t.Errorf("%s the model of a job that did not succeed is answered %d %s", when, got.status, got.body)
			}
		}
	}
	all := func() []string { return a.modelIDs(t, "") }
	check("with their jobs", all)
	for _, job := range []*v1alpha1.TrainingJob{succeeded, cancelled, failed, running} {
		remove(t, job)
	}
	check("without their jobs", all)
	// Another replica has never seen the jobs.
	token, storage := a.token, a.storage
	other := startGateway(t, options{storage: storage}).as(tenant{namespace: a.namespace, token: token})
	a = other
	check("at another replica", all)
	if got := a.delete("/models/" + kept); got.status != http.StatusOK {
		t.Errorf("deleting: %d %s", got.status, got.body)
	}
	if got := a.get("/models/" + kept); got.status != http.StatusNotFound {
		t.Errorf("the deleted model is answered %d %s", got.status, got.body)
	}
	if diff := cmp.Diff([]string{living}, all()); diff != "" {
		t.Errorf("listed once one is deleted: %s", diff)
	}
}

// A time to live of nothing deletes a job as soon as it has ended.
func TestTheModelOfAJobThatIsDeletedAtOnceIsListed(t *testing.T) {
	a := startGateway(t, options{}).as(newTenant(t))
	var want []string
	for i := range 10 {
		job, model := committed(t, a, fmt.Sprintf("job-%d", i), v1alpha1.PhaseSucceeded)
		remove(t, job)
		want = append(want, model)
	}
	slices.Sort(want)
	eventually(t, "all models are listed", func() bool { return slices.Equal(a.modelIDs(t, "?limit=100"), want) })
}

func TestModelsAreListedPageByPage(t *testing.T) {
	a := startGateway(t, options{}).as(newTenant(t))
	var want []string
	for i := range 7 {
		job, model := committed(t, a, fmt.Sprintf("job-%d", i), v1alpha1.PhaseSucceeded)
		want = append(want, model)
		if i%2 == 0 {
			remove(t, job)
		}
	}
	slices.Sort(want)
	eventually(t, "all models are listed", func() bool { return slices.Equal(a.modelIDs(t, ""), want) })
	var got []string
	for query := "?limit=2"; ; {
		page := decode[gateway.Page[gateway.Model]](t, a.get("/models"+query))
		for _, model := range page.Data {
			got = append(got, model.ID)
		}
		if !page.HasMore {
			break
		}
		query = "?limit=2&after=" + *page.Next
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("page by page: %s", diff)
	}
	if diff := cmp.Diff(want[3:], a.modelIDs(t, "?after="+want[2])); diff != "" {
		t.Errorf("behind a model: %s", diff)
	}
	if got := a.get("/models?after=nope"); got.status != http.StatusBadRequest {
		t.Errorf("behind a model that there is not: %d %s", got.status, got.body)
	}
}
