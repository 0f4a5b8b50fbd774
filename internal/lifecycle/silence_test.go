package lifecycle_test

import (
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/swath-dev/swath/api/v1alpha1"
	"github.com/swath-dev/swath/internal/contract"
	"github.com/swath-dev/swath/internal/lifecycle"
)

// furtherDimensions are the rest of what a decision looks at. With the others they make
// too many worlds to visit all.
var furtherDimensions = []dimension{
	{nothing, attempted(-1, v1alpha1.ReasonPodDeleted), attempted(0, "TrainerError"), attempted(0, v1alpha1.ReasonUnschedulable), attempted(0, v1alpha1.ReasonStartTimeout), attempted(-1, v1alpha1.ReasonStartTimeout), attempted(0, v1alpha1.ReasonPodVanished), attempted(0, v1alpha1.ReasonDisrupted)},
	{
		nothing, waitedFor(v1alpha1.ReasonQuotaExceeded), waitedFor(v1alpha1.ReasonPodCreateFailed), waitedFor(v1alpha1.ReasonStopping),
		waitedFor(v1alpha1.ReasonStartTimeout), func(o *lifecycle.Observed) {
			if !o.Job.Status.Phase.Finished() {
				o.Job.Status.Phase = v1alpha1.PhaseRunning
			}
		},
	},
	{
		nothing,
		eachPod(func(p *lifecycle.Pod) { p.Gates, p.ScheduledAt = []string{"kueue.x-k8s.io/admission"}, time.Time{} }),
		eachPod(func(p *lifecycle.Pod) {
			p.ScheduledAt, p.Unschedulable, p.UnschedulableSince = time.Time{}, "0/3 nodes are available", start
		}),
		eachPod(func(p *lifecycle.Pod) { p.ScheduledAt, p.Node, p.CreatedAt = time.Time{}, "", start }),
	},
	{
		nothing,
		eachPod(func(p *lifecycle.Pod) {
			p.Trouble, p.TroubleRead = &lifecycle.Refusal{Reason: v1alpha1.ReasonVolumeUnavailable, Message: "not found"}, true
		}),
		eachPod(func(p *lifecycle.Pod) { p.TroubleRead = true }),
		eachPod(func(p *lifecycle.Pod) {
			p.Awaited = &lifecycle.Awaited{Name: "proxy", Sidecar: true, Container: lifecycle.Container{State: lifecycle.Running}}
		}),
	},
	{nothing, eachPod(func(p *lifecycle.Pod) { p.Outdated = true })},
	{nothing, eachPod(func(p *lifecycle.Pod) { p.QueuedByKueue = p.Role == v1alpha1.RoleTrain })},
	{nothing, func(o *lifecycle.Observed) {
		o.Settings.Kueue = true
		o.Job.Labels = map[string]string{v1alpha1.KueueQueueLabel: "team"}
	}},
	{nothing, ttl(0), ttl(600)},
	{nothing, func(o *lifecycle.Observed) { o.Settings.PrepareTimeout = time.Minute }},
	{nothing, keep(0), keep(time.Hour)},
	{nothing, func(o *lifecycle.Observed) {
		o.Settings.UnschedulableAfter, o.Slot.Wanted = 5*time.Minute, o.Slot.Granted
	}},
}

// waitedFor is a job that is blocked by that, as recorded.
func waitedFor(reason string) func(*lifecycle.Observed) {
	return func(o *lifecycle.Observed) {
		o.Job.Status.BlockedSince = &metav1.Time{Time: start}
		meta.SetStatusCondition(&o.Job.Status.Conditions, metav1.Condition{
			Type: v1alpha1.ConditionRunning, Status: metav1.ConditionFalse, Reason: reason, Message: "it waits",
		})
	}
}

// attempted is a job whose newest start, or one before it, is over and recorded.
func attempted(before int32, reason string) func(*lifecycle.Observed) {
	return func(o *lifecycle.Observed) {
		stage, number := contract.StageDownload, o.Job.Status.Prepares
		if o.Job.Status.Files != nil {
			stage, number = contract.StageTrain, o.Job.Status.Starts
		}
		if number == 0 {
			return
		}
		o.Job.Status.Retries, o.Job.Status.Disruptions = 1, 1
		o.Job.Status.Attempts = []v1alpha1.Attempt{{
			Stage: string(stage), Number: number + before, Reason: reason, Message: "it ended", FinishedAt: &metav1.Time{Time: start},
		}}
	}
}

