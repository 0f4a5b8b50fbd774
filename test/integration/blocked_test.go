package integration

import (
	"context"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/cli-utils/pkg/kstatus/status"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/swath-dev/swath/api/v1alpha1"
	"github.com/swath-dev/swath/internal/contract"
)

// An image that cannot be pulled has one reason and one sentence, though the
// kubelet says two in turn, and fails the job when it lasts.
func TestAnImageThatCannotBePulledFailsTheJobInTime(t *testing.T) {
	s := newStage(t)
	job := s.submit(newJob("ships"))
	k := s.onNode(s.pod(job, v1alpha1.RolePrepare, 1))
	cause := "rpc error: code = NotFound desc = failed to pull and unpack image"
	k.waits(contract.StageDownload, "ErrImagePull", cause)
	message := s.waitsFor(job, v1alpha1.ReasonImagePullFailed)
	if want := "the image swath.local/trainer:dev cannot be pulled: " + cause; message != want {
		t.Errorf("the condition says %q, want %q", message, want)
	}
	before := s.job(job)
	k.waits(contract.StageDownload, "ImagePullBackOff", `Back-off pulling image "swath.local/trainer:dev": ErrImagePull: `+cause)
	after := s.seen(job)
	if describe(before) != describe(after) {
		t.Errorf("the job flaps from %s\nto %s", describe(before), describe(after))
	}
	s.wantKstatus(after, status.InProgressStatus)

	s.later(job, 10*time.Minute)
	k.deleting().removes()
	end := s.phase(job, v1alpha1.PhaseFailed)
	if end.Status.Error != message || condition(end, v1alpha1.ConditionFailed) != "True ImagePullFailed" {
		t.Errorf("the job is %s", describe(end))
	}
	s.wantPods()
}

func TestWhatABlockedPodWaitsForIsSaid(t *testing.T) {
	cases := map[string]struct {
		block  func(*stage, *corev1.Pod)
		reason string
		says   string
		fails  bool
	}{
		"a Secret is missing": {
			block: func(s *stage, pod *corev1.Pod) {
				s.onNode(pod).waits(contract.StageDownload, "CreateContainerConfigError", `secret "swath-storage" not found`)
			},
			reason: v1alpha1.ReasonContainerConfigError, says: `secret "swath-storage" not found`, fails: true,
		},
		"no node fits": {
			block: func(s *stage, pod *corev1.Pod) {
				k := &kubelet{s: s, key: client.ObjectKeyFromObject(pod)}
				k.write(func(p *corev1.Pod) {
					setPodCondition(p, corev1.PodCondition{Type: corev1.PodScheduled, Status: corev1.ConditionFalse, Reason: corev1.PodReasonUnschedulable, Message: "0/3 nodes are available: 3 Insufficient cpu."})
				})
			},
			reason: v1alpha1.ReasonUnschedulable, says: "Insufficient cpu",
		},
		"a volume is missing": {
			block: func(s *stage, pod *corev1.Pod) {
				s.onNode(pod).waits(contract.StageDownload, "PodInitializing", "")
				s.warn(pod, "FailedMount", `MountVolume.SetUp failed for volume "storage": configmap "x" not found`)
			},
			reason: v1alpha1.ReasonVolumeUnavailable, says: "MountVolume.SetUp failed", fails: true,
		},
		"a sandbox fails": {
			block: func(s *stage, pod *corev1.Pod) {
				s.onNode(pod).waits(contract.StageDownload, "PodInitializing", "")
				s.warn(pod, "FailedCreatePodSandBox", "plugin type=\"bridge\" failed: no IP addresses available")
			},
			reason: v1alpha1.ReasonSandboxFailed, says: "no IP addresses available",
		},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			s := newStage(t)
			job := s.submit(newJob("ships"))
			c.block(s, s.pod(job, v1alpha1.RolePrepare, 1))
			s.later(job, 11*time.Second)
			if message := s.waitsFor(job, c.reason); !strings.Contains(message, c.says) {
				t.Errorf("the condition says %q, want %q", message, c.says)
			}
			s.later(job, time.Hour)
			if !c.fails {
				if seen := s.seen(job); seen.Status.Phase.Finished() || len(seen.Status.Attempts) > 0 {
					t.Errorf("the job does not wait: %s", describe(seen))
				}
				return
			}
			(&kubelet{s: s, key: client.ObjectKeyFromObject(s.pod(job, v1alpha1.RolePrepare, 1))}).deleting().removes()
			if end := s.phase(job, v1alpha1.PhaseFailed); !strings.Contains(end.Status.Error, c.says) {
				t.Errorf("the error is %q", end.Status.Error)
			}
		})
	}
}

