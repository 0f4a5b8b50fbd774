package controllers

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/tools/events"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"github.com/swath-dev/swath/api/v1alpha1"
	"github.com/swath-dev/swath/internal/contract"
)

// wantCreateFailed checks that the condition and an event of the job ships have that cause
// of a Pod that cannot be made.
func (s *server) wantCreateFailed(cause string) {
	s.t.Helper()
	c := meta.FindStatusCondition(s.job("ships").Status.Conditions, v1alpha1.ConditionRunning)
	if c.Reason != v1alpha1.ReasonPodCreateFailed || !strings.Contains(c.Message, cause) {
		s.t.Errorf("the condition says %s: %s", c.Reason, c.Message)
	}
	recorder, ok := s.reconciler.Recorder.(*events.FakeRecorder)
	if !ok {
		s.t.Fatal("there is no fake recorder")
	}
	told := false
	for len(recorder.Events) > 0 {
		event := <-recorder.Events
		told = told || strings.HasPrefix(event, "Warning PodCreateFailed") && strings.Contains(event, cause)
	}
	if !told {
		s.t.Error("there is no event")
	}
}

// An API server that cannot make a Pod is told of after a few tries in a row, in the
// condition and in an event, and the job goes on once it can.
func TestAnAPIServerThatCannotMakeAPodIsTold(t *testing.T) {
	s := newServer(t, nil, makeJob("ships", 0))
	fails := true
	s.reconciler.Client = interceptor.NewClient(s.client, interceptor.Funcs{
		Create: func(ctx context.Context, c client.WithWatch, o client.Object, options ...client.CreateOption) error {
			if _, ok := o.(*corev1.Pod); ok && fails {
				return apierrors.NewInternalError(errors.New("stream error: INTERNAL_ERROR"))
			}
			return c.Create(ctx, o, options...)
		},
	})
	request := ctrl.Request{NamespacedName: client.ObjectKey{Namespace: "default", Name: "ships"}}
	for try := 1; try < createTries; try++ {
		if _, err := s.reconciler.Reconcile(t.Context(), request); err == nil {
			t.Errorf("try %d goes well", try)
		}
	}
	result := s.reconcile("ships")
	s.wantCreateFailed("INTERNAL_ERROR")
	if result.RequeueAfter == 0 || result.RequeueAfter > time.Minute {
		t.Errorf("it is tried again after %s", result.RequeueAfter)
	}

	// However long it lasts, the job does not fail by it.
	s.pass(2 * s.config.Retry.BlockedTimeout.Duration)
	s.reconcile("ships")
	fails = false
	s.pass(time.Minute)
	s.reconcile("ships")
	s.reconcile("ships")
	if job := s.job("ships"); s.pod("ships-prepare-1") == nil || job.Status.BlockedSince != nil {
		t.Errorf("the job does not go on: %+v", job.Status)
	}
}

// An operator of a newer version that has the ClusterRole of the old one may not read the
// namespace's UID, without which it makes no Pod. The job does not fail by it.
func TestAnOperatorThatMayNotReadTheNamespaceSaysSo(t *testing.T) {
	s := newServer(t, nil, makeJob("ships", 0))
	forbidden := true
	s.reconciler.Live = interceptor.NewClient(s.client, interceptor.Funcs{
		Get: func(ctx context.Context, c client.WithWatch, key client.ObjectKey, o client.Object, options ...client.GetOption) error {
			if o.GetObjectKind().GroupVersionKind().Kind == "Namespace" && forbidden {
				return apierrors.NewForbidden(schema.GroupResource{Resource: "namespaces"}, key.Name, errors.New(`cannot get resource "namespaces"`))
			}
			return c.Get(ctx, key, o, options...)
		},
	})
	request := ctrl.Request{NamespacedName: client.ObjectKey{Namespace: "default", Name: "ships"}}
	for try := 1; try < createTries; try++ {
		if _, err := s.reconciler.Reconcile(t.Context(), request); err == nil {
			t.Errorf("try %d goes well", try)
		}
	}
	result, err := s.reconciler.Reconcile(t.Context(), request)
	if err != nil || result.RequeueAfter == 0 || result.RequeueAfter > time.Minute {
		t.Errorf("it is tried again after %s: %v", result.RequeueAfter, err)
	}
	s.wantCreateFailed(`cannot get resource "namespaces"`)

	s.pass(2 * s.config.Retry.BlockedTimeout.Duration)
	s.reconcile("ships")
	forbidden = false
	s.pass(time.Minute)
	s.reconcile("ships")
	s.reconcile("ships")
	if job := s.job("ships"); s.pod("ships-prepare-1") == nil || job.Status.BlockedSince != nil {
		t.Errorf("the job does not go on: %+v", job.Status)
	}
}

// A namespace that is gone before its UID is read is no failure: the job goes with it.
func TestNothingIsToldOfANamespaceThatIsGone(t *testing.T) {
	s := newServer(t, nil, makeJob("ships", 0))
	if err := s.client.Delete(t.Context(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "default"}}); err != nil {
		t.Fatal(err)
	}
	for range createTries + 1 {
		if result := s.reconcile("ships"); result.RequeueAfter != goingRetry {
			t.Errorf("the job is looked at again after %s", result.RequeueAfter)
		}
	}
}

