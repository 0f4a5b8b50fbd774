package lifecycle_test

import (
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/utils/ptr"

	"github.com/swath-dev/swath/api/v1alpha1"
	"github.com/swath-dev/swath/internal/contract"
	"github.com/swath-dev/swath/internal/lifecycle"
)

// wantHeld checks that spec.suspend holds the job in the phase and nothing is done.
func wantHeld(t *testing.T, d lifecycle.Decision, phase v1alpha1.Phase) {
	t.Helper()
	if d.Status.Phase != phase || len(d.Actions) != 0 || !meta.IsStatusConditionTrue(d.Status.Conditions, v1alpha1.ConditionSuspended) {
		t.Errorf("the job does %+v and is\n%s", d.Actions, encodeStatus(&d.Status))
	}
	for _, name := range []string{v1alpha1.ConditionRunning, v1alpha1.ConditionReconciling} {
		if c := meta.FindStatusCondition(d.Status.Conditions, name); c.Status != "False" || c.Reason != v1alpha1.ReasonSuspended {
			t.Errorf("the condition is %+v", c)
		}
	}
}

func TestAJobThatIsCreatedSuspendedIsNotPrepared(t *testing.T) {
	job := makeJob()
	job.Status = v1alpha1.TrainingJobStatus{Phase: v1alpha1.PhaseInitializing, ObservedGeneration: -1}
	job.Spec.Suspend = ptr.To(true)
	d := lifecycle.Decide(observe(job))
	wantHeld(t, d, v1alpha1.PhaseInitializing)
	if d.NeedsLivePods || d.Status.Prepares != 0 {
		t.Errorf("Pods are listed live: %t; %d preparations are counted", d.NeedsLivePods, d.Status.Prepares)
	}
	job.Status, job.Spec.Suspend, job.Generation = d.Status, ptr.To(false), 2
	d = lifecycle.Decide(observe(job))
	if len(d.Actions) != 1 || d.Actions[0].Role != v1alpha1.RolePrepare || d.Actions[0].Number != 1 {
		t.Errorf("resuming does %+v", d.Actions)
	}
}

// A Pod that the cache does not show yet may be there: a job that was suspended later
// is held only once a live list shows none.
func TestAJobIsHeldOnLivePodsOnly(t *testing.T) {
	job := makeJob()
	job.Status = v1alpha1.TrainingJobStatus{Phase: v1alpha1.PhaseInitializing, ObservedGeneration: -1}
	job.Spec.Suspend, job.Generation = ptr.To(true), 2
	d := lifecycle.Decide(observe(job))
	if !d.NeedsLivePods {
		t.Error("the job is held by what the cache shows")
	}
	job.Status = d.Status
	if d = lifecycle.Decide(observe(job)); d.NeedsLivePods {
		t.Error("Pods are listed live again for a job that is held already")
	}
}

func TestAJobThatIsSuspendedWhileItPreparesPreparesAnew(t *testing.T) {
	job := makeJob()
	job.Status.Prepares = 1
	job.Spec.Suspend = ptr.To(true)
	pod := makePod(v1alpha1.RolePrepare, 1)
	pod.Stages[contract.StageDownload] = running()
	d := lifecycle.Decide(observe(job, pod))
	if len(d.Actions) != 1 || d.Actions[0].Kind != lifecycle.DeletePod {
		t.Fatalf("suspending does %+v", d.Actions)
	}
	job.Status = d.Status
	pod.Deleting, pod.DeletedAt, pod.DeleteBy = true, start.Add(time.Second), start.Add(time.Minute)
	d = lifecycle.Decide(observe(job, pod))
	if d.Status.Phase != v1alpha1.PhaseDownloadingFiles || meta.IsStatusConditionTrue(d.Status.Conditions, v1alpha1.ConditionSuspended) {
		t.Errorf("while the Pod goes the job is\n%s", encodeStatus(&d.Status))
	}
	job.Status = d.Status
	pod.Stages = map[contract.Stage]lifecycle.Container{contract.StageDownload: ended(contract.ExitInterrupted, "")}
	pod.Terminal = true
	d = lifecycle.Decide(observe(job, pod))
	wantHeld(t, d, v1alpha1.PhaseInitializing)
	if last := d.Status.Attempts[0]; last.Reason != v1alpha1.ReasonSuspended || d.Status.Disruptions != 0 || d.Status.Retries != 0 {
		t.Errorf("the attempt is %+v, with %d disruptions and %d retries", last, d.Status.Disruptions, d.Status.Retries)
	}
	job.Status, job.Spec.Suspend = d.Status, ptr.To(false)
	d = lifecycle.Decide(observe(job))
	if len(d.Actions) != 1 || d.Actions[0].Number != 2 || d.Status.Retries != 0 {
		t.Errorf("resuming does %+v", d.Actions)
	}
}

// What was found out before the Pod ended counts: the files are not fetched again.
func TestFilesThatWereValidWhenTheJobWasSuspendedStayValid(t *testing.T) {
	job := makeJob()
	job.Status.Prepares = 1
	job.Spec.Suspend = ptr.To(true)
	pod := makePod(v1alpha1.RolePrepare, 1)
	pod.Deleting, pod.DeleteBy, pod.Terminal = true, start.Add(time.Minute), true
	pod.Stages = map[contract.Stage]lifecycle.Container{contract.StageDownload: ended(0, ""), contract.StageValidate: ended(0, validMessage(job, 1))}
	d := lifecycle.Decide(observe(job, pod))
	wantHeld(t, d, v1alpha1.PhaseQueued)
	if d.Status.Files == nil || len(d.Status.Attempts) != 0 {
		t.Errorf("the job is\n%s", encodeStatus(&d.Status))
	}
}
