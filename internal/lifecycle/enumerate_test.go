package lifecycle_test

import (
	"reflect"
	"slices"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/swath-dev/swath/api/v1alpha1"
	"github.com/swath-dev/swath/internal/contract"
	"github.com/swath-dev/swath/internal/lifecycle"
)

// dimension is one thing that can be observed, in all its forms.
type dimension []func(*lifecycle.Observed)

// dimensions are everything that a decision looks at.
var dimensions = []dimension{
	{nothing, func(o *lifecycle.Observed) { o.Job.Spec.Cancel = ptr.To(true) }},
	{nothing, func(o *lifecycle.Observed) { o.Job.Spec.Suspend = ptr.To(true) }},
	{nothing, func(o *lifecycle.Observed) { o.Job.DeletionTimestamp = &metav1.Time{Time: start} }},
	{nothing, func(o *lifecycle.Observed) {
		o.Slot = lifecycle.Slot{Position: 3, Limit: "as many jobs train as are allowed (2)"}
	}},
	{nothing, func(o *lifecycle.Observed) {
		o.Refusal = &lifecycle.Refusal{Reason: v1alpha1.ReasonQuotaExceeded, Message: "exceeded quota"}
	}},
	{nothing, func(o *lifecycle.Observed) { o.Job.Spec.ActiveDeadlineSeconds = ptr.To[int64](1) }},
	{nothing, func(o *lifecycle.Observed) { o.Job.Spec.BackoffLimit = ptr.To[int32](0) }},
	{
		nothing,
		func(o *lifecycle.Observed) { recordedEnd(o.Job, v1alpha1.PhaseSucceeded) },
		func(o *lifecycle.Observed) { recordedEnd(o.Job, v1alpha1.PhaseFailed) },
		func(o *lifecycle.Observed) { recordedEnd(o.Job, v1alpha1.PhaseCancelled) },
	},
	{nothing, func(o *lifecycle.Observed) { o.Now = start.Add(time.Hour) }},
	preparePods(),
	trainPods(),
}

func nothing(*lifecycle.Observed) {}

// preparePods are the forms of the prepare Pod, recorded or not, and without files or with.
func preparePods() dimension {
	forms := dimension{
		nothing,
		func(o *lifecycle.Observed) { o.Job.Status.Prepares = 1 },
		func(o *lifecycle.Observed) { withFiles(o.Job) },
	}
	stages := []map[contract.Stage]lifecycle.Container{
		{},
		{contract.StageDownload: {WaitReason: "ImagePullBackOff"}},
		{contract.StageDownload: running()},
		{contract.StageDownload: ended(contract.ExitNoFile, "")},
		{contract.StageDownload: ended(0, "")},
		{contract.StageDownload: ended(0, ""), contract.StageValidate: running()},
		{contract.StageDownload: ended(0, ""), contract.StageValidate: ended(contract.ExitBadFile, "")},
		{contract.StageDownload: ended(0, ""), contract.StageValidate: ended(0, validMessage(makeJob(), 1))},
		{contract.StageDownload: ended(0, ""), contract.StageValidate: ended(0, "a log")},
	}
	for _, s := range stages {
		forms = append(forms, func(o *lifecycle.Observed) {
			o.Job.Status.Prepares = 1
			pod := makePod(v1alpha1.RolePrepare, 1)
			pod.Stages = s
			pod.Terminal = s[contract.StageValidate].State == lifecycle.Ended || s[contract.StageDownload].ExitCode != 0
			o.Pods = append(o.Pods, pod)
		})
	}
	for _, recorded := range forms[3:] {
		forms = append(forms, func(o *lifecycle.Observed) {
			recorded(o)
			if !o.Job.Status.Phase.Finished() {
				o.Job.Status = v1alpha1.TrainingJobStatus{Phase: v1alpha1.PhaseInitializing, ObservedGeneration: -1}
			}
		})
	}
	return forms
}

