package e2e

import (
	"testing"

	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/swath-dev/swath/api/v1alpha1"
)

// epochsToInterrupt is a training long enough to be interrupted.
const epochsToInterrupt = 250

// Whatever interrupts a job, it ends with the model that it would have had
// without: the digest of the weights is the same.
func TestInterruptionsChangeNothing(t *testing.T) {
	k := newCluster(t, "e2e-interrupt")
	k.uploadOlinda()
	k.create(k.longClassification("undisturbed"))
	want := k.weights(k.waitForPhase("undisturbed", v1alpha1.PhaseSucceeded).Status.TrainedModel)

	interruptions := []struct {
		name      string
		interrupt func(*cluster, *v1alpha1.TrainingJob)
		restarts  bool
	}{
		{"suspended", suspendAndResume, true},
		{"evicted", evict, true},
		{"deleted-pod", deletePod, true},
		{"killed-manager", killManager, false},
		{"restarted-kubelet", restart("kubelet"), false},
		{"restarted-control-plane", restart("etcd", "kube-apiserver"), false},
		{"restarted-containerd", restart("containerd"), false},
	}
	for _, tt := range interruptions {
		t.Run(tt.name, func(t *testing.T) {
			k := &cluster{Client: k.Client, t: t, namespace: k.namespace, storage: k.storage}
			k.create(k.longClassification(tt.name))
			tt.interrupt(k, k.waitForEpochs(tt.name, 2))
			job := k.waitForPhase(tt.name, v1alpha1.PhaseSucceeded)
			if got := k.weights(job.Status.TrainedModel); got != want {
				t.Errorf("the interrupted job has weights %s; undisturbed they are %s", got, want)
			}
			if tt.restarts && job.Status.Starts < 2 {
				t.Errorf("training was to start again, and started %d time(s)", job.Status.Starts)
			}
			if job.Status.Retries != 0 {
				t.Errorf("a disruption cost %d retries", job.Status.Retries)
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
		return job.Status.Phase == v1alpha1.PhaseQueued && k.trainPod(job) == nil
	})
	k.patchSpec(job.Name, `{"suspend":false}`)
}

func evict(k *cluster, job *v1alpha1.TrainingJob) {
	pod := k.trainPod(job)
	if err := k.SubResource("eviction").Create(k.t.Context(), pod, &policyv1.Eviction{}); err != nil {
		k.t.Fatalf("evicting Pod %s: %v", pod.Name, err)
	}
}

func deletePod(k *cluster, job *v1alpha1.TrainingJob) {
	pod := k.trainPod(job)
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

// trainPod is the job's train Pod, or nil.
func (k *cluster) trainPod(job *v1alpha1.TrainingJob) *corev1.Pod {
	k.t.Helper()
	for _, pod := range k.podsOf(job) {
		for _, container := range pod.Spec.Containers {
			if container.Name == "train" {
				return &pod
			}
		}
	}
	return nil
}
