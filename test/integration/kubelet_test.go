package integration

import (
	"context"
	"encoding/json"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/swath-dev/swath/api/v1alpha1"
	"github.com/swath-dev/swath/internal/contract"
)

// kubelet writes the status of one Pod, as the kubelet of its node would.
type kubelet struct {
	s   *stage
	key client.ObjectKey
}

// onNode binds the Pod to a node.
func (s *stage) onNode(pod *corev1.Pod) *kubelet {
	s.t.Helper()
	k := &kubelet{s: s, key: client.ObjectKeyFromObject(pod)}
	binding := &corev1.Binding{Target: corev1.ObjectReference{Kind: "Node", Name: "node-1"}}
	if err := cluster.SubResource("binding").Create(context.Background(), pod, binding); err != nil {
		s.t.Fatalf("binding Pod %s: %v", pod.Name, err)
	}
	k.write(func(p *corev1.Pod) {
		p.Status.StartTime = ptr.To(metav1.Time{Time: s.clock.Now()})
		setPodCondition(p, corev1.PodCondition{Type: corev1.PodScheduled, Status: corev1.ConditionTrue, LastTransitionTime: metav1.Time{Time: s.clock.Now()}})
	})
	return k
}

// write changes the Pod's status.
func (k *kubelet) write(change func(*corev1.Pod)) *kubelet {
	k.s.t.Helper()
	k.s.eventually("the kubelet writes the status of Pod "+k.key.Name, func() error {
		var pod corev1.Pod
		if err := cluster.Get(context.Background(), k.key, &pod); err != nil {
			return err
		}
		change(&pod)
		return cluster.Status().Update(context.Background(), &pod)
	})
	return k
}

// waits has the stage's container wait for a reason.
func (k *kubelet) waits(stage contract.Stage, reason, message string) *kubelet {
	k.s.t.Helper()
	return k.set(stage, corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: reason, Message: message}})
}

// runs has the stage's container run.
func (k *kubelet) runs(stage contract.Stage) *kubelet {
	k.s.t.Helper()
	return k.set(stage, corev1.ContainerState{Running: &corev1.ContainerStateRunning{StartedAt: metav1.Time{Time: k.s.clock.Now()}}})
}

// ends has the stage's container end with the exit code and text.
func (k *kubelet) ends(stage contract.Stage, code int32, text string) *kubelet {
	k.s.t.Helper()
	return k.endsBy(stage, code, "", text)
}

// endsBy is ends with the runtime's reason, such as OOMKilled.
func (k *kubelet) endsBy(stage contract.Stage, code int32, reason, text string) *kubelet {
	k.s.t.Helper()
	return k.set(stage, corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{
		ExitCode: code, Reason: reason, Message: text,
		StartedAt: metav1.Time{Time: k.s.clock.Now().Add(-time.Second)}, FinishedAt: metav1.Time{Time: k.s.clock.Now()},
	}})
}

// says has the stage's container end with 0 and the message.
func (k *kubelet) says(stage contract.Stage, m contract.Message) *kubelet {
	k.s.t.Helper()
	return k.ends(stage, 0, encoded(m))
}

func encoded(m contract.Message) string {
	data, err := json.Marshal(m)
	if err != nil {
		panic(err)
	}
	return string(data)
}

func (k *kubelet) set(stage contract.Stage, state corev1.ContainerState) *kubelet {
	k.s.t.Helper()
	return k.write(func(p *corev1.Pod) { setStage(p, stage, state) })
}

// setStage sets the state of the stage's container, and the Pod's phase with it.
func setStage(p *corev1.Pod, stage contract.Stage, state corev1.ContainerState) {
	statuses := &p.Status.ContainerStatuses
	if stage == contract.StageDownload {
		statuses = &p.Status.InitContainerStatuses
	}
	status := corev1.ContainerStatus{Name: string(stage), Image: "swath.local/trainer:dev", State: state}
	if i := slices.IndexFunc(*statuses, func(c corev1.ContainerStatus) bool { return c.Name == string(stage) }); i >= 0 {
		// A container that has started or ended keeps its start.
		if old := (*statuses)[i].State.Running; old != nil && state.Terminated != nil {
			status.State.Terminated.StartedAt = old.StartedAt
		}
		(*statuses)[i] = status
	} else {
		*statuses = append(*statuses, status)
	}
	p.Status.Phase = podPhase(p)
}

// podPhase is the phase that the kubelet would write.
func podPhase(p *corev1.Pod) corev1.PodPhase {
	for _, c := range p.Status.InitContainerStatuses {
		if c.State.Terminated != nil && c.State.Terminated.ExitCode != 0 {
			return corev1.PodFailed
		}
	}
	phase := corev1.PodPending
	for _, c := range p.Status.ContainerStatuses {
		switch {
		case c.State.Running != nil:
			return corev1.PodRunning
		case c.State.Terminated != nil && c.State.Terminated.ExitCode != 0:
			return corev1.PodFailed
		case c.State.Terminated != nil:
			phase = corev1.PodSucceeded
		}
	}
	return phase
}

