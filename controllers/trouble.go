package controllers

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"golang.org/x/sync/singleflight"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/swath-dev/swath/internal/lifecycle"
)

const (
	// troubleLife is how long what was read of a namespace's events counts, and how
	// long after a reading that failed there is no other.
	troubleLife = 5 * time.Second
	// troublePatience is how long a reconcile waits for the events of a namespace.
	// Events are advice: what takes longer is there for the next one.
	troublePatience = 2 * time.Second
	// troubleReading bounds the reading of a namespace's events.
	troubleReading = 30 * time.Second
)

// errSlowEvents means that events are still being read.
var errSlowEvents = errors.New("the events are not read yet")

// troubles are the events that tell why Pods do not get on. The API server has no
// index of events: to find those of one Pod it reads all of the namespace. So one
// reading answers for all Pods of the namespace, or a thousand that wait for a
// busy node would keep it from everything else.
type troubles struct {
	// patience is troublePatience when 0.
	patience time.Duration

	flights singleflight.Group
	mu      sync.Mutex
	read    map[string]namespaceEvents
}

// namespaceEvents are the telling events of a namespace, by Pod, or why they could
// not be read.
type namespaceEvents struct {
	at    time.Time
	byPod map[types.UID][]corev1.Event
	err   error
}

// readTrouble reads the events of Pods that do not get on. When they cannot be read
// the job goes on without: nothing but a sentence depends on them. A job that is
// cancelled or has ended asks nothing of its Pods but that they go.
func (r *TrainingJobReconciler) readTrouble(ctx context.Context, observed *lifecycle.Observed) {
	job := observed.Job
	if ptr.Deref(job.Spec.Cancel, false) || job.Status.Phase.Finished() {
		return
	}
	for i := range observed.Pods {
		p := &observed.Pods[i]
		if !p.NeedsEvents(observed.Now) {
			continue
		}
		events, err := r.troubles.of(ctx, r.Live, job.Namespace)
		if err != nil {
			log.FromContext(ctx).V(1).Info("Why a Pod does not get on is not known", "pod", p.Name, "cause", err.Error())
			return
		}
		p.Trouble, p.TroubleRead = lifecycle.ReadTrouble(events[p.UID]), true
	}
}

// of gives the telling events of the namespace by Pod. They are not to be changed.
// It waits for a reading a short time only, which goes on for those who come later.
func (t *troubles) of(ctx context.Context, live client.Reader, namespace string) (map[types.UID][]corev1.Event, error) {
	if known, ok := t.known(namespace, time.Now()); ok {
		return known.byPod, known.err
	}
	reading := t.flights.DoChan(namespace, func() (any, error) {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), troubleReading)
		defer cancel()
		byPod, err := listEvents(ctx, live, namespace)
		if err != nil {
			log.FromContext(ctx).Info("The events of a namespace cannot be read; why its Pods do not start is not said until they can", "cause", err.Error())
		}
		t.put(namespace, namespaceEvents{at: time.Now(), byPod: byPod, err: err})
		return byPod, err
	})
	patience := time.NewTimer(orDefault(t.patience, troublePatience))
	defer patience.Stop()
	select {
	case result := <-reading:
		byPod, _ := result.Val.(map[types.UID][]corev1.Event)
		return byPod, result.Err
	case <-patience.C:
		return nil, errSlowEvents
	case <-ctx.Done():
		return nil, fmt.Errorf("waiting for the events of the namespace %s: %w", namespace, ctx.Err())
	}
}

func orDefault(d, otherwise time.Duration) time.Duration {
	if d == 0 {
		return otherwise
	}
	return d
}

// listEvents lists the telling events of the namespace. An operator that may not read
// events is told nothing by them.
func listEvents(ctx context.Context, live client.Reader, namespace string) (map[types.UID][]corev1.Event, error) {
	byPod := map[types.UID][]corev1.Event{}
	for next, more := "", true; more; more = next != "" {
		var list corev1.EventList
		err := live.List(ctx, &list, client.InNamespace(namespace), client.Limit(listPage), client.Continue(next),
			client.MatchingFieldsSelector{Selector: fields.OneTermEqualSelector("involvedObject.kind", "Pod")})
		if apierrors.IsForbidden(err) {
			return byPod, nil
		}
		if err != nil {
			return nil, fmt.Errorf("listing the events of the namespace %s: %w", namespace, err)
		}
		next = list.Continue
		for i := range list.Items {
			if e := &list.Items[i]; lifecycle.Tells(e) {
				byPod[e.InvolvedObject.UID] = append(byPod[e.InvolvedObject.UID], *e)
			}
		}
	}
	return byPod, nil
}

// known is what was read of the namespace lately.
func (t *troubles) known(namespace string, now time.Time) (namespaceEvents, bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	known, ok := t.read[namespace]
	return known, ok && now.Sub(known.at) < troubleLife
}

// put keeps what was read, and nothing that no longer counts.
func (t *troubles) put(namespace string, read namespaceEvents) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.read == nil {
		t.read = map[string]namespaceEvents{}
	}
	for name, known := range t.read {
		if read.at.Sub(known.at) >= troubleLife {
			delete(t.read, name)
		}
	}
	t.read[namespace] = read
}
