package controllers

import (
	"context"
	"fmt"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/swath-dev/swath/internal/lifecycle"
)

// troubleLife is how long what was read of a namespace's events counts.
const troubleLife = 5 * time.Second

// troubles are the events that tell why Pods do not get on. The API server has no
// index of events: to find those of one Pod it reads all of the namespace. So one
// reading answers for all Pods of the namespace, or a thousand that wait for a
// busy node would keep it from everything else.
type troubles struct {
	mu   sync.Mutex
	read map[string]namespaceEvents
}

// namespaceEvents are the telling events of a namespace, by Pod.
type namespaceEvents struct {
	at    time.Time
	byPod map[types.UID][]corev1.Event
}

// readTrouble reads the events of Pods that do not get on.
func (r *TrainingJobReconciler) readTrouble(ctx context.Context, namespace string, observed *lifecycle.Observed) error {
	for i := range observed.Pods {
		p := &observed.Pods[i]
		if !p.NeedsEvents(observed.Now) {
			continue
		}
		events, err := r.troubles.of(ctx, r.Live, namespace, time.Now())
		if err != nil {
			return fmt.Errorf("listing the events of Pod %s: %w", p.Name, err)
		}
		p.Trouble = lifecycle.ReadTrouble(events[p.UID])
	}
	return nil
}

// of gives the telling events of the namespace by Pod. They are not to be changed.
func (t *troubles) of(ctx context.Context, live client.Reader, namespace string, now time.Time) (map[types.UID][]corev1.Event, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if known, ok := t.read[namespace]; ok && now.Sub(known.at) < troubleLife {
		return known.byPod, nil
	}
	byPod := map[types.UID][]corev1.Event{}
	for next, more := "", true; more; more = next != "" {
		var list corev1.EventList
		err := live.List(ctx, &list, client.InNamespace(namespace), client.Limit(listPage), client.Continue(next),
			client.MatchingFieldsSelector{Selector: fields.OneTermEqualSelector("involvedObject.kind", "Pod")})
		if apierrors.IsForbidden(err) {
			break // Then the events tell nothing.
		}
		if err != nil {
			return nil, err
		}
		next = list.Continue
		for i := range list.Items {
			if e := &list.Items[i]; lifecycle.Tells(e) {
				byPod[e.InvolvedObject.UID] = append(byPod[e.InvolvedObject.UID], *e)
			}
		}
	}
	t.put(namespace, namespaceEvents{at: now, byPod: byPod})
	return byPod, nil
}

// put keeps what was read, and nothing that no longer counts.
func (t *troubles) put(namespace string, read namespaceEvents) {
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
