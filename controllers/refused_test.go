package controllers

import (
	"context"
	"errors"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"github.com/swath-dev/swath/api/v1alpha1"
	"github.com/swath-dev/swath/internal/config"
)

// refusePods has every Pod be refused by a quota.
func (s *server) refusePods() {
	quota := apierrors.NewForbidden(schema.GroupResource{Resource: "pods"}, "ships", errors.New("exceeded quota: team"))
	s.client = interceptor.NewClient(s.client, interceptor.Funcs{
		Create: func(ctx context.Context, c client.WithWatch, o client.Object, options ...client.CreateOption) error {
			if _, ok := o.(*corev1.Pod); ok {
				return quota
			}
			return c.Create(ctx, o, options...)
		},
	})
	s.reconciler.Client, s.reconciler.Live = s.client, s.client
}

// A job whose end is that its Pod is refused does at once what its end asks for:
// nothing happens any more that would bring the operator back.
func TestAnEndByARefusedPodIsActedOn(t *testing.T) {
	cases := map[string]struct {
		ttl   *int32
		gone  bool
		wakes time.Duration
	}{
		"it goes at once":        {ttl: ptr.To[int32](0), gone: true},
		"it goes in ten minutes": {ttl: ptr.To[int32](600), wakes: 10 * time.Minute},
		"it stays for ever":      {},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			job := makeJob("ships", 0)
			job.Spec.TTLSecondsAfterFinished = c.ttl
			s := newServer(t, nil, job)
			s.refusePods()
			if result := s.reconcile("ships"); result.RequeueAfter == 0 || result.RequeueAfter > time.Minute {
				t.Errorf("the Pod is tried again after %s", result.RequeueAfter)
			}
			s.pass(s.config.Retry.BlockedTimeout.Duration)
			result := s.reconcile("ships")
			end := s.job("ships")
			if c.gone {
				if end != nil {
					t.Errorf("the job is still there: %s", end.Status.Phase)
				}
				return
			}
			if end.Status.Phase != v1alpha1.PhaseFailed || result.RequeueAfter != c.wakes {
				t.Errorf("the job is %s and looked at again after %s, want %s", end.Status.Phase, result.RequeueAfter, c.wakes)
			}
		})
	}
}

// The prepare Pods of a job that fails by the refusal of its train Pod go at once
// where the configuration keeps none.
func TestAnEndByARefusedPodLeavesNoPodThatIsNotKept(t *testing.T) {
	job := withFiles(makeJob("ships", 0), 0)
	s := newServer(t, func(c *config.Config) { c.Pods.KeepFinished = &metav1.Duration{} }, job)
	prepare := s.trainPod(job)
	prepare.Name, prepare.Labels[v1alpha1.LabelRole], prepare.Labels[v1alpha1.LabelNumber] = "ships-prepare-1", v1alpha1.RolePrepare, "1"
	prepare.Finalizers = nil
	s.create(prepare)
	s.change("ships-prepare-1", ends("validate", 0, "", s.clock.Now()))
	s.refusePods()
	s.reconcile("ships")
	s.pass(s.config.Retry.BlockedTimeout.Duration)
	s.reconcile("ships")
	if end := s.job("ships"); end.Status.Phase != v1alpha1.PhaseFailed || s.pod("ships-prepare-1") != nil {
		t.Errorf("the job is %s and its Pod there: %t", end.Status.Phase, s.pod("ships-prepare-1") != nil)
	}
}

// The cache shows no Pod of the job, and the API server one that still works: the
// refusal of another is not its end.
func TestNoRefusalEndsAJobWhosePodWorksUnseen(t *testing.T) {
	job := withFiles(makeJob("ships", 0), 1)
	job.Status.Phase, job.Status.BlockedSince = v1alpha1.PhaseQueued, &metav1.Time{Time: time.Now().Add(-time.Hour)}
	job.Status.Conditions = []metav1.Condition{{
		Type: v1alpha1.ConditionRunning, Status: metav1.ConditionFalse, Reason: v1alpha1.ReasonQuotaExceeded, Message: "no room", LastTransitionTime: metav1.Now(),
	}}
	s := newServer(t, nil, job)
	unseen := s.trainPod(job)
	unseen.Name = "ships-train-7"
	unseen.Labels[v1alpha1.LabelNumber] = "7"
	s.create(unseen)
	s.refusePods()
	s.reconciler.Client = interceptor.NewClient(s.client, interceptor.Funcs{
		List: func(ctx context.Context, c client.WithWatch, list client.ObjectList, options ...client.ListOption) error {
			if _, ok := list.(*corev1.PodList); ok {
				return nil
			}
			return c.List(ctx, list, options...)
		},
	})
	s.reconcile("ships")
	if seen := s.job("ships"); seen.Status.Phase.Finished() {
		t.Errorf("the job is %s while a Pod of it works", seen.Status.Phase)
	}
}
