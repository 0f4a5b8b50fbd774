package integration

import (
	"context"
	"slices"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/cli-utils/pkg/kstatus/status"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/swath-dev/swath/api/v1alpha1"
	"github.com/swath-dev/swath/internal/contract"
	"github.com/swath-dev/swath/internal/pods"
)

// succeeded takes a job to its model.
func (s *stage) succeeded(job *v1alpha1.TrainingJob) *v1alpha1.TrainingJob {
	s.t.Helper()
	k := s.training(job)
	k.says(contract.StageTrain, trained(s.job(job), 1))
	end := s.phase(job, v1alpha1.PhaseSucceeded)
	s.released(k)
	return end
}

// released waits until nothing holds the Pod any more.
func (s *stage) released(k *kubelet) {
	s.t.Helper()
	s.eventually("the Pod's finalizer goes", func() error {
		var pod corev1.Pod
		if err := cluster.Get(context.Background(), k.key, &pod); err != nil {
			return err
		}
		if len(pod.Finalizers) > 0 {
			return errNotYet
		}
		return nil
	})
}

func TestANewJobIsNotTakenForAFinishedOne(t *testing.T) {
	s := newStage(t)
	s.stop()
	job := s.job(s.submit(newJob("ships")))
	s.wantKstatus(job, status.InProgressStatus)
	s.start()
	s.phase(job, v1alpha1.PhaseInitializing)
	s.wantKstatus(s.job(job), status.InProgressStatus)
	s.wantKstatus(s.succeeded(job), status.CurrentStatus)
}

func TestDeletingThePodsOfAFinishedJobMakesNoneAgain(t *testing.T) {
	s := newStage(t)
	job := s.submit(newJob("ships"))
	s.succeeded(job)
	if err := cluster.DeleteAllOf(t.Context(), &corev1.Pod{}, client.InNamespace(s.namespace), client.GracePeriodSeconds(0)); err != nil {
		t.Fatal(err)
	}
	s.seen(job)
	s.stop()
	s.start()
	if seen := s.seen(job); seen.Status.Phase != v1alpha1.PhaseSucceeded || seen.Status.Starts != 1 {
		t.Errorf("the job is %s", describe(seen))
	}
	s.wantPods()
}

// A spec that changes after the end is observed: kubectl wait takes a condition of an
// older generation for one that does not hold yet, and would wait for ever.
func TestASpecThatChangesAfterTheEndIsObserved(t *testing.T) {
	s := newStage(t)
	job := s.submit(newJob("ships"))
	end := s.succeeded(job)
	seen := s.observed(job)
	if seen.Generation == end.Generation || len(seen.Status.Conditions) == 0 {
		t.Fatalf("the job is %s", describe(seen))
	}
	for _, c := range seen.Status.Conditions {
		if c.ObservedGeneration != seen.Generation {
			t.Errorf("the condition %s is of generation %d, the job of %d", c.Type, c.ObservedGeneration, seen.Generation)
		}
	}
	s.wantKstatus(seen, status.CurrentStatus)
	end.Status.ObservedGeneration = seen.Status.ObservedGeneration
	for i := range end.Status.Conditions {
		end.Status.Conditions[i].ObservedGeneration = seen.Generation
	}
	if !equality.Semantic.DeepEqual(end.Status, seen.Status) {
		t.Errorf("the end has become\n%s\nfrom\n%s", describe(seen), describe(end))
	}
}

func TestARestoredJobKeepsItsIDAndItsEnd(t *testing.T) {
	s := newStage(t)
	job := s.submit(newJob("ships"))
	end := s.succeeded(job)
	s.stop()
	if err := cluster.Delete(t.Context(), end); err != nil {
		t.Fatal(err)
	}
	if err := cluster.DeleteAllOf(t.Context(), &corev1.Pod{}, client.InNamespace(s.namespace), client.GracePeriodSeconds(0)); err != nil {
		t.Fatal(err)
	}
	restored := end.DeepCopy()
	restored.ObjectMeta = metav1.ObjectMeta{Namespace: end.Namespace, Name: end.Name}
	s.create(restored)
	restored.Status = end.Status
	if err := cluster.Status().Update(t.Context(), restored); err != nil {
		t.Fatal(err)
	}
	s.start()
	seen := s.seen(restored)
	if seen.UID == end.UID || seen.Status.ID != end.Status.ID || seen.Status.Phase != v1alpha1.PhaseSucceeded || seen.Status.TrainedModel != end.Status.TrainedModel {
		t.Errorf("the restored job is %s", describe(seen))
	}
	s.wantPods()
}

