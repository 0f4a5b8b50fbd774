package integration

import (
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/cli-utils/pkg/kstatus/status"

	"github.com/swath-dev/swath/api/v1alpha1"
	"github.com/swath-dev/swath/internal/contract"
)

func TestABrokenFileFailsTheJobWithTheTrainersSentence(t *testing.T) {
	s := newStage(t)
	job := s.submit(newJob("ships"))
	k := s.onNode(s.pod(job, v1alpha1.RolePrepare, 1)).ends(contract.StageDownload, 0, "")
	sentence := "file-train: sample 7 has a pixel that is not a number (band red, row 3, column 9)"
	k.ends(contract.StageValidate, contract.ExitBadFile, encoded(contract.Message{
		Job: s.job(job).Status.ID, Start: 1, Stage: contract.StageValidate, Error: sentence,
	}))
	end := s.phase(job, v1alpha1.PhaseFailed)
	if end.Status.Error != sentence || condition(end, v1alpha1.ConditionFailed) != "True InvalidFile" || end.Status.Retries != 0 {
		t.Errorf("the job is %s", describe(end))
	}
	s.wantKstatus(end, status.FailedStatus)
	s.wantPods("ships-prepare-1")
}

func TestAFailureIsTriedAgainWithBackOffUntilTheLimit(t *testing.T) {
	s := newStage(t)
	job := newJob("ships")
	job.Spec.BackoffLimit = ptr.To[int32](2)
	s.submit(job)
	s.prepared(job)
	waits := []time.Duration{10 * time.Second, 20 * time.Second}
	for i, wait := range waits {
		number := int32(i + 1)
		k := s.onNode(s.pod(job, v1alpha1.RoleTrain, number)).runs(contract.StageTrain)
		s.phase(job, v1alpha1.PhaseRunning)
		k.ends(contract.StageTrain, 1, "line one\nRuntimeError: luck ran out")
		message := s.waitsFor(job, v1alpha1.ReasonBackOff)
		if want := s.clock.Now().Add(wait).UTC().Format(time.RFC3339); !strings.Contains(message, want) {
			t.Errorf("after failure %d the condition says %q, want a start at %s", number, message, want)
		}
		s.later(job, wait-time.Second)
		if early := s.seen(job); early.Status.Starts != number {
			t.Errorf("start %d came before its back-off was over: %s", early.Status.Starts, describe(early))
		}
		s.later(job, time.Second)
	}
	s.onNode(s.pod(job, v1alpha1.RoleTrain, 3)).ends(contract.StageTrain, 1, "RuntimeError: luck ran out")
	end := s.phase(job, v1alpha1.PhaseFailed)
	if condition(end, v1alpha1.ConditionFailed) != "True BackoffLimitExceeded" || end.Status.Starts != 3 || end.Status.Retries != 2 || len(end.Status.Attempts) != 3 {
		t.Errorf("the job is %s", describe(end))
	}
	for _, want := range []string{"exit code 1", "RuntimeError: luck ran out", "the last of 3 failures"} {
		if !strings.Contains(end.Status.Error, want) {
			t.Errorf("the error %q does not say %q", end.Status.Error, want)
		}
	}
}

func TestPreparationIsTriedAgainToo(t *testing.T) {
	s := newStage(t)
	job := s.submit(newJob("ships"))
	s.onNode(s.pod(job, v1alpha1.RolePrepare, 1)).ends(contract.StageDownload, contract.ExitStorage, "storage is unavailable: timeout")
	s.waitsFor(job, v1alpha1.ReasonBackOff)
	s.later(job, 11*time.Second)
	k := s.onNode(s.pod(job, v1alpha1.RolePrepare, 2)).ends(contract.StageDownload, 0, "")
	k.says(contract.StageValidate, validated(s.job(job), 2))
	ready := s.phase(job, v1alpha1.PhaseQueued)
	if ready.Status.Prepares != 2 || ready.Status.Retries != 1 {
		t.Errorf("the job is %s", describe(ready))
	}
	s.pod(job, v1alpha1.RoleTrain, 1)
}