func TestAQuotaThatRefusesThePodIsSaidAndWhenItIsRaisedTheJobGoesOn(t *testing.T) {
	s := newStage(t)
	quota := &corev1.ResourceQuota{ObjectMeta: metav1.ObjectMeta{Name: "none", Namespace: s.namespace}}
	quota.Spec.Hard = corev1.ResourceList{corev1.ResourcePods: resource.MustParse("0")}
	s.create(quota)
	quota.Status.Hard, quota.Status.Used = quota.Spec.Hard, corev1.ResourceList{corev1.ResourcePods: resource.MustParse("0")}
	if err := cluster.Status().Update(context.Background(), quota); err != nil {
		t.Fatalf("writing the quota's status: %v", err)
	}
	job := s.submit(newJob("ships"))
	if message := s.waitsFor(job, v1alpha1.ReasonQuotaExceeded); !strings.Contains(message, "exceeded quota: none") {
		t.Errorf("the condition says %q", message)
	}
	if blocked := s.job(job); blocked.Status.BlockedSince == nil || blocked.Status.Phase != v1alpha1.PhaseInitializing {
		t.Errorf("the job is %s", describe(blocked))
	}

	// An operator that starts anew does not forget since when.
	since := s.job(job).Status.BlockedSince
	s.stop()
	s.start()
	s.later(job, time.Minute)
	if seen := s.seen(job); seen.Status.BlockedSince == nil || !seen.Status.BlockedSince.Equal(since) {
		t.Errorf("the job is blocked since %v, want %v", seen.Status.BlockedSince, since)
	}

	if err := cluster.Delete(context.Background(), quota); err != nil {
		t.Fatalf("deleting the quota: %v", err)
	}
	s.later(job, time.Minute)
	s.prepared(job)
	if seen := s.seen(job); seen.Status.BlockedSince != nil {
		t.Errorf("the job is still blocked: %s", describe(seen))
	}
}

// What the schema cannot see is refused by the operator before anything is prepared.
func TestASpecPodThatCannotWorkFailsTheJobBeforeItPrepares(t *testing.T) {
	s := newStage(t)
	job := newJob("ships")
	job.Spec.Pod = &v1alpha1.PodOptions{Resources: &corev1.ResourceRequirements{Limits: corev1.ResourceList{"nvidia.com/gpu": resource.MustParse("500m")}}}
	s.submit(job)
	end := s.phase(job, v1alpha1.PhaseFailed)
	if condition(end, v1alpha1.ConditionFailed) != "True InvalidSpec" || end.Status.Prepares != 0 {
		t.Errorf("the job is %s", describe(end))
	}
	if want := "spec.pod.resources.limits.nvidia.com/gpu is 500m, a part of a device: Kubernetes gives whole ones; ask for 1"; end.Status.Error != want {
		t.Errorf("the error is %q, want %q", end.Status.Error, want)
	}
	s.wantPods()
}

func TestAPreparationThatTakesTooLongFailsTheJob(t *testing.T) {
	s := newStage(t)
	job := s.submit(newJob("ships"))
	k := s.onNode(s.pod(job, v1alpha1.RolePrepare, 1)).runs(contract.StageDownload)
	s.phase(job, v1alpha1.PhaseDownloadingFiles)
	s.later(job, s.config.Prepare.Timeout.Duration)
	k.deleting().ends(contract.StageDownload, contract.ExitInterrupted, "").removes()
	end := s.phase(job, v1alpha1.PhaseFailed)
	if condition(end, v1alpha1.ConditionFailed) != "True PrepareTimeout" || end.Status.Retries != 0 || !strings.Contains(end.Status.Error, "prepare.timeout") {
		t.Errorf("the job is %s", describe(end))
	}
	k.gone()
	s.wantPods()
}