func TestFinishedPodsAreKeptForATimeAndTheJobStays(t *testing.T) {
	s := newStage(t, func(s *stage) { s.config.Pods.KeepFinished = &metav1.Duration{Duration: time.Hour} })
	job := s.submit(newJob("ships"))
	s.succeeded(job)
	s.later(job, 59*time.Minute)
	s.seen(job)
	s.wantPods("ships-prepare-1", "ships-train-1")
	s.later(job, time.Minute)
	for _, role := range []string{v1alpha1.RolePrepare, v1alpha1.RoleTrain} {
		(&kubelet{s: s, key: client.ObjectKey{Namespace: s.namespace, Name: pods.Name(job.Name, role, 1)}}).gone()
	}
	if seen := s.seen(job); seen.Status.Phase != v1alpha1.PhaseSucceeded {
		t.Errorf("the job is %s", describe(seen))
	}
}

// The prepare Pod of a job that failed has no finalizer whose removal would bring the
// operator back: it has to come by itself.
func TestThePodsOfAFailedJobGoByThemselves(t *testing.T) {
	s := newStage(t, func(s *stage) { s.config.Pods.KeepFinished = &metav1.Duration{} })
	job := s.submit(newJob("ships"))
	k := s.onNode(s.pod(job, v1alpha1.RolePrepare, 1)).ends(contract.StageDownload, contract.ExitNoFile, "")
	s.phase(job, v1alpha1.PhaseFailed)
	k.gone()
}

func TestAJobGoesAtItsTimeToLive(t *testing.T) {
	s := newStage(t)
	job := newJob("ships")
	job.Spec.TTLSecondsAfterFinished = ptr.To[int32](600)
	s.submit(job)
	s.succeeded(job)
	s.later(job, 599*time.Second)
	s.job(job)
	s.later(job, time.Second)
	s.eventually("the job is gone", func() error {
		if _, err := s.get(job); !apierrors.IsNotFound(err) {
			return errNotYet
		}
		return nil
	})
}

// Without a job nobody waits for the result: the Pod must not stay for ever.
func TestThePodOfADeletedJobIsNotHeld(t *testing.T) {
	s := newStage(t)
	job := s.submit(newJob("ships"))
	k := s.training(job)
	if err := cluster.Delete(t.Context(), s.job(job), client.PropagationPolicy(metav1.DeletePropagationBackground)); err != nil {
		t.Fatal(err)
	}
	s.eventually("the finalizer goes", func() error {
		var pod corev1.Pod
		if err := cluster.Get(context.Background(), k.key, &pod); err != nil {
			return err
		}
		if slices.Contains(pod.Finalizers, v1alpha1.ResultFinalizer) {
			return errNotYet
		}
		return nil
	})
}

func TestACountedStartIsMadeAfterARestart(t *testing.T) {
	s := newStage(t)
	job := s.submit(newJob("ships"))
	s.prepared(job)
	pod := s.pod(job, v1alpha1.RoleTrain, 1)
	s.stop()
	// As if the operator had ended between counting the start and making its Pod.
	k := &kubelet{s: s, key: client.ObjectKeyFromObject(pod)}
	k.finalizers()
	k.removes()
	k.gone()
	s.start()
	again := s.pod(job, v1alpha1.RoleTrain, 1)
	if again.UID == pod.UID {
		t.Errorf("the Pod was not made again")
	}
	if seen := s.seen(job); seen.Status.Starts != 1 || seen.Status.Disruptions != 0 {
		t.Errorf("the job is %s", describe(seen))
	}
}

func TestAPodOfAnotherThatHasTheNameIsSaid(t *testing.T) {
	s := newStage(t)
	stranger := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: s.namespace, Name: "ships-prepare-1"}}
	stranger.Spec.SecurityContext = &corev1.PodSecurityContext{RunAsNonRoot: ptr.To(true), SeccompProfile: &corev1.SeccompProfile{Type: corev1.SeccompProfileTypeRuntimeDefault}}
	stranger.Spec.Containers = []corev1.Container{{Name: "main", Image: "example.com/other", SecurityContext: &corev1.SecurityContext{
		AllowPrivilegeEscalation: ptr.To(false), Capabilities: &corev1.Capabilities{Drop: []corev1.Capability{"ALL"}},
	}}}
	s.create(stranger)
	job := s.submit(newJob("ships"))
	s.waitsFor(job, v1alpha1.ReasonPodNameTaken)
	if err := cluster.Delete(t.Context(), stranger, client.GracePeriodSeconds(0)); err != nil {
		t.Fatal(err)
	}
	s.later(job, time.Minute)
	s.prepared(job)
}
