package integration

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/client-go/tools/events"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/swath-dev/swath/api/v1alpha1"
	"github.com/swath-dev/swath/controllers"
	"github.com/swath-dev/swath/internal/queue"
)

// drill runs one job to its end with one call to the API server that goes wrong. Time
// is the test's: it passes when the world does something, and to when the operator
// asked to be called. The operator is called when a watch brings it something that
// its predicates let pass, when its last reconcile ended in an error, and when it
// asked for it, and never else.
type drill struct {
	s          *stage
	f          *faulty
	ending     ending
	job        *v1alpha1.TrainingJob
	reconciler *controllers.TrainingJobReconciler
	// due is when the operator is called, zero for not; errors is how many reconciles
	// ended in an error since the last that did not.
	due    time.Time
	errors int
	// news is what bounds news in the operator; nil for nothing.
	news *controllers.News
	// done are the phases in which the user has acted.
	done    map[v1alpha1.Phase]bool
	resumed bool
	// now and pods are the job, nil when it is gone, and its Pods as they were last
	// seen; last is the job as it was last.
	now  *v1alpha1.TrainingJob
	last *v1alpha1.TrainingJob
	pods corev1.PodList
}

// maxRounds is how many rounds a job may take; an operator that calls itself without
// need takes more.
const maxRounds = 300

// drill runs a job in which that call goes wrong, and tells whether there was such a
// call.
func (s *stage) drill(e ending, fault fault, at int, news *controllers.News) bool {
	s.t.Helper()
	s.clock.SetTime(time.Now().Truncate(time.Second))
	job := newJob("ships")
	if e.spec != nil {
		e.spec(&job.Spec)
	}
	d := &drill{s: s, ending: e, news: news, job: s.job(s.submit(job)), done: map[v1alpha1.Phase]bool{}}
	random := rand.New(rand.NewPCG(1, uint64(at)))
	d.f = &faulty{Client: cluster, caches: &caches{random: random}, fault: fault, since: e.since, at: at, goOn: func() { d.world() }}
	d.look()
	d.restart()
	d.run(at)
	d.check(at)
	d.remove()
	return d.f.calls > at
}

// restart begins a new process of the operator.
func (d *drill) restart() {
	d.f.crashed, d.errors = false, 0
	d.reconciler = &controllers.TrainingJobReconciler{
		Client: d.f, Live: live{d.f}, Config: &d.s.config, Clock: d.s.clock, Recorder: &events.FakeRecorder{},
		Queue: queue.NewLedger(0, 0), Metrics: controllers.NewMetrics(prometheus.NewRegistry()), News: d.news,
	}
	d.due = d.s.clock.Now()
}

// run goes on until nothing happens any more.
func (d *drill) run(at int) {
	d.s.t.Helper()
	for round := 0; d.round(); round++ {
		if round == maxRounds {
			d.s.t.Fatalf("call %d, %s: the job never ends: %s", at, d.f.fault.name, describe(d.last))
		}
	}
}

// round has the world or the operator go one step on, and tells whether there may be
// another step.
func (d *drill) round() bool {
	if d.f.lag() {
		d.due = d.s.clock.Now()
	}
	acted := d.f.random.IntN(2) > 0 && d.goOn()
	if !d.due.IsZero() && !d.due.After(d.s.clock.Now()) {
		d.reconcile()
		return true
	}
	switch {
	case acted, d.goOn():
	case d.f.jobAt < len(d.f.jobs)-1 || d.f.podsAt < len(d.f.podLists)-1:
		if d.f.catchUp() {
			d.due = d.s.clock.Now()
		}
	case !d.due.IsZero():
		d.s.clock.SetTime(d.due)
	default:
		return false
	}
	return true
}

// goOn has the world go on, if it does, and time with it.
func (d *drill) goOn() bool {
	if !d.world() {
		return false
	}
	d.s.clock.SetTime(d.s.clock.Now().Add(3 * time.Second))
	d.look()
	return true
}

