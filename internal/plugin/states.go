package plugin

import (
	"context"
	"errors"
	"fmt"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/apimachinery/pkg/watch"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/swath-dev/swath/api/v1alpha1"
)

// errGone means that the TrainingJob was deleted while it was watched.
var errGone = errors.New("the TrainingJob was deleted")

// reconnecting is how long to wait before the API server is asked again: a second, then longer and longer, at most half a
// minute.
var reconnecting = wait.Backoff{Duration: time.Second, Factor: 1.5, Jitter: 0.2, Steps: 20, Cap: 30 * time.Second}

// maxRefusals is how often in a row the API server may refuse before that is believed: one that is starting does not know
// all rights and resources yet.
const maxRefusals = 5

// tickInterval is how often a follower ticks.
const tickInterval = time.Second

// follower follows the states of one TrainingJob. It outlives connections and API servers that end.
type follower struct {
	cluster client.WithWatch
	job     *v1alpha1.TrainingJob
	backoff wait.Backoff
	// visit gets each state, and returns true for the last one that is wanted.
	visit func(*v1alpha1.TrainingJob) bool
	// lost gets what went wrong whenever the API server has to be asked again.
	lost func(error)
	// tick is called every tickInterval.
	tick func(context.Context)
}

// follow returns the state that visit has returned true for. The API server is asked again, however often, unless it
// refuses or the job is gone: those who have had enough end the context.
func (f *follower) follow(ctx context.Context) (*v1alpha1.TrainingJob, error) {
	backoff, refusals := f.backoff, 0
	for {
		last, seen, err := f.once(ctx)
		switch {
		case last != nil || errors.Is(err, errGone):
			return last, err
		case ctx.Err() != nil:
			return nil, context.Cause(ctx)
		case seen:
			backoff, refusals = f.backoff, 0
		}
		if isRefusal(err) {
			if refusals++; refusals >= maxRefusals {
				return nil, err
			}
		}
		if err != nil {
			f.lost(err)
		}
		select {
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		case <-time.After(backoff.Step()):
		}
	}
}

// isRefusal tells whether the API server has understood and does not want to.
func isRefusal(err error) bool {
	return apierrors.IsForbidden(err) || apierrors.IsUnauthorized(err) || apierrors.IsNotFound(err) ||
		apierrors.IsBadRequest(err) || apierrors.IsInvalid(err) || apierrors.IsMethodNotSupported(err)
}

// once reads the job and watches it until the watch ends, as the API server lets each do from time to time. It tells
// whether it has seen the job.
func (f *follower) once(ctx context.Context) (last *v1alpha1.TrainingJob, seen bool, err error) {
	var list v1alpha1.TrainingJobList
	one := client.ListOptions{Namespace: f.job.Namespace, FieldSelector: fields.OneTermEqualSelector("metadata.name", f.job.Name)}
	if err := f.cluster.List(ctx, &list, &one); err != nil {
		return nil, false, fmt.Errorf("reading TrainingJob %s: %w", f.job.Name, err)
	}
	if len(list.Items) == 0 || list.Items[0].UID != f.job.UID {
		return nil, false, errGone
	}
	if f.visit(&list.Items[0]) {
		return &list.Items[0], true, nil
	}
	one.Raw = &metav1.ListOptions{ResourceVersion: list.ResourceVersion}
	watching, err := f.cluster.Watch(ctx, &v1alpha1.TrainingJobList{}, &one)
	if err != nil {
		return nil, true, fmt.Errorf("watching TrainingJob %s: %w", f.job.Name, err)
	}
	defer watching.Stop()
	last, err = f.drain(ctx, watching.ResultChan())
	return last, true, err
}

// drain visits what a watch tells until it ends.
func (f *follower) drain(ctx context.Context, events <-chan watch.Event) (*v1alpha1.TrainingJob, error) {
	ticker := time.NewTicker(tickInterval)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		case <-ticker.C:
			if f.tick != nil {
				f.tick(ctx)
			}
		case event, open := <-events:
			if !open {
				return nil, nil
			}
			job, ok := event.Object.(*v1alpha1.TrainingJob)
			switch {
			case event.Type == watch.Deleted:
				return nil, errGone
			case event.Type == watch.Error:
				if err := apierrors.FromObject(event.Object); !apierrors.IsGone(err) && !apierrors.IsResourceExpired(err) {
					return nil, fmt.Errorf("watching TrainingJob %s: %w", f.job.Name, err)
				}
				return nil, nil
			case ok && f.visit(job):
				return job, nil
			}
		}
	}
}
