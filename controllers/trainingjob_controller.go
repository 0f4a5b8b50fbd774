// Package controllers has the reconciler of TrainingJobs. It observes, lets
// internal/lifecycle decide, records, and acts; it has no rules of its own.
package controllers

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/client-go/tools/events"
	"k8s.io/utils/clock"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/swath-dev/swath/api/v1alpha1"
	"github.com/swath-dev/swath/internal/config"
	"github.com/swath-dev/swath/internal/lifecycle"
	"github.com/swath-dev/swath/internal/namespaces"
	"github.com/swath-dev/swath/internal/queue"
)

// staleRetry is how soon a job is looked at again that has changed in between.
const staleRetry = 50 * time.Millisecond

// goingRetry is how soon a job is looked at again whose namespace is being deleted: it
// goes with its namespace, and nothing can be done for it before.
const goingRetry = 30 * time.Second

// errNamespaceGoes means that the job's namespace is being deleted, so that no Pod can
// be made in it.
var errNamespaceGoes = errors.New("the namespace is being deleted")

// errStale means that the job has changed since it was read: what was decided on
// it must not be done.
var errStale = errors.New("the TrainingJob has changed in between")

// TrainingJobReconciler takes TrainingJobs through their phases.
type TrainingJobReconciler struct {
	// Client reads from the caches and writes.
	Client client.Client
	// Live reads from the API server itself.
	Live client.Reader
	// Config is the operator's configuration.
	Config *config.Config
	// Clock tells the time.
	Clock clock.PassiveClock
	// Recorder writes Kubernetes events.
	Recorder events.EventRecorder
	// Queue decides which jobs may train at a time.
	Queue *queue.Ledger
	// Metrics are the operator's Prometheus metrics.
	Metrics *Metrics
	// Schema knows whether the API server keeps what is recorded.
	Schema *Schema
	// News bounds what is written only to tell in which phase jobs are.
	News *News

	namespaces namespaces.UIDs

	wake     chan wakeEvent
	troubles troubles
	wordings wordings
	// createFailures are the jobs whose Pod the API server could not make.
	createFailures createFailures
	rebuild        sync.Mutex
	rebuilt        bool
}

// +kubebuilder:rbac:groups=training.swath.dev,resources=trainingjobs,verbs=get;list;watch;delete
// +kubebuilder:rbac:groups=training.swath.dev,resources=trainingjobs/status,verbs=update
// +kubebuilder:rbac:groups=training.swath.dev,resources=trainingjobs/finalizers,verbs=update
// +kubebuilder:rbac:groups="",resources=pods,verbs=get;list;watch;create;patch;delete
// +kubebuilder:rbac:groups="",resources=namespaces,verbs=get
// +kubebuilder:rbac:groups="",resources=events,verbs=list
// +kubebuilder:rbac:groups=events.k8s.io,resources=events,verbs=create;patch
// +kubebuilder:rbac:groups=scheduling.k8s.io,resources=priorityclasses,verbs=get;list;watch

// Reconcile brings one job on: observe, decide, record, act.
func (r *TrainingJobReconciler) Reconcile(ctx context.Context, request ctrl.Request) (ctrl.Result, error) {
	if err := r.rebuildQueue(ctx); err != nil {
		return ctrl.Result{}, err
	}
	job := &v1alpha1.TrainingJob{}
	if err := r.Client.Get(ctx, request.NamespacedName, job); err != nil {
		if !apierrors.IsNotFound(err) {
			return ctrl.Result{}, fmt.Errorf("reading the TrainingJob: %w", err)
		}
		return r.forget(ctx, request.NamespacedName)
	}
	if r.Schema.outdated(ctx, job) {
		return retry(errOldSchema)
	}
	former, err := r.giveBackFormer(ctx, request.NamespacedName, job.UID)
	if err != nil {
		return ctrl.Result{}, err
	}
	observed, foreign, err := r.observe(ctx, job)
	if err != nil {
		return retry(err)
	}
	decision := lifecycle.Decide(observed)
	if decision.NeedsLivePods {
		if observed, decision, err = r.decideLive(ctx, job); err != nil {
			return retry(err)
		}
	}
	putOff := r.News.putOff(&decision, r.Clock.Now())
	recorded := false
	if !putOff {
		recorded, err = r.record(ctx, job, &decision)
	}
	if err == nil {
		err = r.act(ctx, decided(job, &decision), decision.Actions, recorded)
	}
	var refused *refusedError
	if errors.As(err, &refused) {
		decision, err = r.endRefused(ctx, job, observed, &refused.refusal)
		putOff = false
	}
	if err == nil {
		err = r.giveBack(ctx, job, observed, recorded)
	}
	if err == nil {
		err = r.releaseForeign(ctx, foreign)
	}
	if err != nil {
		return retry(err)
	}
	result := r.wakeAt(earlier(decision.Wake, former))
	if putOff {
		result = later(result)
	}
	return result, nil
}

// retry has a job looked at again after an error. That a job has changed in between, or
// goes with its namespace, is none, and that the CRD is too old is logged once.
func retry(err error) (ctrl.Result, error) {
	switch {
	case errors.Is(err, errStale):
		return ctrl.Result{RequeueAfter: staleRetry}, nil
	case errors.Is(err, errNamespaceGoes):
		return ctrl.Result{RequeueAfter: goingRetry}, nil
	case errors.Is(err, errOldSchema):
		return ctrl.Result{RequeueAfter: schemaRetry}, nil
	}
	return ctrl.Result{}, err
}

// decided is the job with the status that was decided, whether that is recorded or put
// off: its Pods are made from it.
func decided(job *v1alpha1.TrainingJob, decision *lifecycle.Decision) *v1alpha1.TrainingJob {
	now := *job
	now.Status = decision.Status
	return &now
}

// endRefused records what follows from a Pod that could not be made, and does what
// an end by it asks for: nothing else may bring the operator back to the job. Before
// the end nothing is to be done that was not done before the Pod was tried.
func (r *TrainingJobReconciler) endRefused(ctx context.Context, job *v1alpha1.TrainingJob, observed lifecycle.Observed, refusal *lifecycle.Refusal) (lifecycle.Decision, error) {
	decision, err := r.decideRefused(ctx, job, observed, refusal)
	if err != nil {
		return decision, err
	}
	recorded, err := r.record(ctx, job, &decision)
	if err != nil || !decision.Ends {
		return decision, err
	}
	return decision, r.act(ctx, job, decision.Actions, recorded)
}

// decideRefused decides on a Pod that could not be made. An end by it goes by live
// Pods as every end does.
func (r *TrainingJobReconciler) decideRefused(ctx context.Context, job *v1alpha1.TrainingJob, observed lifecycle.Observed, refusal *lifecycle.Refusal) (lifecycle.Decision, error) {
	observed.Job, observed.Refusal = job, refusal
	r.askQueue(ctx, &observed)
	decision := lifecycle.Decide(observed)
	if !decision.NeedsLivePods {
		return decision, nil
	}
	live, err := r.observeLive(ctx, job)
	if err != nil {
		return decision, err
	}
	live.Refusal = refusal
	r.askQueue(ctx, &live)
	return lifecycle.Decide(live), nil
}

// wakeAt asks to be called again at that time, when something is due that only time
// brings; zero is never.
func (r *TrainingJobReconciler) wakeAt(at time.Time) ctrl.Result {
	if at.IsZero() {
		return ctrl.Result{}
	}
	return ctrl.Result{RequeueAfter: max(at.Sub(r.Clock.Now()), time.Millisecond)}
}
