package controllers

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"github.com/swath-dev/swath/api/v1alpha1"
)

// eventPages lists events, two a page, and what else the test says.
type eventPages struct {
	client.Reader
	events []corev1.Event
	lists  atomic.Int32
	err    error
	// hold holds every list up until it is closed; nil for nothing.
	hold chan struct{}
}

func (p *eventPages) List(ctx context.Context, list client.ObjectList, options ...client.ListOption) error {
	page, ok := list.(*corev1.EventList)
	if !ok {
		return nil
	}
	p.lists.Add(1)
	if p.hold != nil {
		select {
		case <-p.hold:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	if p.err != nil {
		return p.err
	}
	asked := (&client.ListOptions{}).ApplyOptions(options)
	from := 0
	if asked.Continue != "" {
		if _, err := fmt.Sscan(asked.Continue, &from); err != nil {
			return err
		}
	}
	to := min(from+2, len(p.events))
	page.Items = p.events[from:to]
	if to < len(p.events) {
		page.Continue = fmt.Sprint(to)
	}
	return nil
}

func eventOf(pod types.UID, reason string) corev1.Event {
	return corev1.Event{InvolvedObject: corev1.ObjectReference{Kind: "Pod", UID: pod}, Reason: reason, Message: reason + " happened", LastTimestamp: metav1.Now()}
}

// All pages are read, and once for all Pods of the namespace that ask at a time and
// soon after.
func TestTheEventsOfANamespaceAreReadOnceAndWhole(t *testing.T) {
	reader := &eventPages{hold: make(chan struct{})}
	for i := range 5 {
		reader.events = append(reader.events, eventOf(types.UID(fmt.Sprint("pod-", i)), "FailedMount"), eventOf(types.UID(fmt.Sprint("pod-", i)), "Scheduled"))
	}
	var known troubles
	known.patience = time.Minute
	var asking sync.WaitGroup
	for range 8 {
		asking.Go(func() {
			events, err := known.of(t.Context(), reader, "default")
			if err != nil || len(events) != 5 {
				t.Errorf("the events of %d Pods are read, want 5: %v", len(events), err)
			}
		})
	}
	close(reader.hold)
	asking.Wait()
	if _, err := known.of(t.Context(), reader, "default"); err != nil {
		t.Fatal(err)
	}
	if lists := reader.lists.Load(); lists != 5 {
		t.Errorf("%d pages were asked for, want 5", lists)
	}
	if _, err := known.of(t.Context(), reader, "another"); err != nil || reader.lists.Load() != 10 {
		t.Errorf("another namespace's events: %v after %d pages", err, reader.lists.Load())
	}
}

// A namespace whose events take long holds up no reconcile for long, and no other
// namespace at all; what was read late is there for the next.
func TestSlowEventsHoldUpNobody(t *testing.T) {
	slow := &eventPages{hold: make(chan struct{}), events: []corev1.Event{eventOf("pod", "FailedMount")}}
	known := troubles{patience: time.Millisecond}
	if _, err := known.of(t.Context(), slow, "slow"); !errors.Is(err, errSlowEvents) {
		t.Errorf("the error is %v", err)
	}
	quick := &eventPages{events: slow.events}
	known.patience = time.Minute
	if events, err := known.of(t.Context(), quick, "quick"); err != nil || len(events) != 1 {
		t.Errorf("another namespace's events are %v: %v", events, err)
	}
	close(slow.hold)
	if events, err := known.of(t.Context(), slow, "slow"); err != nil || len(events) != 1 {
		t.Errorf("what was read late is %v: %v", events, err)
	}
	if lists := slow.lists.Load(); lists != 1 {
		t.Errorf("the slow namespace was read %d times", lists)
	}
}

// stuck is a server with a job whose prepare Pod waits for a volume, as it is
// recorded, and then the events cannot be read.
func stuck(t *testing.T) *server {
	t.Helper()
	job := makeJob("ships", 0)
	s := newServer(t, nil, job)
	s.reconcile("ships")
	s.change("ships-prepare-1", waiting(s.clock.Now()))
	pod := s.pod("ships-prepare-1")
	event := eventOf(pod.UID, "FailedMount")
	event.ObjectMeta = metav1.ObjectMeta{Namespace: "default", Name: "mount"}
	live := s.client
	s.reconciler.Live = interceptor.NewClient(live, interceptor.Funcs{List: func(ctx context.Context, c client.WithWatch, list client.ObjectList, options ...client.ListOption) error {
		if events, ok := list.(*corev1.EventList); ok {
			events.Items = []corev1.Event{event}
			return nil
		}
		return c.List(ctx, list, options...)
	}})
	s.pass(11 * time.Second)
	s.reconcile("ships")
	if got := waitsFor(s.job("ships")); got != v1alpha1.ReasonVolumeUnavailable {
		t.Fatalf("the job waits for %s", got)
	}
	s.restart()
	s.reconciler.Live = interceptor.NewClient(live, interceptor.Funcs{List: func(ctx context.Context, c client.WithWatch, list client.ObjectList, options ...client.ListOption) error {
		if _, ok := list.(*corev1.EventList); ok {
			return errors.New("etcdserver: request timed out")
		}
		return c.List(ctx, list, options...)
	}})
	return s
}

func waitsFor(job *v1alpha1.TrainingJob) string {
	c := meta.FindStatusCondition(job.Status.Conditions, v1alpha1.ConditionRunning)
	if c == nil {
		return ""
	}
	return c.Reason
}

// That events cannot be read mends nothing and fails nothing: since when the Pod is
// blocked stays known, and nothing is decided by it.
func TestEventsThatCannotBeReadChangeNothing(t *testing.T) {
	s := stuck(t)
	before := s.job("ships")
	s.pass(time.Hour)
	if result := s.reconcile("ships"); result.RequeueAfter == 0 {
		t.Error("nobody looks again")
	}
	after := s.job("ships")
	if after.ResourceVersion != before.ResourceVersion || after.Status.BlockedSince == nil || s.pod("ships-prepare-1") == nil {
		t.Errorf("the status became %+v", after.Status)
	}
}

// A job is cancelled whether its Pod's events can be read or not, and they are not
// even asked for.
func TestACancelWaitsForNoEvents(t *testing.T) {
	s := stuck(t)
	reader := &eventPages{Reader: s.client, hold: make(chan struct{})}
	s.restart()
	s.reconciler.Live = interceptor.NewClient(s.client, interceptor.Funcs{List: func(ctx context.Context, c client.WithWatch, list client.ObjectList, options ...client.ListOption) error {
		if _, ok := list.(*corev1.EventList); ok {
			return reader.List(ctx, list, options...)
		}
		return c.List(ctx, list, options...)
	}})
	job := s.job("ships")
	job.Spec.Cancel = ptr.To(true)
	if err := s.client.Update(t.Context(), job); err != nil {
		t.Fatal(err)
	}
	s.reconcile("ships")
	s.reconcile("ships")
	if end := s.job("ships"); end.Status.Phase != v1alpha1.PhaseCancelled || reader.lists.Load() != 0 {
		t.Errorf("the job is %s, and events were listed %d times", end.Status.Phase, reader.lists.Load())
	}
}
