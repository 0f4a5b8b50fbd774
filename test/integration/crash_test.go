package integration

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/client-go/tools/events"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/swath-dev/swath/api/v1alpha1"
	"github.com/swath-dev/swath/controllers"
	"github.com/swath-dev/swath/internal/contract"
	"github.com/swath-dev/swath/internal/queue"
)

// ending is a way for a job to go.
type ending struct {
	want v1alpha1.Phase
	// pods are the Pods that it takes.
	pods []string
	// exit says how a container ends; the code 0 comes with the right message.
	exit func(pod string, stage contract.Stage) int32
	// allFaults has every fault tried, not only the ends of the operator.
	allFaults bool
	// user is what the user does when the job is in the phase for the first time.
	user map[v1alpha1.Phase]func(*v1alpha1.TrainingJob)
}

func allWell(string, contract.Stage) int32 { return 0 }

var endings = map[string]ending{
	"a model": {want: v1alpha1.PhaseSucceeded, pods: []string{"ships-prepare-1", "ships-train-1"}, exit: allWell, allFaults: true},
	"a broken file": {
		want: v1alpha1.PhaseFailed, pods: []string{"ships-prepare-1"},
		exit: func(_ string, stage contract.Stage) int32 {
			return map[contract.Stage]int32{contract.StageValidate: contract.ExitBadFile}[stage]
		},
	},
	"a model at the second try": {
		want: v1alpha1.PhaseSucceeded, pods: []string{"ships-prepare-1", "ships-train-1", "ships-train-2"},
		exit: func(pod string, _ contract.Stage) int32 { return map[string]int32{"ships-train-1": 1}[pod] },
	},
	"cancelled while it trains": {
		want: v1alpha1.PhaseCancelled, pods: []string{"ships-prepare-1", "ships-train-1"}, exit: allWell,
		user: map[v1alpha1.Phase]func(*v1alpha1.TrainingJob){v1alpha1.PhaseRunning: cancel},
	},
	"suspended while it trains": {
		want: v1alpha1.PhaseSucceeded, pods: []string{"ships-prepare-1", "ships-train-1", "ships-train-2"}, exit: allWell, allFaults: true,
		user: map[v1alpha1.Phase]func(*v1alpha1.TrainingJob){v1alpha1.PhaseRunning: suspend},
	},
}

// drill runs one job to its end with one write that goes wrong.
type drill struct {
	s          *stage
	f          *faulty
	ending     ending
	job        *v1alpha1.TrainingJob
	reconciler *controllers.TrainingJobReconciler
	done       map[v1alpha1.Phase]bool
	// now and pods are the job and its Pods as they were last seen.
	now  *v1alpha1.TrainingJob
	pods corev1.PodList
}

func TestOneWriteThatGoesWrongChangesNothingOfTheEnd(t *testing.T) {
	for name, e := range endings {
		for _, fault := range faults {
			if !e.allFaults && !fault.crashes {
				continue
			}
			t.Run(name+", "+fault.name, func(t *testing.T) {
				s := newStage(t, withoutOperator)
				for at, more := 0, true; more; at++ {
					more = s.drill(e, fault, at)
				}
			})
		}
	}
}

// drill runs a job in which that write goes wrong, and tells whether there was such
// a write.
func (s *stage) drill(e ending, fault fault, at int) bool {
	s.t.Helper()
	s.clock.SetTime(time.Now().Truncate(time.Second))
	job := s.job(s.submit(newJob("ships")))
	d := &drill{s: s, ending: e, job: job, done: map[v1alpha1.Phase]bool{}}
	d.f = &faulty{Client: cluster, namespace: s.namespace, fault: fault, at: at, random: rand.New(rand.NewPCG(1, uint64(at)))}
	d.restart()
	d.look()
	for round := 0; !d.over(); round++ {
		if round == 200 {
			s.t.Fatalf("write %d, %s: the job never ends: %s", at, fault.name, describe(s.job(job)))
		}
		d.round()
	}
	d.check(at)
	if err := cluster.Delete(context.Background(), s.job(job)); err != nil {
		s.t.Fatalf("deleting the job: %v", err)
	}
	var pods corev1.PodList
	d.list(&pods)
	for i := range pods.Items {
		(&kubelet{s: s, key: client.ObjectKeyFromObject(&pods.Items[i])}).removes()
	}
	return d.f.writes > at
}

// restart begins a new process of the operator.
func (d *drill) restart() {
	d.f.crashed = false
	d.reconciler = &controllers.TrainingJobReconciler{
		Client: d.f, Live: cluster, Config: &d.s.config, Clock: d.s.clock, Recorder: &events.FakeRecorder{},
		Queue: queue.NewLedger(0, 0), Metrics: controllers.NewMetrics(prometheus.NewRegistry()),
	}
}