func setPodCondition(p *corev1.Pod, condition corev1.PodCondition) {
	p.Status.Conditions = slices.DeleteFunc(p.Status.Conditions, func(c corev1.PodCondition) bool { return c.Type == condition.Type })
	p.Status.Conditions = append(p.Status.Conditions, condition)
}

// condition sets a condition of the Pod to true.
func (k *kubelet) condition(name corev1.PodConditionType, reason, message string) *kubelet {
	k.s.t.Helper()
	return k.write(func(p *corev1.Pod) {
		setPodCondition(p, corev1.PodCondition{Type: name, Status: corev1.ConditionTrue, Reason: reason, Message: message, LastTransitionTime: metav1.Time{Time: k.s.clock.Now()}})
	})
}

// deleting waits until someone has asked for the Pod's deletion.
func (k *kubelet) deleting() *kubelet {
	k.s.t.Helper()
	k.s.eventually("Pod "+k.key.Name+" is to be deleted", func() error {
		var pod corev1.Pod
		if err := cluster.Get(context.Background(), k.key, &pod); err != nil {
			return err
		}
		if pod.DeletionTimestamp == nil {
			return errNotYet
		}
		return nil
	})
	return k
}

// removes ends the deletion, as the kubelet does once all containers have ended. A
// finalizer keeps the Pod, with the phase that says that nothing of it runs.
func (k *kubelet) removes() {
	k.s.t.Helper()
	k.forced()
	k.s.eventually("the kubelet ends Pod "+k.key.Name, func() error {
		var pod corev1.Pod
		if err := cluster.Get(context.Background(), k.key, &pod); err != nil {
			return client.IgnoreNotFound(err)
		}
		return client.IgnoreNotFound(confirmEnd(&pod))
	})
}

// confirmEnd writes the phase of a Pod of which nothing runs any more.
func confirmEnd(pod *corev1.Pod) error {
	if pod.Status.Phase == corev1.PodSucceeded || pod.Status.Phase == corev1.PodFailed {
		return nil
	}
	pod.Status.Phase = corev1.PodFailed
	return cluster.Status().Update(context.Background(), pod)
}

// forced is what a person does with kubectl delete --force: the node has no say.
func (k *kubelet) forced() {
	k.s.t.Helper()
	pod := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: k.key.Namespace, Name: k.key.Name}}
	if err := cluster.Delete(context.Background(), pod, client.GracePeriodSeconds(0)); client.IgnoreNotFound(err) != nil {
		k.s.t.Fatalf("deleting Pod %s by force: %v", k.key.Name, err)
	}
}

// gone waits until the Pod is not there any more.
func (k *kubelet) gone() {
	k.s.t.Helper()
	k.s.eventually("Pod "+k.key.Name+" is gone", func() error {
		var pod corev1.Pod
		err := cluster.Get(context.Background(), k.key, &pod)
		if apierrors.IsNotFound(err) {
			return nil
		}
		if err == nil {
			return errNotYet
		}
		return err
	})
}

// idOf is the job's ID; in a flood it may not be recorded yet.
func idOf(job *v1alpha1.TrainingJob) string {
	return contract.RecordedJobID(job.Status.ID, string(job.UID))
}

// validated is what validate says of a good file.
func validated(job *v1alpha1.TrainingJob, start int32) contract.Message {
	m := contract.Message{
		Job: idOf(job), Start: start, Stage: contract.StageValidate,
		Training: &contract.File{SHA256: digest('a'), Bytes: 1000, Samples: 80},
	}
	if job.Spec.ValidationFile != nil {
		m.Validation = &contract.File{SHA256: digest('b'), Bytes: 500, Samples: 20}
	}
	return m
}

// trained is what train says of a stored model.
func trained(job *v1alpha1.TrainingJob, start int32) contract.Message {
	return contract.Message{
		Job: idOf(job), Start: start, Stage: contract.StageTrain,
		Model: contract.ModelID(idOf(job)), Manifest: digest('c'),
		ResultsFile: contract.ResultsFileID(idOf(job)), Summary: "epoch 40/40, accuracy 0.990 at epoch 33",
		Epoch: 40, Epochs: 40, Step: 800, Steps: 800, BestEpoch: 33,
		Metrics: map[string]float64{contract.MetricValidAccuracy: 0.9901234567890123, contract.MetricValidLoss: 0.0625},
	}
}

func digest(c byte) string {
	out := make([]byte, 64)
	for i := range out {
		out[i] = c
	}
	return string(out)
}