func (d *drill) reconcile() {
	d.due = time.Time{}
	request := ctrl.Request{NamespacedName: client.ObjectKeyFromObject(d.job)}
	result, err := d.reconciler.Reconcile(context.Background(), request)
	switch {
	case d.f.crashed:
		d.restart()
	case err != nil:
		d.due = d.s.clock.Now().Add(min(10*time.Millisecond<<d.errors, 30*time.Second))
		d.errors++
	default:
		d.errors = 0
		if result.RequeueAfter > 0 {
			d.due = d.s.clock.Now().Add(result.RequeueAfter)
		}
	}
	if d.f.touched {
		d.look()
	}
}

// look sees what there is.
func (d *drill) look() {
	d.s.t.Helper()
	d.f.touched = false
	d.pods = corev1.PodList{}
	if err := cluster.List(context.Background(), &d.pods, client.InNamespace(d.s.namespace)); err != nil {
		d.s.t.Fatalf("listing the Pods: %v", err)
	}
	var err error
	if d.now, err = d.s.get(d.job); apierrors.IsNotFound(err) {
		d.now = nil
	} else if err != nil {
		d.s.t.Fatalf("reading the job: %v", err)
	} else {
		d.last = d.now
	}
	d.f.happened(d.now, d.pods)
	if d.last.Status.Phase == v1alpha1.PhaseCancelled && len(d.pods.Items) > 0 {
		d.s.t.Errorf("call %d, %s: the job is cancelled while %d Pods are there", d.f.at, d.f.fault.name, len(d.pods.Items))
	}
}

// check judges the job once nothing happens any more.
func (d *drill) check(at int) {
	d.s.t.Helper()
	where := fmt.Sprintf("call %d of %d, %s", at, d.f.calls, d.f.fault.name)
	status := d.last.Status
	if status.Phase != d.ending.want || status.Retries != d.ending.retries || status.Disruptions != 0 {
		d.s.t.Errorf("%s: the end is %s", where, describe(d.last))
	}
	if gone := d.now == nil; gone != d.ending.expires {
		d.s.t.Errorf("%s: the job is gone: %t", where, gone)
	}
	made := slices.Sorted(slices.Values(d.f.podsMade))
	enough := len(made) == len(d.ending.pods) || d.ending.fewer && len(made) < len(d.ending.pods)
	if !enough || !slices.Equal(made, d.ending.pods[:len(made)]) {
		d.s.t.Errorf("%s: the Pods %q were made, want %q; the job is %s", where, made, d.ending.pods, describe(d.last))
	}
	for _, pod := range d.pods.Items {
		if len(pod.Finalizers) > 0 || pod.DeletionTimestamp != nil {
			d.s.t.Errorf("%s: Pod %s is held by %q, deletion asked for at %v", where, pod.Name, pod.Finalizers, pod.DeletionTimestamp)
		}
	}
	// A new operator changes nothing of it.
	d.restart()
	d.run(at)
	if again := d.last.Status; again.Phase != status.Phase || !again.FinishedAt.Equal(status.FinishedAt) || len(d.f.podsMade) != len(made) {
		d.s.t.Errorf("%s: a restart changed the end to %s", where, describe(d.last))
	}
}

// remove leaves nothing for the next drill.
func (d *drill) remove() {
	d.s.t.Helper()
	if d.now != nil {
		if err := cluster.Delete(context.Background(), d.now); err != nil {
			d.s.t.Fatalf("deleting the job: %v", err)
		}
	}
	for i := range d.pods.Items {
		pod := &d.pods.Items[i]
		if len(pod.Finalizers) > 0 {
			(&kubelet{s: d.s, key: client.ObjectKeyFromObject(pod)}).finalizers()
		}
		(&kubelet{s: d.s, key: client.ObjectKeyFromObject(pod)}).removes()
	}
}
