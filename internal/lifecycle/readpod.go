package lifecycle

import (
	"slices"
	"strconv"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/utils/ptr"

	"github.com/swath-dev/swath/api/v1alpha1"
	"github.com/swath-dev/swath/internal/contract"
)

// kueueTermination is the Pod condition with which Kueue says that it takes the
// Pod's quota back.
const kueueTermination corev1.PodConditionType = "TerminationTarget"

// ReadPod takes from a Pod what counts. Containers are found by name: of those that
// others inject only the one counts that ours waits for.
func ReadPod(pod *corev1.Pod) Pod {
	number, _ := strconv.ParseInt(pod.Labels[v1alpha1.LabelNumber], 10, 32)
	p := Pod{
		Name: pod.Name, UID: pod.UID, CreatedAt: pod.CreationTimestamp.Time,
		Role: pod.Labels[v1alpha1.LabelRole], Number: int32(number),
		Node: pod.Spec.NodeName, IP: pod.Status.PodIP,
		Scheduler: pod.Spec.SchedulerName, Awaited: readAwaited(pod),
		QueuedByKueue:  queuedByKueue(pod),
		TerminalReason: pod.Status.Reason, TerminalMessage: pod.Status.Message,
		Stages: make(map[contract.Stage]Container, 2),
	}
	for _, finalizer := range pod.Finalizers {
		if finalizer == v1alpha1.ResultFinalizer {
			p.HoldsResult = true
		} else {
			p.OtherFinalizers = append(p.OtherFinalizers, finalizer)
		}
	}
	for _, gate := range pod.Spec.SchedulingGates {
		p.Gates = append(p.Gates, gate.Name)
	}
	p.readEnd(pod)
	p.readConditions(pod.Status.Conditions)
	p.readStages(pod)
	return p
}

// queuedByKueue reports whether the operator made the Pod to be queued by Kueue.
func queuedByKueue(pod *corev1.Pod) bool {
	for _, c := range pod.Spec.Containers {
		if c.Name != string(contract.StageTrain) {
			continue
		}
		return slices.ContainsFunc(c.Env, func(v corev1.EnvVar) bool { return v.Name == contract.EnvQueue && v.Value != "" })
	}
	return false
}

// readEnd reads whether the Pod is being deleted and whether it has ended. A Pod
// that was never bound to a node has no kubelet that would say so. One that was deleted
// without grace has: until the kubelet has ended it, or the node counts as lost, its
// containers may run on.
func (p *Pod) readEnd(pod *corev1.Pod) {
	p.Terminal = pod.Status.Phase == corev1.PodSucceeded || pod.Status.Phase == corev1.PodFailed
	if pod.DeletionTimestamp == nil {
		return
	}
	p.Deleting, p.DeleteBy = true, pod.DeletionTimestamp.Time
	grace := pod.DeletionGracePeriodSeconds
	p.DeletedAt = p.DeleteBy.Add(-time.Duration(ptr.Deref(grace, 0)) * time.Second)
	p.Terminal = p.Terminal || pod.Spec.NodeName == ""
}

func (p *Pod) readConditions(conditions []corev1.PodCondition) {
	for _, c := range conditions {
		switch {
		case c.Type == corev1.PodScheduled && c.Status == corev1.ConditionTrue:
			p.ScheduledAt = c.LastTransitionTime.Time
		case c.Type == corev1.PodScheduled && (c.Reason == corev1.PodReasonUnschedulable || c.Reason == corev1.PodReasonSchedulerError):
			p.Unschedulable, p.UnschedulableSince = c.Message, c.LastTransitionTime.Time
		case (c.Type == corev1.DisruptionTarget || c.Type == kueueTermination) && c.Status == corev1.ConditionTrue:
			p.Disruption = sentence(c.Reason, c.Message)
		}
	}
}

// stages are the names of our containers.
var stages = []contract.Stage{contract.StageDownload, contract.StageValidate, contract.StageTrain}

func (p *Pod) readStages(pod *corev1.Pod) {
	statuses := slices.Concat(pod.Status.InitContainerStatuses, pod.Status.ContainerStatuses)
	for _, status := range statuses {
		stage := contract.Stage(status.Name)
		if slices.Contains(stages, stage) {
			p.Stages[stage] = readContainer(status)
		}
	}
	for _, spec := range slices.Concat(pod.Spec.InitContainers, pod.Spec.Containers) {
		stage := contract.Stage(spec.Name)
		if !slices.Contains(stages, stage) {
			continue
		}
		c := p.Stages[stage]
		c.Image = spec.Image
		if limit, ok := spec.Resources.Limits[corev1.ResourceMemory]; ok {
			c.MemoryLimit = limit.String()
		}
		p.Stages[stage] = c
	}
}

func readContainer(status corev1.ContainerStatus) Container {
	switch state := status.State; {
	case state.Terminated != nil:
		return Container{
			State: Ended, ExitCode: state.Terminated.ExitCode, Reason: state.Terminated.Reason,
			StartedAt: known(state.Terminated.StartedAt.Time), FinishedAt: known(state.Terminated.FinishedAt.Time),
			Text: strings.ToValidUTF8(state.Terminated.Message, "�"),
		}
	case state.Running != nil:
		return Container{State: Running, StartedAt: known(state.Running.StartedAt.Time)}
	case state.Waiting != nil:
		return Container{WaitReason: state.Waiting.Reason, WaitMessage: state.Waiting.Message}
	}
	return Container{}
}

// known is t, or the zero time for the epoch that runtimes give for a container
// that never started.
func known(t time.Time) time.Time {
	if t.Unix() <= 0 {
		return time.Time{}
	}
	return t
}

// sentence joins a reason and a message, of which either may be empty.
func sentence(reason, message string) string {
	switch {
	case message == "":
		return reason
	case reason == "":
		return message
	}
	return reason + ": " + message
}