func TestADownloadThatFailsAgainAndAgainMakesNoEndlessLoop(t *testing.T) {
	s := newStage(t)
	job := newJob("ships")
	job.Spec.BackoffLimit = ptr.To[int32](1)
	s.submit(job)
	for number := range int32(2) {
		s.onNode(s.pod(job, v1alpha1.RolePrepare, number+1)).ends(contract.StageDownload, contract.ExitStorage, "storage is unavailable: timeout")
		s.until(job, "the failure is recorded", func(j *v1alpha1.TrainingJob) bool { return len(j.Status.Attempts) == int(number)+1 })
		s.later(job, 11*time.Second)
	}
	end := s.phase(job, v1alpha1.PhaseFailed)
	if end.Status.Prepares != 2 || !strings.Contains(end.Status.Error, "storage is unavailable: timeout") {
		t.Errorf("the job is %s", describe(end))
	}
	s.wantPods("ships-prepare-1", "ships-prepare-2")
}

func TestHowAStartEnds(t *testing.T) {
	cases := map[string]struct {
		end        func(*stage, *kubelet)
		reason     string
		disruption bool
		says       string
	}{
		"the kernel ends it at its memory limit": {
			end: func(_ *stage, k *kubelet) {
				k.endsBy(contract.StageTrain, 137, "OOMKilled", "")
			},
			reason: v1alpha1.ReasonOutOfMemory, says: "4Gi",
		},
		"it is evicted for a limit of its own": {
			end: func(_ *stage, k *kubelet) {
				k.write(func(p *corev1.Pod) {
					p.Status.Phase, p.Status.Reason = corev1.PodFailed, "Evicted"
					p.Status.Message = `Usage of EmptyDir volume "work" exceeds the limit "20Gi".`
				})
			},
			reason: v1alpha1.ReasonEvicted, says: "exceeds the limit",
		},
		"the scheduler preempts it": {
			end: func(_ *stage, k *kubelet) {
				k.condition(corev1.DisruptionTarget, "PreemptionByScheduler", "preempting to accommodate a higher priority pod")
				k.ends(contract.StageTrain, contract.ExitInterrupted, "")
			},
			reason: v1alpha1.ReasonDisrupted, disruption: true, says: "PreemptionByScheduler",
		},
		"the node's pressure evicts it": {
			end: func(_ *stage, k *kubelet) {
				k.condition(corev1.DisruptionTarget, "TerminationByKubelet", "The node was low on resource: memory.")
				k.write(func(p *corev1.Pod) { p.Status.Phase, p.Status.Reason = corev1.PodFailed, "Evicted" })
			},
			reason: v1alpha1.ReasonDisrupted, disruption: true, says: "low on resource",
		},
		"Kueue takes its quota back": {
			end: func(_ *stage, k *kubelet) {
				k.condition("TerminationTarget", "WorkloadEvictedDueToPreempted", "Preempted to accommodate a workload")
				k.deletedByUser()
				k.ends(contract.StageTrain, contract.ExitInterrupted, "").removes()
			},
			reason: v1alpha1.ReasonDisrupted, disruption: true, says: "WorkloadEvictedDueToPreempted",
		},
		"someone deletes its Pod": {
			end: func(_ *stage, k *kubelet) {
				k.deletedByUser()
				k.ends(contract.StageTrain, 143, "").removes()
			},
			reason: v1alpha1.ReasonPodDeleted, disruption: true, says: "ships-train-1 was deleted",
		},
		"someone deletes its Pod by force": {
			end: func(_ *stage, k *kubelet) { k.removes() }, reason: v1alpha1.ReasonPodDeleted, disruption: true, says: "ships-train-1 was deleted",
		},
		"its message is lost": {
			end:    func(_ *stage, k *kubelet) { k.ends(contract.StageTrain, 0, "") },
			reason: v1alpha1.ReasonResultLost, disruption: true, says: "did not arrive",
		},
		"its message is another start's": {
			end: func(s *stage, k *kubelet) {
				job := newJob("ships")
				job.Namespace = s.namespace
				k.says(contract.StageTrain, trained(s.job(job), 9))
			},
			reason: v1alpha1.ReasonResultLost, disruption: true, says: "did not arrive",
		},
		"it is told to stop by its node": {
			end:    func(_ *stage, k *kubelet) { k.ends(contract.StageTrain, contract.ExitInterrupted, "") },
			reason: "Interrupted", disruption: true, says: "exit code 75",
		},
		"the kubelet refuses it": {
			end: func(_ *stage, k *kubelet) {
				k.write(func(p *corev1.Pod) {
					p.Status.ContainerStatuses = nil
					p.Status.Phase, p.Status.Reason, p.Status.Message = corev1.PodFailed, "OutOfcpu", "Node didn't have enough resource: cpu"
				})
			},
			reason: v1alpha1.ReasonNeverRan, disruption: true, says: "OutOfcpu",
		},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			s := newStage(t)
			job := s.submit(newJob("ships"))
			c.end(s, s.training(job))
			seen := s.until(job, "the attempt is recorded", func(j *v1alpha1.TrainingJob) bool { return len(j.Status.Attempts) == 1 })
			a := seen.Status.Attempts[0]
			if a.Reason != c.reason || !strings.Contains(a.Message, c.says) || a.Number != 1 || a.Node != "node-1" {
				t.Errorf("the attempt is %+v, want reason %s and %q", a, c.reason, c.says)
			}
			if got := seen.Status.Disruptions == 1; got != c.disruption {
				t.Errorf("disruptions are %d", seen.Status.Disruptions)
			}
			s.waitsFor(job, v1alpha1.ReasonBackOff)
			s.later(job, 11*time.Second)
			s.onNode(s.pod(job, v1alpha1.RoleTrain, 2)).says(contract.StageTrain, trained(seen, 2))
			end := s.phase(job, v1alpha1.PhaseSucceeded)
			if cost := end.Status.Retries == 1; cost == c.disruption {
				t.Errorf("the job is %s", describe(end))
			}
		})
	}
}