// eachPod changes the Pods that have not ended.
func eachPod(how func(*lifecycle.Pod)) func(*lifecycle.Observed) {
	return func(o *lifecycle.Observed) {
		for i := range o.Pods {
			if canWork(o.Pods[i]) {
				how(&o.Pods[i])
			}
		}
	}
}

// someWorlds calls visit with that many worlds of all dimensions, the same each time.
func someWorlds(count int, visit func(lifecycle.Observed)) {
	all := slices.Concat(dimensions, furtherDimensions)
	random := rand.New(rand.NewPCG(1, 2))
	for range count {
		o := observe(makeJob())
		for _, d := range all {
			d[random.IntN(len(d))](&o)
		}
		visit(o)
	}
}

// No job ever stands still without anyone who would bring it on, and every world keeps
// the other promises too.
func TestNoJobIsEverSilent(t *testing.T) {
	count := 100_000
	if testing.Short() {
		count = 20_000
	}
	waits := map[string]int{}
	someWorlds(count, func(o lifecycle.Observed) {
		before := o.Job.DeepCopy()
		d := lifecycle.Decide(o)
		if !reflect.DeepEqual(before, o.Job) {
			t.Errorf("deciding has changed the job")
		}
		checkEnd(t, o, d)
		checkConditions(t, o, d)
		what := waitsOn(o, d)
		waits[what]++
		if what == "" {
			t.Errorf("nobody brings the job on")
		}
		if t.Failed() {
			t.Fatalf("in the world %+v\nof the job %+v\n%s\nwhich decides %+v\n%s", o, o.Job.Spec, encodeStatus(&o.Job.Status), d.Actions, encodeStatus(&d.Status))
		}
	})
	t.Logf("the jobs wait on: %v", waits)
	for _, what := range []string{"the operator", "the time", "the queue", "the user", "others", "a Pod", "nothing"} {
		if waits[what] == 0 {
			t.Errorf("no world waits on %s", what)
		}
	}
}

// waitsOn says what brings the job on from here, empty for nothing that anyone could
// see. What is only recorded brings nobody back.
func waitsOn(o lifecycle.Observed, d lifecycle.Decision) string {
	if len(d.Actions) > 0 {
		return "the operator"
	}
	if !d.Wake.IsZero() {
		return "the time"
	}
	if d.Status.Phase.Finished() {
		return endWaitsOn(o)
	}
	c := meta.FindStatusCondition(d.Status.Conditions, v1alpha1.ConditionRunning)
	switch c.Reason {
	case v1alpha1.ReasonWaitingForSlot:
		return "the queue"
	case v1alpha1.ReasonSuspended, v1alpha1.ReasonDeleting:
		return "the user"
	case v1alpha1.ReasonGated, v1alpha1.ReasonUnschedulable:
		return "others"
	}
	// A Pod that is there brings the operator back with each change, if it can change
	// and the condition is about it.
	for _, p := range o.Pods {
		changes := canWork(p) || p.Deleting
		aboutIt := strings.Contains(c.Message, p.Name) || c.Reason == v1alpha1.ReasonStarting || o.Job.DeletionTimestamp != nil
		if changes && aboutIt {
			return "a Pod"
		}
	}
	return ""
}

// endWaitsOn is waitsOn of a job that has ended: nothing more has to happen to it,
// unless it or its Pods are to go.
func endWaitsOn(o lifecycle.Observed) string {
	if o.Job.Spec.TTLSecondsAfterFinished != nil && o.Job.DeletionTimestamp == nil {
		return ""
	}
	for _, p := range o.Pods {
		if !p.Deleting && (p.HoldsResult && !canWork(p) || p.Terminal && o.Settings.KeepPods != nil) {
			return ""
		}
	}
	return "nothing"
}
