package controllers

import (
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	testingclock "k8s.io/utils/clock/testing"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/swath-dev/swath/api/v1alpha1"
	"github.com/swath-dev/swath/internal/config"
	"github.com/swath-dev/swath/internal/queue"
)

// A job that was deleted and made again under its name gets the slot that the one
// before it held, though nobody saw it gone.
func TestAJobMadeAgainDoesNotWaitForItsFormerSlot(t *testing.T) {
	c := config.Default()
	c.Limits.RunningJobs = 1
	c.Storage = []config.Storage{{URL: "s3://bucket"}}
	job := &v1alpha1.TrainingJob{ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: "ships", UID: "new"}}
	job.Status.Files = &v1alpha1.ValidatedFiles{Training: v1alpha1.ValidatedFile{SHA256: "a"}}
	r := &TrainingJobReconciler{Config: &c, Clock: testingclock.NewFakePassiveClock(metav1.Now().Time), Queue: queue.NewLedger(1, 0)}
	r.Queue.Hold(queue.Job{UID: "old", Name: client.ObjectKeyFromObject(job)})
	observed, _ := r.world(job, nil)
	r.askQueue(t.Context(), &observed)
	if !observed.Slot.Granted {
		t.Errorf("the job waits for a slot: %+v", observed.Slot)
	}
}
