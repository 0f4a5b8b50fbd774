package controllers

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"github.com/swath-dev/swath/api/v1alpha1"
)

// sentences have others say something else each time.
var sentences = map[string]func(*testing.T) (*server, func(round int)){
	"the scheduler counts nodes": func(t *testing.T) (*server, func(int)) {
		s := newServer(t, nil, makeJob("ships", 0))
		s.reconcile("ships")
		return s, func(round int) {
			s.change("ships-prepare-1", func(p *corev1.Pod) {
				unplaced(s.clock.Now())(p)
				p.Status.Conditions[0].Message = fmt.Sprintf("0/%d nodes are available: %d Insufficient cpu.", 900+round, round)
			})
		}
	},
	"a quota tells what is used": func(t *testing.T) (*server, func(int)) {
		s := newServer(t, nil, makeJob("ships", 0))
		used := 0
		s.reconciler.Client = interceptor.NewClient(s.client, interceptor.Funcs{
			Create: func(_ context.Context, _ client.WithWatch, o client.Object, _ ...client.CreateOption) error {
				return apierrors.NewForbidden(schema.GroupResource{Resource: "pods"}, o.GetName(), fmt.Errorf("exceeded quota: team, used: cpu=%d", used))
			},
		})
		s.reconcile("ships")
		return s, func(round int) { used = round }
	},
	"two volumes are missing in turn": func(t *testing.T) (*server, func(int)) {
		s := newServer(t, nil, makeJob("ships", 0))
		s.reconcile("ships")
		s.change("ships-prepare-1", waiting(s.clock.Now()))
		s.pass(11 * time.Second)
		event := eventOf(s.pod("ships-prepare-1").UID, "FailedMount")
		event.ObjectMeta = metav1.ObjectMeta{Namespace: "default", Name: "mount"}
		s.reconciler.Live = interceptor.NewClient(s.client, interceptor.Funcs{List: func(ctx context.Context, c client.WithWatch, list client.ObjectList, options ...client.ListOption) error {
			if events, ok := list.(*corev1.EventList); ok {
				events.Items = []corev1.Event{event}
				return nil
			}
			return c.List(ctx, list, options...)
		}})
		return s, func(round int) {
			event.Message = fmt.Sprint("volume ", round%2)
			s.reconciler.troubles.read = nil
		}
	},
}

// Others' numbers that change all the time are written once a minute at most, and what
// is written last is true.
func TestOthersNumbersAreNotWrittenAllTheTime(t *testing.T) {
	for name, make := range sentences {
		t.Run(name, func(t *testing.T) {
			s, change := make(t)
			change(0)
			s.reconcile("ships")
			s.statuses = 0
			const minutes, each = 4, 5 * time.Second
			for round := 1; time.Duration(round)*each <= minutes*time.Minute; round++ {
				change(round)
				s.reconcile("ships")
				s.pass(each)
			}
			if s.statuses < minutes || s.statuses > minutes+1 {
				t.Errorf("the status was written %d times in %d minutes", s.statuses, minutes)
			}
			// What is put off is written in its time, though nothing happens any more.
			putOff := false
			for round := 0; !putOff && round < 4; round++ {
				before := s.statuses
				change(1001 + round)
				result := s.reconcile("ships")
				putOff = s.statuses == before && result.RequeueAfter > 0 && result.RequeueAfter <= time.Minute
			}
			if !putOff {
				t.Error("nobody looks again when the words may be written")
			}
			s.pass(time.Minute)
			s.reconcile("ships")
			last := meta.FindStatusCondition(s.job("ships").Status.Conditions, v1alpha1.ConditionRunning)
			s.pass(2 * time.Minute)
			s.reconcile("ships")
			if again := meta.FindStatusCondition(s.job("ships").Status.Conditions, v1alpha1.ConditionRunning); again.Message != last.Message {
				t.Errorf("the condition says %q and then %q", last.Message, again.Message)
			}
		})
	}
}

// Another reason is said at once, however short the time since the words changed.
func TestAnotherReasonIsSaidAtOnce(t *testing.T) {
	s, change := sentences["the scheduler counts nodes"](t)
	for round := range 3 {
		change(round)
		s.reconcile("ships")
	}
	s.change("ships-prepare-1", func(p *corev1.Pod) {
		waiting(s.clock.Now())(p)
		p.Status.InitContainerStatuses = []corev1.ContainerStatus{{
			Name: "download", State: corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: "ErrImagePull", Message: "not found"}},
		}}
	})
	s.reconcile("ships")
	c := meta.FindStatusCondition(s.job("ships").Status.Conditions, v1alpha1.ConditionRunning)
	if c.Reason != v1alpha1.ReasonImagePullFailed || !strings.Contains(c.Message, "not found") {
		t.Errorf("the condition says %s: %s", c.Reason, c.Message)
	}
}

// A write that fails puts no later words off: they were not written.
func TestWordsThatCouldNotBeWrittenAreNotPutOff(t *testing.T) {
	s, change := sentences["the scheduler counts nodes"](t)
	change(0)
	s.reconcile("ships")
	fails := true
	s.reconciler.Client = interceptor.NewClient(s.client, interceptor.Funcs{
		SubResourceUpdate: func(ctx context.Context, c client.Client, name string, o client.Object, options ...client.SubResourceUpdateOption) error {
			if fails {
				return apierrors.NewConflict(schema.GroupResource{Resource: "trainingjobs"}, o.GetName(), fmt.Errorf("it has changed"))
			}
			return c.SubResource(name).Update(ctx, o, options...)
		},
	})
	change(7)
	s.reconcile("ships")
	fails = false
	s.reconcile("ships")
	if c := meta.FindStatusCondition(s.job("ships").Status.Conditions, v1alpha1.ConditionRunning); !strings.Contains(c.Message, "0/907 nodes") {
		t.Errorf("the condition says %q", c.Message)
	}
}
