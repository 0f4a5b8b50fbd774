package integration

import (
	"context"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/swath-dev/swath/api/v1alpha1"
)

// A Pod that was deleted by force on a node that does not answer may train on: no
// other trainer starts beside it, whether its finalizer is left alone or not.
func TestAForceDeletedPodOnASilentNodeIsWaitedFor(t *testing.T) {
	cases := map[string]func(*stage, *v1alpha1.TrainingJob, *kubelet){
		"it is deleted by force": func(_ *stage, _ *v1alpha1.TrainingJob, k *kubelet) { k.forced() },
		"its finalizer is removed as well": func(s *stage, job *v1alpha1.TrainingJob, k *kubelet) {
			k.forced()
			var pod corev1.Pod
			err := cluster.Get(context.Background(), k.key, &pod)
			if err == nil {
				err = cluster.Patch(context.Background(), &pod, client.RawPatch("application/merge-patch+json", []byte(`{"metadata":{"finalizers":null}}`)))
			}
			if client.IgnoreNotFound(err) != nil {
				s.t.Fatal(err)
			}
			k.gone()
			s.until(job, "it is known", func(j *v1alpha1.TrainingJob) bool {
				return len(j.Status.Attempts) == 1 && j.Status.Attempts[0].Reason == v1alpha1.ReasonPodVanished
			})
		},
	}
	for name, force := range cases {
		t.Run(name, func(t *testing.T) {
			s := newStage(t, func(s *stage) { s.config.Limits.RunningJobs = 1 })
			job := s.submit(newJob("ships"))
			k := s.training(job)
			next := s.submit(newJob("next"))
			s.prepared(next)
			force(s, job, k)
			s.later(job, 4*time.Minute)
			s.until(job, "the condition says what it waits for", func(j *v1alpha1.TrainingJob) bool {
				return strings.Contains(describe(j), "has not confirmed its end; it counts as gone at ")
			})
			if seen := s.seen(job); seen.Status.Starts != 1 {
				t.Errorf("a second trainer starts: %s", describe(seen))
			}
			if seen := s.seen(next); seen.Status.Starts != 0 {
				t.Errorf("another job trains in its slot: %s", describe(seen))
			}
			s.later(job, 2*time.Minute)
			s.until(job, "its end is recorded", func(j *v1alpha1.TrainingJob) bool { return len(j.Status.Attempts) == 1 })
			s.later(job, time.Hour)
			s.eventually("the slot is used again", func() error {
				if s.job(job).Status.Starts+s.job(next).Status.Starts != 2 {
					return errNotYet
				}
				return nil
			})
		})
	}
}
