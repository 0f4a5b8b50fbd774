package plugin

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"

	"github.com/swath-dev/swath/api/v1alpha1"
)

const (
	// askInterval is how often the gateway is asked for the place in the queue.
	askInterval = 5 * time.Second
	// askAgain is how long it is left alone after it did not answer.
	askAgain = time.Minute
	// askTimeout bounds one question, since nothing else is shown meanwhile.
	askTimeout = 5 * time.Second
)

// queuePlace is a job's place among those that wait for others to end, from 1, and how many wait.
type queuePlace struct {
	Position int `json:"queue_position"`
	Length   int `json:"queue_length"`
}

// waitsUnplaced tells whether the job waits in the queue behind those whose status has their place.
func waitsUnplaced(job *v1alpha1.TrainingJob) bool {
	running := meta.FindStatusCondition(job.Status.Conditions, v1alpha1.ConditionRunning)
	return job.Status.Phase == v1alpha1.PhaseQueued && job.Status.QueuePosition == nil &&
		running != nil && running.Reason == v1alpha1.ReasonWaitingForSlot
}

// placeFinder asks the gateway for places in the queue: it knows those of all jobs, also of other namespaces.
type placeFinder struct {
	connect func(context.Context) (*gatewayClient, error)
	gateway *gatewayClient
	place   queuePlace
	next    time.Time
}

// look asks when it is time to. It returns an error once for each time that the gateway does not answer.
func (p *placeFinder) look(ctx context.Context, job *v1alpha1.TrainingJob, now time.Time) error {
	if !waitsUnplaced(job) || now.Before(p.next) {
		return nil
	}
	ctx, stop := context.WithTimeout(ctx, askTimeout)
	defer stop()
	place, err := p.ask(ctx, job)
	p.place, p.next = place, now.Add(askInterval)
	if err != nil {
		p.close()
		p.next = now.Add(askAgain)
		return fmt.Errorf("the place in the queue is not known: %w", err)
	}
	return nil
}

func (p *placeFinder) ask(ctx context.Context, job *v1alpha1.TrainingJob) (queuePlace, error) {
	if p.gateway == nil {
		gateway, err := p.connect(ctx)
		if err != nil {
			return queuePlace{}, err
		}
		p.gateway = gateway
	}
	return callJSON[queuePlace](ctx, p.gateway, http.MethodGet, path("training", "jobs", idOf(job), "progress"), nil)
}

func (p *placeFinder) close() {
	if p.gateway != nil {
		p.gateway.close()
		p.gateway = nil
	}
}