// trainPods are the forms of the train Pod.
func trainPods() dimension {
	forms := dimension{nothing}
	containers := []lifecycle.Container{
		{}, {WaitReason: "CreateContainerConfigError"}, running(),
		ended(0, modelMessage(makeJob(), 1)), ended(0, ""), ended(1, "RuntimeError"), ended(contract.ExitNotFinite, ""),
		ended(contract.ExitInterrupted, ""),
	}
	changes := []func(*lifecycle.Pod){
		func(*lifecycle.Pod) {},
		func(p *lifecycle.Pod) { p.Deleting, p.DeleteBy = true, start.Add(time.Minute) },
		func(p *lifecycle.Pod) { p.Terminal = true },
		func(p *lifecycle.Pod) { p.Terminal, p.Deleting, p.Disruption = true, true, "PreemptionByScheduler" },
	}
	for _, c := range containers {
		for _, change := range changes {
			forms = append(forms, func(o *lifecycle.Observed) {
				if o.Job.Status.Files == nil {
					return
				}
				o.Job.Status.Starts = 1
				pod := makePod(v1alpha1.RoleTrain, 1)
				pod.Stages = map[contract.Stage]lifecycle.Container{contract.StageTrain: c}
				change(&pod)
				o.Pods = append(o.Pods, pod)
			})
		}
	}
	return forms
}

// worlds calls visit with every combination of the dimensions.
func worlds(visit func(lifecycle.Observed)) {
	indices := make([]int, len(dimensions))
	for {
		o := observe(makeJob())
		for d, i := range indices {
			dimensions[d][i](&o)
		}
		visit(o)
		d := 0
		for ; d < len(indices); d++ {
			if indices[d]++; indices[d] < len(dimensions[d]) {
				break
			}
			indices[d] = 0
		}
		if d == len(indices) {
			return
		}
	}
}

func TestEveryWorldHasOnePhaseAndSaysWhatItWaitsFor(t *testing.T) {
	reached := map[v1alpha1.Phase]int{}
	count := 0
	worlds(func(o lifecycle.Observed) {
		count++
		before := o.Job.DeepCopy()
		d := lifecycle.Decide(o)
		reached[d.Status.Phase]++
		if !reflect.DeepEqual(before, o.Job) {
			t.Fatalf("deciding has changed the job of %+v", o)
		}
		checkEnd(t, o, d)
		checkConditions(t, o, d)
		if again := lifecycle.Decide(o); !reflect.DeepEqual(d, again) {
			t.Fatalf("deciding twice gives\n%+v\nand\n%+v", d, again)
		}
		if t.Failed() {
			t.Fatalf("in the world %+v\nof the job %+v", o, o.Job)
		}
	})
	for _, phase := range v1alpha1.Phases {
		if reached[phase] == 0 {
			t.Errorf("no world has the phase %s", phase)
		}
	}
	t.Logf("%d worlds: %v", count, reached)
}

