package e2e

import (
	"context"
	"fmt"
	"testing"

	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/swath-dev/swath/api/v1alpha1"
)

// epochsToInterrupt is a training long enough to be interrupted.
const epochsToInterrupt = 250

// Whatever interrupts a job, it ends with the model that it would have had
// without: the digest of the weights is the same. No other test runs meanwhile.
func TestInterruptionsChangeNothing(t *testing.T) {
	k := newCluster(t, "e2e-interrupt")
	k.uploadOlinda()
	k.create(k.longClassification("undisturbed"))
	want := k.weights(k.waitForPhase("undisturbed", v1alpha1.PhaseSucceeded).Status.TrainedModel)

	interruptions := []struct {
		name      string
		interrupt func(*cluster, *v1alpha1.TrainingJob)
		// starts is how often training starts, disruptions how many count.
		starts, disruptions int32
		// beside has it happen to other jobs at the same time.
		beside bool
	}{
		{name: "suspended", interrupt: suspendAndResume, starts: 2, beside: true},
		{name: "evicted", interrupt: evict, starts: 2, disruptions: 1, beside: true},
		{name: "deleted-pod", interrupt: deletePod, starts: 2, disruptions: 1, beside: true},
		{name: "drained-node", interrupt: drain, starts: 2, disruptions: 1},
		// What happens to Kubernetes or to the operator is nothing to a job that trains.
		{name: "killed-manager", interrupt: killManager, starts: 1},
		{name: "restarted-kubelet", interrupt: restart("kubelet"), starts: 1},
		{name: "restarted-control-plane", interrupt: restart("etcd", "kube-apiserver"), starts: 1},
		{name: "restarted-containerd", interrupt: restart("containerd"), starts: 1},
	}
	for _, tt := range interruptions {
		t.Run(tt.name, func(t *testing.T) {
			if tt.beside {
				t.Parallel()
			}
			k := &cluster{Client: k.Client, t: t, namespace: k.namespace, storage: k.storage}
			k.create(k.longClassification(tt.name))
			job := k.waitForEpochs(tt.name, 2)
			first := k.trainPod(job, 1)
			tt.interrupt(k, job)
			job = k.waitForPhase(tt.name, v1alpha1.PhaseSucceeded)
			if got := k.weights(job.Status.TrainedModel); got != want {
				t.Errorf("the interrupted job has weights %s; undisturbed they are %s", got, want)
			}
			s := job.Status
			if s.Starts != tt.starts || s.Disruptions != tt.disruptions || s.Retries != 0 || len(s.Attempts) != int(tt.starts)-1 {
				t.Errorf("training started %d times with %d disruptions, want %d and %d: %s", s.Starts, s.Disruptions, tt.starts, tt.disruptions, asJSON(s))
			}
			if tt.starts > 1 {
				return
			}
			if last := k.trainPod(job, 1); last == nil || last.UID != first.UID {
				t.Errorf("Pod %s (%s) was to go on training, and the job has now: %s", first.Name, first.UID, asJSON(k.podsOf(job)))
			}
		})
	}
}

func (k *cluster) longClassification(name string) *v1alpha1.TrainingJob {
	job := k.classification(name)
	job.Spec.Hyperparameters = &v1alpha1.Hyperparameters{Epochs: ptr.To[int32](epochsToInterrupt)}
	return job
}

func suspendAndResume(k *cluster, job *v1alpha1.TrainingJob) {
	k.patchSpec(job.Name, `{"suspend":true}`)
	k.waitFor(job.Name, "queued with no train Pod", func(job *v1alpha1.TrainingJob) bool {
		return job.Status.Phase == v1alpha1.PhaseQueued && k.trainPod(job, 1) == nil
	})
	k.patchSpec(job.Name, `{"suspend":false}`)
}

func evict(k *cluster, job *v1alpha1.TrainingJob) { k.evictPod(k.trainPod(job, 1)) }

// drain does what `kubectl drain` does to the node, and gives it back once the job
// says that no node can take it.
func drain(k *cluster, job *v1alpha1.TrainingJob) {
	pod := k.trainPod(job, 1)
	k.cordon(pod.Spec.NodeName, true)
	k.t.Cleanup(func() { k.cordon(pod.Spec.NodeName, false) })
	k.evictPod(pod)
	k.waitFor(job.Name, "without a node", func(job *v1alpha1.TrainingJob) bool {
		running := meta.FindStatusCondition(job.Status.Conditions, v1alpha1.ConditionRunning)
		return running != nil && running.Reason == v1alpha1.ReasonUnschedulable
	})
	k.cordon(pod.Spec.NodeName, false)
}

// cordon has the node take no new Pods, or take them again.
func (k *cluster) cordon(node string, closed bool) {
	k.t.Helper()
	patch := client.RawPatch("application/merge-patch+json", fmt.Appendf(nil, `{"spec":{"unschedulable":%t}}`, closed))
	eventually(k.t, "node "+node+" is cordoned or not", func() (string, bool) {
		err := k.Patch(context.Background(), &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: node}}, patch)
		return fmt.Sprint(err), err == nil
	})
}

// evictPod asks for the Pod's eviction, as a drain does.
func (k *cluster) evictPod(pod *corev1.Pod) {
	k.t.Helper()
	if err := k.SubResource("eviction").Create(k.t.Context(), pod, &policyv1.Eviction{}); err != nil {
		k.t.Fatalf("evicting Pod %s: %v", pod.Name, err)
	}
}

func deletePod(k *cluster, job *v1alpha1.TrainingJob) {
	pod := k.trainPod(job, 1)
	if err := k.Delete(k.t.Context(), pod, &client.DeleteOptions{GracePeriodSeconds: ptr.To[int64](0)}); err != nil {
		k.t.Fatalf("deleting Pod %s: %v", pod.Name, err)
	}
}

func killManager(k *cluster, _ *v1alpha1.TrainingJob) {
	err := k.DeleteAllOf(k.t.Context(), &corev1.Pod{}, client.InNamespace(systemNamespace),
		client.MatchingLabels{"app.kubernetes.io/component": "manager"},
		&client.DeleteAllOfOptions{DeleteOptions: client.DeleteOptions{GracePeriodSeconds: ptr.To[int64](0)}})
	if err != nil {
		k.t.Fatalf("killing the manager: %v", err)
	}
}

func restart(components ...string) func(*cluster, *v1alpha1.TrainingJob) {
	return func(k *cluster, _ *v1alpha1.TrainingJob) {
		run(k.t, append([]string{"kill"}, components...)...)
	}
}

// trainPod is the job's train Pod of the start, or nil.
func (k *cluster) trainPod(job *v1alpha1.TrainingJob, start int) *corev1.Pod {
	k.t.Helper()
	for _, pod := range k.podsOf(job) {
		if pod.Labels[v1alpha1.LabelRole] == v1alpha1.RoleTrain && pod.Labels[v1alpha1.LabelNumber] == fmt.Sprint(start) {
			return &pod
		}
	}
	return nil
}
