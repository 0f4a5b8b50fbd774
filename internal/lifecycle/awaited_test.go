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
	"github.com/swath-dev/swath/internal/pods"
)

// slowPod is a train Pod on a node since the start, with an init container of others.
func slowPod(sidecar bool, status corev1.ContainerStatus) *corev1.Pod {
	spec := corev1.Container{Name: "proxy"}
	if sidecar {
		spec.RestartPolicy = ptr.To(corev1.ContainerRestartPolicyAlways)
	}
	status.Name = "proxy"
	return &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Name: "ships-train-1", UID: "ships-train-1", CreationTimestamp: metav1.Time{Time: start}, Labels: map[string]string{v1alpha1.LabelRole: v1alpha1.RoleTrain, v1alpha1.LabelNumber: "1"}},
		Spec:       corev1.PodSpec{NodeName: "node-1", SchedulerName: "default-scheduler", InitContainers: []corev1.Container{spec}, Containers: []corev1.Container{{Name: string(contract.StageTrain)}}},
		Status: corev1.PodStatus{
			Conditions:            []corev1.PodCondition{{Type: corev1.PodScheduled, Status: corev1.ConditionTrue, LastTransitionTime: metav1.Time{Time: start}}},
			InitContainerStatuses: []corev1.ContainerStatus{status},
			ContainerStatuses:     []corev1.ContainerStatus{{Name: string(contract.StageTrain), State: corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: "PodInitializing"}}}},
		},
	}
}

// A Pod that does not start within a minute says what it waits for.
func TestAPodThatDoesNotStartSaysWhatItWaitsFor(t *testing.T) {
	runs := corev1.ContainerState{Running: &corev1.ContainerStateRunning{StartedAt: metav1.Time{Time: start}}}
	crashes := corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: "CrashLoopBackOff", Message: "back-off 10s"}}
	unscheduled := slowPod(true, corev1.ContainerStatus{})
	unscheduled.Spec.NodeName, unscheduled.Status = "", corev1.PodStatus{}
	failing := slowPod(true, corev1.ContainerStatus{})
	failing.Spec.NodeName = ""
	failing.Status = corev1.PodStatus{Conditions: []corev1.PodCondition{{Type: corev1.PodScheduled, Status: corev1.ConditionFalse, Reason: corev1.PodReasonSchedulerError, Message: "binding volumes: context deadline exceeded"}}}
	silent := slowPod(true, corev1.ContainerStatus{Started: ptr.To(true), State: runs})
	silent.Status.ContainerStatuses = nil
	cases := map[string]struct {
		pod    *corev1.Pod
		reason string
		says   string
	}{
		"a sidecar never gets ready":     {slowPod(true, corev1.ContainerStatus{State: runs, Started: ptr.To(false)}), v1alpha1.ReasonWaitingForContainer, "the sidecar proxy, which is not this job's: it runs, but has not passed its startup probe"},
		"a sidecar crashes":              {slowPod(true, corev1.ContainerStatus{State: crashes}), v1alpha1.ReasonWaitingForContainer, "the sidecar proxy, which is not this job's: CrashLoopBackOff: back-off 10s"},
		"an init container does not end": {slowPod(false, corev1.ContainerStatus{State: runs}), v1alpha1.ReasonWaitingForContainer, "the init container proxy, which is not this job's and has not ended"},
		"the sidecar is ready":           {slowPod(true, corev1.ContainerStatus{State: runs, Started: ptr.To(true)}), v1alpha1.ReasonStarting, "node node-1 has not started the container train of Pod ships-train-1 yet: PodInitializing"},
		"the node is silent":             {silent, v1alpha1.ReasonStarting, "node node-1 has not said anything of Pod ships-train-1"},
		"the scheduler is silent":        {unscheduled, v1alpha1.ReasonUnschedulable, "its scheduler default-scheduler has not said why"},
		"the scheduler fails":            {failing, v1alpha1.ReasonUnschedulable, "binding volumes: context deadline exceeded"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			job := withFiles(makeJob())
			job.Status.Starts = 1
			// Slim is what the manager's cache keeps of the Pod.
			o := observe(job, lifecycle.ReadPod(pods.Slim(c.pod)))
			d := lifecycle.Decide(o)
			said := meta.FindStatusCondition(d.Status.Conditions, v1alpha1.ConditionRunning).Reason == v1alpha1.ReasonUnschedulable
			if !said && (d.Wake.IsZero() || d.Wake.After(start.Add(time.Minute))) {
				t.Errorf("nobody looks again after a minute, but at %s", d.Wake)
			}
			o.Now = start.Add(time.Minute)
			running := meta.FindStatusCondition(lifecycle.Decide(o).Status.Conditions, v1alpha1.ConditionRunning)
			if running.Reason != c.reason || !strings.Contains(running.Message, c.says) {
				t.Errorf("the condition says %s: %s", running.Reason, running.Message)
			}
		})
	}
}

// A Pod that ends since a container of others failed says so.
func TestAFailedContainerOfOthersIsNamed(t *testing.T) {
	pod := slowPod(false, corev1.ContainerStatus{State: corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{ExitCode: 3}}})
	pod.Status.Phase = corev1.PodFailed
	job := withFiles(makeJob())
	job.Status.Starts = 1
	d := lifecycle.Decide(observe(job, lifecycle.ReadPod(pods.Slim(pod))))
	if d.Settled == nil || !strings.HasSuffix(d.Settled.Message, "to an end; it waited for the init container proxy, which is not this job's: it ended with exit code 3") {
		t.Errorf("it is settled as %+v", d.Settled)
	}
}
