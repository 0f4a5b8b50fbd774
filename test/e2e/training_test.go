package e2e

import (
	"strings"
	"testing"

	"github.com/swath-dev/swath/api/v1alpha1"
)

// Both tasks end with a stored model that is as good as the defaults promise.
func TestBothTasksSucceed(t *testing.T) {
	t.Parallel()
	k := newCluster(t, "e2e-succeed")
	k.uploadOlinda()
	k.create(k.classification("classification"))
	k.create(k.segmentation("segmentation", 0))

	job := k.waitForPhase("classification", v1alpha1.PhaseSucceeded)
	if m := k.validationMetrics(job.Status.TrainedModel); m.Accuracy < 0.97 {
		t.Errorf("accuracy of the classification is %v, below 0.97", m.Accuracy)
	}
	job = k.waitForPhase("segmentation", v1alpha1.PhaseSucceeded)
	if m := k.validationMetrics(job.Status.TrainedModel); m.MeanIoU < 0.90 {
		t.Errorf("mean IoU of the segmentation is %v, below 0.90", m.MeanIoU)
	}
	if job.Status.FinishedAt == nil || job.Status.StartedAt == nil || job.Status.ResultsFile == "" || job.Status.Error != "" {
		t.Errorf("the status of a success is incomplete: %s", asJSON(job.Status))
	}
}

// A broken file fails the job before it is queued, with the trainer's sentence.
func TestBrokenFileFails(t *testing.T) {
	t.Parallel()
	k := newCluster(t, "e2e-broken")
	k.upload("hdf5/r_nan_pixel.h5", classificationTrain)
	job := k.classification("broken")
	job.Spec.ValidationFile = nil
	k.create(job)

	failed := k.waitForPhase("broken", v1alpha1.PhaseFailed)
	for _, part := range []string{classificationTrain, "sample", "NaN"} {
		if !strings.Contains(failed.Status.Error, part) {
			t.Errorf("the error does not say %q: %s", part, failed.Status.Error)
		}
	}
	if failed.Status.Starts != 0 || failed.Status.FinishedAt == nil {
		t.Errorf("a broken file trained, or the end has no time: %s", asJSON(failed.Status))
	}
}

// A file that is not in storage fails the job at once and is named.
func TestMissingFileFails(t *testing.T) {
	t.Parallel()
	k := newCluster(t, "e2e-missing")
	k.create(k.classification("missing"))

	failed := k.waitForPhase("missing", v1alpha1.PhaseFailed)
	if !strings.Contains(failed.Status.Error, classificationTrain) {
		t.Errorf("the error does not name the file: %s", failed.Status.Error)
	}
}

// A job that is cancelled while it trains ends cancelled, with no Pod left.
func TestCancelWhileTraining(t *testing.T) {
	t.Parallel()
	k := newCluster(t, "e2e-cancel")
	k.uploadOlinda()
	k.create(k.segmentation("cancelled", 5000))
	k.waitForPhase("cancelled", v1alpha1.PhaseRunning)

	k.patchSpec("cancelled", `{"cancel":true}`)
	job := k.waitForPhase("cancelled", v1alpha1.PhaseCancelled)
	if pods := k.podsOf(job); len(pods) != 0 {
		t.Errorf("%d Pods are left of a cancelled job", len(pods))
	}
	if job.Status.FinishedAt == nil || job.Status.TrainedModel != "" {
		t.Errorf("the status of a cancelled job is wrong: %s", asJSON(job.Status))
	}
}