func TestAQuotaThatRefusesForTooLongFailsTheJob(t *testing.T) {
	s := newStage(t)
	quota := &corev1.ResourceQuota{ObjectMeta: metav1.ObjectMeta{Name: "none", Namespace: s.namespace}}
	quota.Spec.Hard = corev1.ResourceList{corev1.ResourcePods: resource.MustParse("0")}
	s.create(quota)
	quota.Status.Hard, quota.Status.Used = quota.Spec.Hard, corev1.ResourceList{corev1.ResourcePods: resource.MustParse("0")}
	if err := cluster.Status().Update(context.Background(), quota); err != nil {
		t.Fatalf("writing the quota's status: %v", err)
	}
	job := s.submit(newJob("ships"))
	s.waitsFor(job, v1alpha1.ReasonQuotaExceeded)
	s.later(job, 10*time.Minute)
	end := s.phase(job, v1alpha1.PhaseFailed)
	if !strings.Contains(end.Status.Error, "exceeded quota: none") {
		t.Errorf("the error is %q", end.Status.Error)
	}
}

func TestAdmissionThatRefusesThePodIsSaid(t *testing.T) {
	s := newStage(t)
	limits := &corev1.LimitRange{ObjectMeta: metav1.ObjectMeta{Name: "small", Namespace: s.namespace}}
	limits.Spec.Limits = []corev1.LimitRangeItem{{Type: corev1.LimitTypeContainer, Max: corev1.ResourceList{corev1.ResourceMemory: resource.MustParse("16Mi")}}}
	s.create(limits)
	job := s.submit(newJob("ships"))
	if message := s.waitsFor(job, v1alpha1.ReasonAdmissionRefused); !strings.Contains(message, "maximum memory usage per Container is 16Mi") {
		t.Errorf("the condition says %q", message)
	}
	s.wantPods()
}

func TestAPodThatTheConfigurationDoesNotAllowIsRefusedUntilTheJobIsMended(t *testing.T) {
	s := newStage(t)
	job := newJob("ships")
	job.Spec.Pod = &v1alpha1.PodOptions{ServiceAccountName: "admin"}
	s.submit(job)
	if message := s.waitsFor(job, v1alpha1.ReasonPodNotAllowed); !strings.Contains(message, "spec.pod.serviceAccountName admin") {
		t.Errorf("the condition says %q", message)
	}
	s.wantPods()
	s.change(job, func(j *v1alpha1.TrainingJob) { j.Spec.Pod = nil })
	s.prepared(job)
}

func TestANamespaceWithoutStorageIsSaid(t *testing.T) {
	s := newStage(t, func(s *stage) { s.config.Storage[0].Namespaces = []string{"another"} })
	job := s.submit(newJob("ships"))
	if message := s.waitsFor(job, v1alpha1.ReasonNoStorage); !strings.Contains(message, s.namespace) {
		t.Errorf("the condition says %q", message)
	}
}

func TestKueueGatesAreWaitedForAndDoNotCount(t *testing.T) {
	s := newStage(t, func(s *stage) { s.config.Limits.RunningJobs, s.config.Kueue.Enabled = 1, true })
	first := s.submit(newJob("first"))
	s.training(first)

	queued := newJob("queued")
	queued.Labels = map[string]string{v1alpha1.KueueQueueLabel: "team"}
	s.submit(queued)
	s.prepared(queued)
	pod := s.pod(queued, v1alpha1.RoleTrain, 1)
	if pod.Labels[v1alpha1.KueueQueueLabel] != "team" {
		t.Errorf("the train Pod has the labels %v", pod.Labels)
	}
	if prepare := s.pod(queued, v1alpha1.RolePrepare, 1); prepare.Labels[v1alpha1.KueueQueueLabel] != "" {
		t.Errorf("the prepare Pod has the labels %v", prepare.Labels)
	}
}

// warn makes an event about the Pod, as the kubelet does.
func (s *stage) warn(pod *corev1.Pod, reason, message string) {
	s.t.Helper()
	s.create(&corev1.Event{
		ObjectMeta:     metav1.ObjectMeta{Namespace: s.namespace, GenerateName: "kubelet-"},
		InvolvedObject: corev1.ObjectReference{Kind: "Pod", Namespace: pod.Namespace, Name: pod.Name, UID: pod.UID},
		Type:           corev1.EventTypeWarning, Reason: reason, Message: message,
		LastTimestamp: metav1.Time{Time: s.clock.Now()},
	})
}