// checkEnd checks that an end sticks, that it frees what it held, and that no end
// comes while a Pod can still work.
func checkEnd(t *testing.T, o lifecycle.Observed, d lifecycle.Decision) {
	t.Helper()
	if !slices.Contains(v1alpha1.Phases, d.Status.Phase) {
		t.Errorf("the phase is %q", d.Status.Phase)
	}
	recorded := o.Job.Status.Phase
	if recorded.Finished() && (d.Status.Phase != recorded || d.Ends || !d.Status.FinishedAt.Equal(o.Job.Status.FinishedAt)) {
		t.Errorf("the end %s became %s", recorded, d.Status.Phase)
	}
	cancelled := ptr.Deref(o.Job.Spec.Cancel, false)
	if d.Ends && cancelled != (d.Status.Phase == v1alpha1.PhaseCancelled) {
		t.Errorf("cancel is %t and the end %s", cancelled, d.Status.Phase)
	}
	held := meta.IsStatusConditionTrue(d.Status.Conditions, v1alpha1.ConditionSuspended)
	for _, p := range o.Pods {
		lost := p.Deleting && !o.Now.Before(p.DeleteBy.Add(o.Settings.LostAfter))
		if held && canWork(p) && !lost {
			t.Errorf("suspended, but Pod %s can still work", p.Name)
		}
		if d.Ends && d.Status.Phase == v1alpha1.PhaseCancelled && (!lost || p.Terminal) {
			t.Errorf("cancelled, but Pod %s is there", p.Name)
		}
		if d.Ends && d.Status.Phase == v1alpha1.PhaseFailed && canWork(p) && !lost {
			t.Errorf("failed, but Pod %s can still work", p.Name)
		}
	}
	for _, a := range d.Actions {
		if a.Kind != lifecycle.CreatePod {
			continue
		}
		if d.Status.Phase.Finished() || cancelled || o.Job.DeletionTimestamp != nil || ptr.Deref(o.Job.Spec.Suspend, false) {
			t.Errorf("a Pod is made in %s", d.Status.Phase)
		}
		for _, p := range o.Pods {
			if lost := p.Deleting && !o.Now.Before(p.DeleteBy.Add(o.Settings.LostAfter)); canWork(p) && !lost {
				t.Errorf("a Pod is made while Pod %s can still work", p.Name)
			}
		}
	}
}

// checkConditions checks that conditions agree with the phase and with each other,
// and that none is without a reason and a sentence.
func checkConditions(t *testing.T, o lifecycle.Observed, d lifecycle.Decision) {
	t.Helper()
	for _, c := range d.Status.Conditions {
		if c.Reason == "" || c.Message == "" || c.ObservedGeneration != o.Job.Generation {
			t.Errorf("the condition %+v is not whole", c)
		}
	}
	if o.Job.Status.Phase.Finished() {
		return
	}
	is := func(name string) bool { return meta.IsStatusConditionTrue(d.Status.Conditions, name) }
	want := map[string]bool{
		v1alpha1.ConditionComplete:  d.Status.Phase == v1alpha1.PhaseSucceeded,
		v1alpha1.ConditionFailed:    d.Status.Phase == v1alpha1.PhaseFailed,
		v1alpha1.ConditionCancelled: d.Status.Phase == v1alpha1.PhaseCancelled,
		v1alpha1.ConditionStalled:   d.Status.Phase == v1alpha1.PhaseFailed || d.Status.Phase == v1alpha1.PhaseCancelled,
	}
	for name, wanted := range want {
		if is(name) != wanted {
			t.Errorf("%s is %t in the phase %s", name, is(name), d.Status.Phase)
		}
	}
	if is(v1alpha1.ConditionReconciling) == (d.Status.Phase.Finished() || is(v1alpha1.ConditionSuspended)) {
		t.Errorf("Reconciling is %t in the phase %s", is(v1alpha1.ConditionReconciling), d.Status.Phase)
	}
	if is(v1alpha1.ConditionRunning) != (d.Status.Phase == v1alpha1.PhaseRunning) {
		t.Errorf("Running is %t in the phase %s", is(v1alpha1.ConditionRunning), d.Status.Phase)
	}
	if d.Status.Phase == v1alpha1.PhaseFailed && d.Status.Error == "" {
		t.Errorf("the job fails without an error")
	}
}

// What is decided once the decision is recorded must agree with it, or conditions
// would flap.
func TestDecidingOnWhatWasRecordedChangesNothingMore(t *testing.T) {
	worlds(func(o lifecycle.Observed) {
		d := lifecycle.Decide(o)
		o.Job.Status = d.Status
		again := lifecycle.Decide(o)
		if d.Status.Phase != again.Status.Phase {
			t.Fatalf("the phase %s becomes %s when nothing happens", d.Status.Phase, again.Status.Phase)
		}
		third := again
		o.Job.Status = again.Status
		if again = lifecycle.Decide(o); !reflect.DeepEqual(again.Status, third.Status) {
			t.Fatalf("the status changes again without cause from\n%+v\nto\n%+v\nin the world %+v", third.Status, again.Status, o)
		}
	})
}
