package jobs

import (
	"context"
	"fmt"
	"sync"
	"time"

	"golang.org/x/time/rate"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/swath-dev/swath/api/v1alpha1"
)

const (
	// lookRate and lookBurst bound how often the API server is asked for the list of a namespace, a second and at once.
	lookRate  = 20
	lookBurst = 4
	// lookTimeout bounds one list, and lookPage how much of it comes at a time.
	lookTimeout = 20 * time.Second
	lookPage    = 500
	// keptLookers bounds for how many namespaces lists are counted.
	keptLookers = 4096
)

// seen is what a list of the API server tells of a job.
type seen struct {
	uid           types.UID
	name, version string
}

// looker looks at the jobs of one namespace as the API server has them: one list at a time, for all who wait for it.
type looker struct {
	limiter *rate.Limiter
	busy    sync.Mutex
	// next is the list that has not begun yet; nil when nobody waits for one.
	next *look
}

// look is one list.
type look struct {
	done chan struct{}
	seen []seen
	err  error
}

// look lists the jobs of a namespace as they are now, or a moment later: the list begins after look was called.
func (j *Jobs) look(ctx context.Context, namespace string) ([]seen, error) {
	j.mutex.Lock()
	l := j.looker(namespace)
	waited := l.next
	if waited == nil {
		waited = &look{done: make(chan struct{})}
		l.next = waited
		go j.run(l, waited, namespace)
	}
	j.mutex.Unlock()
	select {
	case <-waited.done:
		return waited.seen, waited.err
	case <-ctx.Done():
		return nil, fmt.Errorf("waiting for a list of the TrainingJobs of namespace %s: %w", namespace, context.Cause(ctx))
	}
}

// looker is the namespace's; the caller holds the mutex.
func (j *Jobs) looker(namespace string) *looker {
	if known, ok := j.lookers.Get(namespace); ok {
		if l, ok := known.(*looker); ok {
			return l
		}
	}
	l := &looker{limiter: rate.NewLimiter(lookRate, lookBurst)}
	j.lookers.Add(namespace, l)
	return l
}

// run lists once it is its turn. Whoever asks meanwhile waits for it too, and whoever asks once it has begun for the next one.
func (j *Jobs) run(l *looker, wanted *look, namespace string) {
	defer close(wanted.done)
	l.busy.Lock()
	defer l.busy.Unlock()
	// Without a deadline it only waits for its turn.
	_ = l.limiter.Wait(context.Background())
	j.mutex.Lock()
	l.next = nil
	j.mutex.Unlock()
	ctx, cancel := context.WithTimeout(context.Background(), lookTimeout)
	defer cancel()
	wanted.seen, wanted.err = j.listLive(ctx, namespace)
}

// listLive lists the jobs of a namespace, page by page and without what they are.
func (j *Jobs) listLive(ctx context.Context, namespace string) ([]seen, error) {
	var all []seen
	for next, more := "", true; more; more = next != "" {
		page := &metav1.PartialObjectMetadataList{}
		page.SetGroupVersionKind(v1alpha1.GroupVersion.WithKind(v1alpha1.TrainingJobKind + "List"))
		if err := j.live.List(ctx, page, client.InNamespace(namespace), client.Limit(lookPage), client.Continue(next)); err != nil {
			return nil, fmt.Errorf("listing the TrainingJobs of namespace %s: %w", namespace, err)
		}
		for i := range page.Items {
			all = append(all, seen{uid: page.Items[i].UID, name: page.Items[i].Name, version: page.Items[i].ResourceVersion})
		}
		next = page.Continue
	}
	return all, nil
}
