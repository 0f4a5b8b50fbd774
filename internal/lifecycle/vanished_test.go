package lifecycle_test

import (
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/swath-dev/swath/api/v1alpha1"
	"github.com/swath-dev/swath/internal/contract"
	"github.com/swath-dev/swath/internal/lifecycle"
)

// forced is the train Pod as the API server shows it after a deletion without grace that
// its node has not confirmed.
func forced() *corev1.Pod {
	return &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{
			Name: "ships-train-1", UID: "ships-train-1", Finalizers: []string{v1alpha1.ResultFinalizer},
			Labels:            map[string]string{v1alpha1.LabelRole: v1alpha1.RoleTrain, v1alpha1.LabelNumber: "1"},
			DeletionTimestamp: &metav1.Time{Time: start}, DeletionGracePeriodSeconds: ptr.To[int64](0),
		},
		Spec: corev1.PodSpec{NodeName: "node-1"},
		Status: corev1.PodStatus{Phase: corev1.PodRunning, ContainerStatuses: []corev1.ContainerStatus{{
			Name: string(contract.StageTrain), State: corev1.ContainerState{Running: &corev1.ContainerStateRunning{StartedAt: metav1.Time{Time: start}}},
		}}},
	}
}

// The deletion without grace says nothing of the containers: the kubelet, or the time,
// does.
func TestAForceDeletedPodIsGoneOnceItsNodeOrTheTimeSaysSo(t *testing.T) {
	cases := map[string]struct {
		change func(*corev1.Pod)
		after  time.Duration
		works  bool
	}{
		"its node says nothing":                     {func(*corev1.Pod) {}, 10 * time.Second, true},
		"its node has said nothing for long":        {func(*corev1.Pod) {}, settings.LostAfter, false},
		"its node has ended it":                     {func(p *corev1.Pod) { p.Status.Phase = corev1.PodFailed }, 10 * time.Second, false},
		"its node is gone, and Kubernetes ended it": {func(p *corev1.Pod) { p.Status.Phase, p.Status.Reason = corev1.PodFailed, "NodeLost" }, 10 * time.Second, false},
		"it had no node":                            {func(p *corev1.Pod) { p.Spec.NodeName = "" }, 10 * time.Second, false},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			pod := forced()
			c.change(pod)
			job := withFiles(makeJob())
			job.Status.Starts = 1
			o := observe(job, lifecycle.ReadPod(pod))
			o.Now = start.Add(c.after)
			d := lifecycle.Decide(o)
			releases := does(lifecycle.ReleasePod)(o, d)
			if holds := lifecycle.SlotNeedOf(o) == lifecycle.HoldsSlot; holds != c.works || releases == c.works || c.works && does(lifecycle.CreatePod)(o, d) {
				t.Errorf("it holds its slot: %t, its finalizer goes: %t; %+v", holds, releases, d.Actions)
			}
			running := meta.FindStatusCondition(d.Status.Conditions, v1alpha1.ConditionRunning)
			if c.works && !strings.Contains(running.Message, "node node-1 has not confirmed its end; it counts as gone at 2026-01-02T03:09:05Z") {
				t.Errorf("the condition says %q", running.Message)
			}
		})
	}
}

// vanished is a job whose train Pod was removed with its finalizer while it trained.
func vanished(change func(*lifecycle.Observed)) lifecycle.Observed {
	o := training(func(*lifecycle.Observed) {})()
	o.Job.Status = lifecycle.Decide(o).Status
	o.Pods, o.Now = nil, o.Now.Add(time.Minute)
	change(&o)
	return o
}

func TestATrainerWhosePodVanishedIsWaitedForAsOneOnALostNode(t *testing.T) {
	at := seen + time.Minute
	cases := map[string]struct {
		change func(*lifecycle.Observed)
		done   func(lifecycle.Observed, lifecycle.Decision) bool
	}{
		"it goes on":        {func(*lifecycle.Observed) {}, does(lifecycle.CreatePod)},
		"it is cancelled":   {func(o *lifecycle.Observed) { o.Job.Spec.Cancel = ptr.To(true) }, becomes(v1alpha1.PhaseCancelled)},
		"it is suspended":   {func(o *lifecycle.Observed) { o.Job.Spec.Suspend = ptr.To(true) }, isHeld},
		"it has a deadline": {func(o *lifecycle.Observed) { o.Job.Spec.ActiveDeadlineSeconds = ptr.To[int64](3600) }, does(lifecycle.CreatePod)},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			o := vanished(c.change)
			for !c.done(o, lifecycle.Decide(o)) {
				d := lifecycle.Decide(o)
				if need := lifecycle.SlotNeedOf(o); need != lifecycle.HoldsSlot {
					t.Fatalf("after %s the slot is given away: %d", o.Now.Sub(start), need)
				}
				if d.Status.Disruptions != 1 || d.Status.Retries != 0 || d.Status.TrainedSeconds != 60 {
					t.Fatalf("it counts as %s", encodeStatus(&d.Status))
				}
				if d.Wake.IsZero() {
					t.Fatalf("nobody comes any more: %s", encodeStatus(&d.Status))
				}
				o.Job.Status, o.Now = d.Status, d.Wake
			}
			if got, want := o.Now.Sub(start), at+settings.LostAfter; got != want {
				t.Errorf("that is after %s, want %s", got, want)
			}
		})
	}
	if d := lifecycle.Decide(vanished(func(*lifecycle.Observed) {})); !d.NeedsLivePods || d.Settled == nil || d.Settled.Reason != v1alpha1.ReasonPodVanished {
		t.Errorf("the decision is %+v", d)
	}
}

func isHeld(_ lifecycle.Observed, d lifecycle.Decision) bool {
	return meta.IsStatusConditionTrue(d.Status.Conditions, v1alpha1.ConditionSuspended)
}
