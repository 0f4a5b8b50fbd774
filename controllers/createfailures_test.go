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
