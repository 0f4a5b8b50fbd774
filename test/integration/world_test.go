package integration

import (
	"context"
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/swath-dev/swath/api/v1alpha1"
	"github.com/swath-dev/swath/internal/contract"
)

// world has the user act, and each Pod go one step on, on what was last seen. It tells
// whether anything was done.
func (d *drill) world() bool {
	d.s.t.Helper()
	acted := d.user()
	for i := range d.pods.Items {
		if d.step(d.pods.Items[i].DeepCopy()) {
			acted = true
		}
	}
	return acted
}

func (d *drill) user() bool {
	if d.now == nil {
		return false
	}
	phase := d.now.Status.Phase
	if act := d.ending.user[phase]; act != nil && !d.done[phase] {
		d.done[phase] = true
		d.s.change(d.job, act)
		return true
	}
	if d.ending.resumes && !d.resumed && d.done[v1alpha1.PhaseRunning] && phase == v1alpha1.PhaseQueued {
		d.resumed = true
		d.s.change(d.job, resume)
		return true
	}
	return false
}

// step has one Pod go one step on, as scheduler and kubelet would take it, and tells
// whether there was one.
func (d *drill) step(pod *corev1.Pod) bool {
	d.s.t.Helper()
	switch {
	case pod.DeletionTimestamp != nil:
		return d.stops(pod)
	case pod.Spec.NodeName == "":
		binding := &corev1.Binding{Target: corev1.ObjectReference{Kind: "Node", Name: "node-1"}}
		return d.did("binding", pod, cluster.SubResource("binding").Create(context.Background(), pod, binding))
	case pod.Status.Phase == corev1.PodSucceeded || pod.Status.Phase == corev1.PodFailed:
		return false
	case pod.Name == d.ending.blocked:
		if len(pod.Status.InitContainerStatuses) > 0 {
			return false
		}
		setStage(pod, contract.StageDownload, waiting("ImagePullBackOff", "Back-off pulling image"))
		return d.writes(pod)
	}
	if phase := phaseOf(pod); d.ending.user[phase] != nil && !d.done[phase] {
		return false // The user is still to see the phase.
	}
	if pod.Labels[v1alpha1.LabelRole] == v1alpha1.RolePrepare {
		return d.prepares(pod)
	}
	return d.trains(pod)
}

// stops ends the containers of a Pod that is being deleted, and then removes it.
func (d *drill) stops(pod *corev1.Pod) bool {
	if pod.Status.Phase == corev1.PodRunning {
		stage := contract.Stage(pod.Spec.Containers[0].Name)
		setStage(pod, stage, d.terminated(contract.ExitInterrupted, ""))
		return d.writes(pod)
	}
	if grace := pod.DeletionGracePeriodSeconds; grace != nil && *grace == 0 {
		return false // Only its finalizers keep it.
	}
	if pod.Spec.NodeName != "" && pod.Status.Phase == corev1.PodPending {
		return d.did("ending", pod, confirmEnd(pod))
	}
	return d.did("removing", pod, cluster.Delete(context.Background(), pod, client.GracePeriodSeconds(0)))
}

func (d *drill) prepares(pod *corev1.Pod) bool {
	switch phaseOf(pod) {
	case v1alpha1.PhaseInitializing:
		setStage(pod, contract.StageDownload, d.runningState())
	case v1alpha1.PhaseDownloadingFiles:
		code := d.exit(pod, contract.StageDownload)
		setStage(pod, contract.StageDownload, d.terminated(code, ""))
		if code == 0 {
			setStage(pod, contract.StageValidate, d.runningState())
		}
	default:
		d.ends(pod, contract.StageValidate)
	}
	return d.writes(pod)
}

func (d *drill) trains(pod *corev1.Pod) bool {
	switch {
	case phaseOf(pod) == v1alpha1.PhaseQueued:
		setStage(pod, contract.StageTrain, d.runningState())
	case pod.Name == d.ending.hangs:
		return false
	default:
		d.ends(pod, contract.StageTrain)
	}
	return d.writes(pod)
}

// phaseOf is the phase that the Pod's containers give the job.
func phaseOf(pod *corev1.Pod) v1alpha1.Phase {
	started := len(pod.Status.InitContainerStatuses) + len(pod.Status.ContainerStatuses)
	if pod.Labels[v1alpha1.LabelRole] == v1alpha1.RoleTrain {
		return []v1alpha1.Phase{v1alpha1.PhaseQueued, v1alpha1.PhaseRunning}[started]
	}
	return []v1alpha1.Phase{v1alpha1.PhaseInitializing, v1alpha1.PhaseDownloadingFiles, v1alpha1.PhaseValidatingFiles}[started]
}

// ends ends the stage as the ending has it.
func (d *drill) ends(pod *corev1.Pod, stage contract.Stage) {
	d.s.t.Helper()
	var number int32
	if _, err := fmt.Sscan(pod.Labels[v1alpha1.LabelNumber], &number); err != nil {
		d.s.t.Fatalf("Pod %s has no number: %v", pod.Name, err)
	}
	code, text := d.exit(pod, stage), "it went wrong"
	switch {
	case code != 0:
	case stage == contract.StageValidate:
		text = encoded(validated(d.last, number))
	default:
		text = encoded(trained(d.last, number))
	}
	setStage(pod, stage, d.terminated(code, text))
}

func (d *drill) exit(pod *corev1.Pod, stage contract.Stage) int32 {
	if d.ending.exit == nil {
		return 0
	}
	return d.ending.exit(pod.Name, stage)
}

func (d *drill) runningState() corev1.ContainerState {
	return corev1.ContainerState{Running: &corev1.ContainerStateRunning{StartedAt: metav1.Time{Time: d.s.clock.Now()}}}
}

func (d *drill) terminated(code int32, text string) corev1.ContainerState {
	return corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{
		ExitCode: code, Message: text,
		StartedAt: metav1.Time{Time: d.s.clock.Now()}, FinishedAt: metav1.Time{Time: d.s.clock.Now()},
	}}
}

func waiting(reason, message string) corev1.ContainerState {
	return corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: reason, Message: message}}
}

// writes writes the Pod's status.
func (d *drill) writes(pod *corev1.Pod) bool {
	d.s.t.Helper()
	scheduled := corev1.PodCondition{Type: corev1.PodScheduled, Status: corev1.ConditionTrue, LastTransitionTime: metav1.Time{Time: d.s.clock.Now()}}
	// A Pod is scheduled once: the time stays that of the first write.
	if !slices.ContainsFunc(pod.Status.Conditions, func(c corev1.PodCondition) bool { return c.Type == scheduled.Type }) {
		setPodCondition(pod, scheduled)
	}
	return d.did("writing the status of", pod, cluster.Status().Update(context.Background(), pod))
}

// did judges what came of a step: a Pod that the operator has changed in between has
// its turn again.
func (d *drill) did(what string, pod *corev1.Pod, err error) bool {
	d.s.t.Helper()
	if err != nil && !apierrors.IsConflict(err) && !apierrors.IsNotFound(err) {
		d.s.t.Fatalf("%s Pod %s: %v", what, pod.Name, err)
	}
	return true
}