// unanswered has the requests for Pods of the job ships end without an answer for as long
// as fails is set. last is the newest of these Pods, and at is when it was asked for.
type unanswered struct {
	fails bool
	err   error
	last  *corev1.Pod
	at    time.Time
	tries int
}

func (s *server) leaveUnanswered(err error) *unanswered {
	u := &unanswered{fails: true, err: err}
	s.reconciler.Client = interceptor.NewClient(s.client, interceptor.Funcs{
		Create: func(ctx context.Context, c client.WithWatch, o client.Object, options ...client.CreateOption) error {
			pod, ok := o.(*corev1.Pod)
			if !ok || !u.fails || !strings.HasPrefix(pod.Name, "ships") {
				return c.Create(ctx, o, options...)
			}
			u.last, u.at = pod.DeepCopy(), s.clock.Now()
			u.tries++
			return u.err
		},
	})
	request := ctrl.Request{NamespacedName: client.ObjectKey{Namespace: "default", Name: "ships"}}
	for try := 1; try < createTries; try++ {
		if _, err := s.reconciler.Reconcile(s.t.Context(), request); err == nil {
			s.t.Errorf("try %d goes well", try)
		}
	}
	s.reconcile("ships")
	return u
}

// A job whose requests for a Pod end without an answer holds its slot until the last of
// them has ended for certain, and no longer.
func TestAJobWhosePodIsNeverAnsweredGivesItsSlotToTheNext(t *testing.T) {
	for name, err := range map[string]error{
		"the stream breaks": errors.New("stream error: stream ID 7; INTERNAL_ERROR; received from peer"),
		"it takes too long": apierrors.NewTimeoutError("request did not complete within the allotted timeout", 1),
	} {
		t.Run(name, func(t *testing.T) {
			s := newServer(t, oneSlot, withFiles(makeJob("ships", time.Minute), 0), withFiles(makeJob("trees", 0), 0))
			u := s.leaveUnanswered(err)
			s.wantTrainer()
			s.pass(s.config.Limits.UnschedulableAfter.Duration)
			for waited := time.Duration(0); s.pod("trees-train-1") == nil; waited += 15 * time.Second {
				if waited > longestRequest+5*time.Minute {
					t.Fatalf("the slot is not passed on %s after limits.unschedulableAfter", waited)
				}
				s.pass(15 * time.Second)
				s.reconcile("ships")
				s.reconcile("trees")
			}
			if since := s.clock.Now().Sub(u.at); since < longestRequest {
				t.Errorf("the slot is passed on %s after a request that may still make the Pod", since)
			}
			s.wantTrainer("trees-train-1")
			c := meta.FindStatusCondition(s.job("ships").Status.Conditions, v1alpha1.ConditionRunning)
			if c.Reason != v1alpha1.ReasonPodCreateFailed || strings.Count(c.Message, "tried again when the job has a slot") != 1 {
				t.Errorf("the job says %s: %s", c.Reason, c.Message)
			}
			u.fails = false
			s.change("trees-train-1", ends(contract.StageTrain, 0, trained(t, s.job("trees")), s.clock.Now()))
			s.wantTrainer("ships-train-1")
		})
	}
}

// A Pod that appears after all keeps the slot.
func TestAPodThatAppearsLateKeepsItsSlot(t *testing.T) {
	s := newServer(t, oneSlot, withFiles(makeJob("ships", time.Minute), 0), withFiles(makeJob("trees", 0), 0))
	u := s.leaveUnanswered(errors.New("stream error: stream ID 7; INTERNAL_ERROR; received from peer"))
	s.reconcile("trees")
	s.pass(s.config.Limits.UnschedulableAfter.Duration - time.Second)
	s.reconcile("ships")
	asked := u.at
	if !asked.Equal(s.clock.Now()) {
		t.Fatal("the Pod is not asked for before limits.unschedulableAfter")
	}
	for range 2 {
		s.pass(longestRequest/2 - time.Second)
		s.wantTrainer()
	}
	if !u.at.Equal(asked) {
		t.Error("the Pod is asked for again before the last request has ended")
	}
	s.create(u.last)
	s.pass(longestRequest)
	s.wantTrainer("ships-train-1")
}

// A job that no other waits behind asks for its Pod as often as before.
func TestAJobThatNobodyWaitsBehindGoesOnAskingForItsPod(t *testing.T) {
	s := newServer(t, oneSlot, withFiles(makeJob("ships", 0), 0))
	u := s.leaveUnanswered(errors.New("stream error: stream ID 7; INTERNAL_ERROR; received from peer"))
	s.pass(s.config.Limits.UnschedulableAfter.Duration)
	for range 5 {
		before := u.tries
		s.pass(s.reconcile("ships").RequeueAfter)
		if u.tries != before+1 {
			t.Errorf("the Pod was asked for %d times", u.tries-before)
		}
	}
}
