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
	"k8s.io/client-go/tools/events"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"github.com/swath-dev/swath/api/v1alpha1"
)

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
	c := meta.FindStatusCondition(s.job("ships").Status.Conditions, v1alpha1.ConditionRunning)
	if c.Reason != v1alpha1.ReasonPodCreateFailed || !strings.Contains(c.Message, "INTERNAL_ERROR") {
		t.Errorf("the condition says %s: %s", c.Reason, c.Message)
	}
	if result.RequeueAfter == 0 || result.RequeueAfter > time.Minute {
		t.Errorf("it is tried again after %s", result.RequeueAfter)
	}
	recorder, ok := s.reconciler.Recorder.(*events.FakeRecorder)
	if !ok {
		t.Fatal("there is no fake recorder")
	}
	told := false
	for len(recorder.Events) > 0 {
		event := <-recorder.Events
		told = told || strings.HasPrefix(event, "Warning PodCreateFailed") && strings.Contains(event, "INTERNAL_ERROR")
	}
	if !told {
		t.Error("there is no event")
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
