package controllers

import (
	"context"
	"testing"
	"time"

	schedulingv1 "k8s.io/api/scheduling/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/swath-dev/swath/api/v1alpha1"
	"github.com/swath-dev/swath/internal/config"
	"github.com/swath-dev/swath/internal/queue"
)

// A job that was deleted and made again under its name gets the slot that the one
// before it held, though nobody saw it gone.
func TestAJobMadeAgainDoesNotWaitForItsFormerSlot(t *testing.T) {
	job := withFiles(makeJob("ships", 0), 0)
	s := newServer(t, oneSlot, job)
	s.reconciler.Queue.Hold(queue.Job{UID: "old", Name: client.ObjectKeyFromObject(job)})
	s.reconcile("ships")
	if s.pod("ships-train-1") == nil {
		t.Errorf("the job does not train: %+v", s.job("ships").Status)
	}
}

// A job's place in the queue is that of the priority that its Pod will have.
func TestAJobHasThePriorityOfItsPod(t *testing.T) {
	classes := []client.Object{
		&schedulingv1.PriorityClass{ObjectMeta: metav1.ObjectMeta{Name: "urgent"}, Value: 1000},
		&schedulingv1.PriorityClass{ObjectMeta: metav1.ObjectMeta{Name: "training"}, Value: 7},
	}
	usual := &schedulingv1.PriorityClass{ObjectMeta: metav1.ObjectMeta{Name: "usual"}, Value: 100, GlobalDefault: true}
	second := &schedulingv1.PriorityClass{ObjectMeta: metav1.ObjectMeta{Name: "second"}, Value: 50, GlobalDefault: true}
	cases := map[string]struct {
		asked, configured string
		classes           []client.Object
		want              int32
	}{
		"the job's own":                 {asked: "urgent", configured: "training", classes: []client.Object{usual}, want: 1000},
		"the configuration's":           {configured: "training", classes: []client.Object{usual}, want: 7},
		"the cluster's":                 {classes: []client.Object{usual}, want: 100},
		"the least of two by mistake":   {classes: []client.Object{usual, second}, want: 50},
		"none at all":                   {want: 0},
		"one that is not there is none": {asked: "gone", classes: []client.Object{usual}, want: 0},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			s := newServer(t, func(cf *config.Config) {
				cf.Limits.RunningJobs, cf.Train.PriorityClassName = 1, c.configured
			}, append(append([]client.Object{}, classes...), c.classes...)...)
			job := makeJob("ships", time.Minute)
			if c.asked != "" {
				job.Spec.Pod = &v1alpha1.PodOptions{PriorityClassName: c.asked}
			}
			if got := s.reconciler.queued(context.Background(), job).Priority; got != c.want {
				t.Errorf("the priority is %d, want %d", got, c.want)
			}
		})
	}
}

func oneSlot(c *config.Config) { c.Limits.RunningJobs = 1 }