// round is one reconcile on what the caches show, one step of each container, and
// what the user does.
func (d *drill) round() {
	d.f.watch(d.now, d.pods)
	request := ctrl.Request{NamespacedName: client.ObjectKeyFromObject(d.job)}
	// An error brings another round.
	_, _ = d.reconciler.Reconcile(context.Background(), request)
	if d.f.crashed {
		d.restart()
	}
	d.s.clock.SetTime(d.s.clock.Now().Add(5 * time.Second))
	d.look()
	d.kubelet()
	d.user()
	d.look()
}

// look sees what there is.
func (d *drill) look() {
	d.s.t.Helper()
	d.now, d.pods = d.s.job(d.job), corev1.PodList{}
	d.list(&d.pods)
}

func (d *drill) user() {
	phase := d.now.Status.Phase
	if act := d.ending.user[phase]; act != nil && !d.done[phase] {
		d.done[phase] = true
		d.s.change(d.job, act)
	}
	if d.done[v1alpha1.PhaseRunning] && phase == v1alpha1.PhaseQueued {
		d.s.change(d.job, resume)
	}
}

// kubelet has every Pod's containers go one step on.
func (d *drill) kubelet() {
	for i := range d.pods.Items {
		pod := &d.pods.Items[i]
		k := &kubelet{s: d.s, key: client.ObjectKeyFromObject(pod)}
		switch {
		case pod.DeletionTimestamp != nil:
			if pod.Status.Phase == corev1.PodRunning {
				k.ends(contract.StageTrain, contract.ExitInterrupted, "")
			}
			k.removes()
		case pod.Spec.NodeName == "":
			d.s.onNode(pod)
		case pod.Status.Phase == corev1.PodSucceeded || pod.Status.Phase == corev1.PodFailed:
		case pod.Labels[v1alpha1.LabelRole] == v1alpha1.RolePrepare:
			if code := d.ending.exit(pod.Name, contract.StageDownload); code != 0 {
				k.ends(contract.StageDownload, code, "")
				continue
			}
			k.ends(contract.StageDownload, 0, "")
			d.end(k, pod, contract.StageValidate)
		case pod.Status.Phase == corev1.PodPending:
			k.runs(contract.StageTrain)
		case d.ending.user == nil || pod.Name != "ships-train-1":
			// Where the user stops the first start, it does not end by itself.
			d.end(k, pod, contract.StageTrain)
		}
	}
}

func (d *drill) end(k *kubelet, pod *corev1.Pod, stage contract.Stage) {
	job := d.now
	var number int32
	if _, err := fmt.Sscan(pod.Labels[v1alpha1.LabelNumber], &number); err != nil {
		d.s.t.Fatalf("Pod %s has no number: %v", pod.Name, err)
	}
	code := d.ending.exit(pod.Name, stage)
	switch {
	case code != 0:
		k.ends(stage, code, "it went wrong")
	case stage == contract.StageValidate:
		k.says(stage, validated(job, number))
	default:
		k.says(stage, trained(job, number))
	}
}

func (d *drill) list(pods *corev1.PodList) {
	d.s.t.Helper()
	if err := cluster.List(context.Background(), pods, client.InNamespace(d.s.namespace)); err != nil {
		d.s.t.Fatalf("listing the Pods: %v", err)
	}
}

// over tells whether the job has ended and the operator has nothing more to do.
func (d *drill) over() bool {
	if !d.now.Status.Phase.Finished() {
		return false
	}
	for _, pod := range d.pods.Items {
		if slices.Contains(pod.Finalizers, v1alpha1.ResultFinalizer) {
			return false
		}
	}
	return true
}

func (d *drill) check(at int) {
	d.s.t.Helper()
	end := d.s.job(d.job)
	where := fmt.Sprintf("write %d of %d, %s", at, d.f.writes, d.f.fault.name)
	if end.Status.Phase != d.ending.want {
		d.s.t.Errorf("%s: the end is %s", where, describe(end))
	}
	made := slices.Sorted(slices.Values(d.f.podsMade))
	if !slices.Equal(made, d.ending.pods) {
		d.s.t.Errorf("%s: the Pods %q were made, want %q; the job is %s", where, made, d.ending.pods, describe(end))
	}
	// Some rounds later it is still so.
	for range 3 {
		d.f.upToDate()
		d.round()
	}
	if again := d.s.job(d.job); again.Status.Phase != end.Status.Phase || !again.Status.FinishedAt.Equal(end.Status.FinishedAt) || len(d.f.podsMade) != len(made) {
		d.s.t.Errorf("%s: the end has changed from %s\nto %s", where, describe(end), describe(again))
	}
}
