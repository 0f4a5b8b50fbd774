package controllers

import (
	"slices"
	"testing"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/swath-dev/swath/api/v1alpha1"
	"github.com/swath-dev/swath/internal/contract"
)

// flood has more jobs wait than a moment's work.
func (s *server) flood() {
	s.reconciler.News = NewNews(s.config.Controller)
	s.reconciler.News.waiting = func() int { return 1000 }
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

// What keeps the first Pod from being made is said at once, in a flood too.
func TestInAFloodARefusedFirstPodIsTold(t *testing.T) {
	s := newServer(t, nil, makeJob("ships", 0))
	s.flood()
	s.refusePods()
	s.reconcile("ships")
	c := meta.FindStatusCondition(s.job("ships").Status.Conditions, v1alpha1.ConditionRunning)
	if c == nil || c.Reason != v1alpha1.ReasonQuotaExceeded {
		t.Errorf("the condition is %v", c)
	}
}

// A Pod of a job that had the name before is let go in a flood, too.
func TestInAFloodPodsOfAFormerJobGo(t *testing.T) {
	former := withFiles(makeJob("ships", 0), 1)
	former.UID = "uid-of-former"
	s := newServer(t, nil, makeJob("ships", 0))
	s.create(s.trainPod(former))
	s.flood()
	s.reconcile("ships")
	if pod := s.pod("ships-train-1"); slices.Contains(pod.Finalizers, v1alpha1.ResultFinalizer) {
		t.Error("the Pod of the former job is held")
	}
	if s.pod("ships-prepare-1") == nil {
		t.Error("the job has no Pod")
	}
}

// A job whose Pod gets no node is told of, however long the flood lasts.
func TestInAFloodAPodThatWaitsForTheSchedulerIsTold(t *testing.T) {
	job := makeJob("ships", 0)
	s := newServer(t, nil, job)
	s.flood()
	s.reconcile("ships")
	s.change("ships-prepare-1", func(p *corev1.Pod) { p.CreationTimestamp = metav1.Time{Time: s.clock.Now()} })
	s.reconcile("ships")
	if s.statuses != 0 {
		t.Fatalf("a passing phase was written %d times", s.statuses)
	}
	s.pass(newsLasting)
	s.reconcile("ships")
	if s.statuses != 1 {
		t.Errorf("a lasting phase was written %d times", s.statuses)
	}
}
