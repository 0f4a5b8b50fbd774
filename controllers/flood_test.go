package controllers

import (
	"testing"

	"k8s.io/apimachinery/pkg/api/meta"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/swath-dev/swath/api/v1alpha1"
	"github.com/swath-dev/swath/internal/contract"
)

// flood has more jobs wait than a moment's work.
func (s *server) flood() {
	s.reconciler.News = NewNews(s.config.Controller)
	s.reconciler.News.waiting = func() int { return 1000 }
}

// deletePod removes the Pod at once.
func (s *server) deletePod(name string) {
	s.t.Helper()
	if err := s.client.Delete(s.t.Context(), s.pod(name), client.GracePeriodSeconds(0)); err != nil {
		s.t.Fatal(err)
	}
}

// In a flood a job gets its first Pod before anything is recorded of it, and what is
// recorded next counts that Pod.
func TestInAFloodTheFirstPodComesBeforeTheRecord(t *testing.T) {
	s := newServer(t, nil, makeJob("ships", 0))
	s.flood()
	if result := s.reconcile("ships"); result.RequeueAfter == 0 || result.RequeueAfter > newsDelay {
		t.Errorf("the record that was put off is looked at again after %v", result.RequeueAfter)
	}
	pod := s.pod("ships-prepare-1")
	if pod == nil || s.statuses != 0 {
		t.Fatalf("the Pod is there: %v; the status was written %d times", pod != nil, s.statuses)
	}
	if got, want := pod.Labels[v1alpha1.LabelJobID], contract.JobID("uid-of-ships"); got != want {
		t.Errorf("the Pod has the job's ID %q in place of %q", got, want)
	}
	s.reconciler.News.waiting = func() int { return 0 }
	s.reconcile("ships")
	if status := s.job("ships").Status; status.Prepares != 1 || s.statuses != 1 {
		t.Errorf("after the flood %d preparations are recorded in %d writes, want 1 in 1", status.Prepares, s.statuses)
	}
}

// A first Pod that is deleted before anything is recorded is not made again and again
// without a record of it.
func TestInAFloodTheFirstPodIsMadeUnrecordedOnce(t *testing.T) {
	s := newServer(t, nil, makeJob("ships", 0))
	s.flood()
	s.reconcile("ships")
	s.deletePod("ships-prepare-1")
	s.reconcile("ships")
	if pod, status := s.pod("ships-prepare-1"), s.job("ships").Status; pod == nil || status.Prepares != 1 {
		t.Fatalf("the Pod is there again: %v; preparations recorded: %d", pod != nil, status.Prepares)
	}
	if len(s.reconciler.News.started) != 0 {
		t.Error("a job is remembered after its record")
	}
	// Another job of that name is another job.
	s.deletePod("ships-prepare-1")
	s.deleteJob(s.job("ships"))
	s.reconcile("ships")
	again := makeJob("ships", 0)
	again.UID = "uid-of-another"
	s.create(again)
	s.statuses = 0
	s.reconcile("ships")
	if s.pod("ships-prepare-1") == nil || s.statuses != 0 {
		t.Errorf("the next job of the name has its Pod: %v; its status was written %d times", s.pod("ships-prepare-1") != nil, s.statuses)
	}
}

// What keeps the first Pod from being made is said at once, in a flood too.
func TestInAFloodARefusedFirstPodIsTold(t *testing.T) {
	s := newServer(t, nil, makeJob("ships", 0))
	s.flood()
	s.refusePods()
	if result := s.reconcile("ships"); result.RequeueAfter == 0 || result.RequeueAfter > staleRetry {
		t.Errorf("the refused Pod is looked at again after %v", result.RequeueAfter)
	}
	s.reconcile("ships")
	c := meta.FindStatusCondition(s.job("ships").Status.Conditions, v1alpha1.ConditionRunning)
	if c == nil || c.Reason != v1alpha1.ReasonQuotaExceeded {
		t.Errorf("the condition is %v", c)
	}
}