func TestALostMessageTwiceIsAFailure(t *testing.T) {
	s := newStage(t)
	job := newJob("ships")
	job.Spec.BackoffLimit = ptr.To[int32](0)
	s.submit(job)
	s.training(job).ends(contract.StageTrain, 0, "done")
	s.waitsFor(job, v1alpha1.ReasonBackOff)
	s.later(job, time.Minute)
	s.onNode(s.pod(job, v1alpha1.RoleTrain, 2)).ends(contract.StageTrain, 0, "done")
	end := s.phase(job, v1alpha1.PhaseFailed)
	if !strings.Contains(end.Status.Error, "the trainer image has to write one") {
		t.Errorf("the error is %q", end.Status.Error)
	}
}

func TestTheDeadlineCountsTrainingOverAllStarts(t *testing.T) {
	s := newStage(t)
	job := newJob("ships")
	job.Spec.ActiveDeadlineSeconds = ptr.To[int64](100)
	s.submit(job)
	k := s.training(job)
	s.clock.SetTime(s.clock.Now().Add(60 * time.Second))
	k.ends(contract.StageTrain, 1, "RuntimeError")
	s.waitsFor(job, v1alpha1.ReasonBackOff)
	// Time in the queue does not count.
	s.later(job, 2*time.Minute)
	second := s.onNode(s.pod(job, v1alpha1.RoleTrain, 2)).runs(contract.StageTrain)
	s.phase(job, v1alpha1.PhaseRunning)
	s.later(job, 39*time.Second)
	s.seen(job)
	s.wantPods("ships-prepare-1", "ships-train-1", "ships-train-2")
	s.later(job, time.Second)
	second.deleting().ends(contract.StageTrain, contract.ExitInterrupted, "").removes()
	end := s.phase(job, v1alpha1.PhaseFailed)
	if condition(end, v1alpha1.ConditionFailed) != "True DeadlineExceeded" || !strings.Contains(end.Status.Error, "activeDeadlineSeconds (100 s") || end.Status.TrainedSeconds != 100 {
		t.Errorf("the job is %s", describe(end))
	}
}
