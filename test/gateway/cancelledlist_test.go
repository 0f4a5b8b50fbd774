package gateway

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/swath-dev/swath/api/v1alpha1"
	"github.com/swath-dev/swath/internal/contract"
	"github.com/swath-dev/swath/internal/gateway"
	"github.com/swath-dev/swath/internal/gateway/jobs"
)

// untilSecondsAfter waits until the clock shows so many seconds more: times of Kubernetes are whole seconds.
func untilSecondsAfter(t *testing.T, at time.Time, seconds int) {
	t.Helper()
	eventually(t, fmt.Sprintf("%d s are over", seconds), func() bool { return time.Since(at) > time.Duration(seconds)*time.Second })
}

// cancelAs cancels a job as another tool does.
func cancelAs(t *testing.T, job *v1alpha1.TrainingJob, manager string) {
	t.Helper()
	changed := job.DeepCopy()
	changed.Spec.Cancel = ptr.To(true)
	if err := admin.Patch(t.Context(), changed, client.MergeFrom(job), client.FieldOwner(manager)); err != nil {
		t.Fatalf("cancelling %s: %v", job.Name, err)
	}
}

func TestCancelledJobsAreListedAsTheyAreShown(t *testing.T) {
	who := newTenant(t)
	asOften := options{limits: gateway.Limits{PerSecond: 1e6, Burst: 1e6}}
	a, another := startGateway(t, asOften).as(who), startGateway(t, asOften).as(who)
	const many = 6 // More than are read one by one for a list.
	made := make([]*v1alpha1.TrainingJob, many)
	for i := range made {
		made[i] = kubectlJob(t, who.namespace, fmt.Sprintf("job-%d", i), nil)
	}
	untilSecondsAfter(t, made[many-1].CreationTimestamp.Time, 2)
	for i, job := range made {
		if i%2 == 0 {
			cancelAs(t, job, "kubectl-edit")
			continue
		}
		if got := a.delete("/training/jobs/" + contract.JobID(string(job.UID))); got.status != 200 {
			t.Fatalf("cancelling: %d %s", got.status, got.body)
		}
	}
	// Soon the lists come from the caches alone, which keep but a part of each job.
	for begun := time.Now(); time.Since(begun) < 2*time.Second; {
		for _, replica := range []*api{a, another} {
			listed := decode[gateway.Page[json.RawMessage]](t, replica.get("/training/jobs")).Data
			if len(listed) != many {
				t.Fatalf("listed: %s", listed)
			}
			for _, entry := range listed {
				var shown gatewayJob
				if err := json.Unmarshal(entry, &shown); err != nil {
					t.Fatal(err)
				}
				if got := replica.get("/training/jobs/" + shown.ID); got.body != string(entry) || shown.Status != "cancelled" {
					t.Fatalf("listed: %s\nshown:  %s", entry, got.body)
				}
			}
		}
	}
}

func TestTimeOfACancelByKubectlStays(t *testing.T) {
	who := newTenant(t)
	a, another := startGateway(t, options{}).as(who), startGateway(t, options{}).as(who)
	job := kubectlJob(t, who.namespace, "job", nil)
	untilSecondsAfter(t, job.CreationTimestamp.Time, 2)
	cancelAs(t, job, "kubectl-edit")
	path := "/training/jobs/" + contract.JobID(string(job.UID))
	first := a.get(path)
	if finished := decode[struct {
		FinishedAt int64 `json:"finished_at"`
	}](t, first).FinishedAt; finished < job.CreationTimestamp.Unix()+2 {
		t.Errorf("answered %s", first.body)
	}
	eventually(t, "it is written down when the job was cancelled", func() bool {
		if err := admin.Get(t.Context(), client.ObjectKeyFromObject(job), job); err != nil {
			t.Fatal(err)
		}
		return job.Annotations[jobs.CancelledAtAnnotation] != ""
	})
	untilSecondsAfter(t, time.Now(), 2)
	changed := job.DeepCopy()
	changed.Spec.TTLSecondsAfterFinished = ptr.To(int32(1000))
	if err := admin.Patch(t.Context(), changed, client.MergeFrom(job), client.FieldOwner("kubectl-edit")); err != nil {
		t.Fatal(err)
	}
	for name, replica := range map[string]*api{"one": a, "another": another, "a new one": startGateway(t, options{}).as(who)} {
		if got := replica.get(path); got.body != first.body {
			t.Errorf("once the manager has written again, replica %s answers %s, and not %s", name, got.body, first.body)
		}
	}
	record(t, job, func(status *v1alpha1.TrainingJobStatus) {
		status.Phase = v1alpha1.PhaseRunning
		status.FinishedAt = &metav1.Time{}
	})
	if got := a.get(path); got.body != first.body {
		t.Errorf("while its Pods go: %s", got.body)
	}
}
