package gateway

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/swath-dev/swath/api/v1alpha1"
	"github.com/swath-dev/swath/internal/contract"
	"github.com/swath-dev/swath/internal/gateway"
)

// endAsOperator records a success as the operator does: with the resource version of the job that it decided on, and none where
// cancelling is asked for. It tells whether the success stands.
func endAsOperator(t *testing.T, key client.ObjectKey) bool {
	for {
		var job v1alpha1.TrainingJob
		if err := admin.Get(t.Context(), key, &job); err != nil {
			t.Error(err)
			return false
		}
		if ptr.Deref(job.Spec.Cancel, false) {
			return false
		}
		now := metav1.Now()
		job.Status.Phase, job.Status.FinishedAt, job.Status.TrainedModel = v1alpha1.PhaseSucceeded, &now, "model-x"
		err := admin.Status().Update(t.Context(), &job)
		if err == nil {
			return true
		}
		if !apierrors.IsConflict(err) {
			t.Error(err)
			return false
		}
	}
}

func TestCancelAndSuccessNeverBothWin(t *testing.T) {
	who := newTenant(t)
	often := options{limits: gateway.Limits{PerSecond: 1e6, Burst: 1e6}}
	a, another := startGateway(t, often).as(who), startGateway(t, often).as(who)
	const rounds = 100
	won := map[string]int{}
	for round := range rounds {
		job := kubectlJob(t, who.namespace, fmt.Sprintf("job-%d", round), nil)
		record(t, job, func(status *v1alpha1.TrainingJobStatus) { status.Phase = v1alpha1.PhaseRunning })
		path := "/training/jobs/" + contract.JobID(string(job.UID))
		begin, succeeded := make(chan struct{}), make(chan bool, 1)
		go func() {
			<-begin
			succeeded <- endAsOperator(t, client.ObjectKeyFromObject(job))
		}()
		close(begin)
		// Every other time the operator is a request ahead.
		if round%2 == 0 {
			a.get(path)
		}
		cancelled := a.delete(path)
		stands := <-succeeded
		want, winner := `"status":"cancelled"`, "cancel"
		switch {
		case cancelled.status == http.StatusOK && !stands && strings.Contains(cancelled.body, want):
		case cancelled.status == http.StatusBadRequest && stands && strings.Contains(cancelled.body, "already finished with status: succeeded"):
			want, winner = `"status":"succeeded"`, "success"
		default:
			t.Fatalf("round %d: cancelling is answered %d %s, and the success stands: %t", round, cancelled.status, cancelled.body, stands)
		}
		won[winner]++
		for _, replica := range []*api{a, another} {
			if got := replica.get(path); !strings.Contains(got.body, want) || winner == "cancel" && got.body != cancelled.body {
				t.Fatalf("round %d: %s has won, and a replica answers %s", round, winner, got.body)
			}
		}
	}
	if won["cancel"] == 0 || won["success"] == 0 {
		t.Errorf("there was no race: %v", won)
	}
	t.Logf("won: %v", won)
}
