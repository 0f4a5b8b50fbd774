package controllers

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"github.com/swath-dev/swath/api/v1alpha1"
	"github.com/swath-dev/swath/internal/config"
	"github.com/swath-dev/swath/internal/contract"
)

// trainsAndWaits is a server with one slot, a job that trains in it and one that waits
// for it.
func trainsAndWaits(t *testing.T) *server {
	t.Helper()
	ships, trees := withFiles(makeJob("ships", time.Minute), 0), withFiles(makeJob("trees", 0), 0)
	s := newServer(t, oneSlot, ships, trees)
	s.reconcile("ships")
	s.change("ships-train-1", runs(s.clock.Now()))
	s.reconcile("ships")
	s.reconcile("trees")
	s.wantTrainer("ships-train-1")
	return s
}

// runs has the trainer run.
func runs(since time.Time) func(*corev1.Pod) {
	return func(p *corev1.Pod) {
		waiting(since)(p)
		p.Status.Phase = corev1.PodRunning
		p.Status.ContainerStatuses = []corev1.ContainerStatus{{
			Name: string(contract.StageTrain), State: corev1.ContainerState{Running: &corev1.ContainerStateRunning{StartedAt: metav1.Time{Time: since}}},
		}}
	}
}

// wantTrainer has all jobs be looked at some times, and checks that the only train Pods
// that can work are these.
func (s *server) wantTrainer(want ...string) {
	s.t.Helper()
	for range 3 {
		for _, name := range []string{"trees", "ships"} {
			s.reconcile(name)
		}
	}
	var list corev1.PodList
	if err := s.client.List(s.t.Context(), &list, client.MatchingLabels{v1alpha1.LabelRole: v1alpha1.RoleTrain}); err != nil {
		s.t.Fatal(err)
	}
	var got []string
	for i := range list.Items {
		if s.reconciler.holdsSlot(&list.Items[i]) {
			got = append(got, list.Items[i].Name)
		}
	}
	if strings.Join(got, " ") != strings.Join(want, " ") {
		s.t.Errorf("the train Pods that can work are %q, want %q", got, want)
	}
}

// goes has the Pod be deleted with its grace period, as the garbage collector does with
// the Pods of a job that is gone.
func (s *server) goes(name string) {
	s.t.Helper()
	pod := s.pod(name)
	// A finalizer of another keeps it there until its containers have ended.
	pod.Finalizers = append(pod.Finalizers, "example.com/kubelet")
	if err := s.client.Update(s.t.Context(), pod); err != nil {
		s.t.Fatal(err)
	}
	if err := s.client.Delete(s.t.Context(), pod, client.GracePeriodSeconds(120)); err != nil {
		s.t.Fatal(err)
	}
}

// A job that is deleted keeps its slot until its trainer has ended, whoever asks for it
// and whether the operator starts anew in between.
func TestADeletedJobHoldsItsSlotUntilItsTrainerHasEnded(t *testing.T) {
	cases := map[string]func(*server){
		"nothing else":               func(*server) {},
		"the operator starts anew":   (*server).restart,
		"the job is made again":      func(s *server) { s.create(again("ships")) },
		"it is, and a start is anew": func(s *server) { s.create(again("ships")); s.restart() },
	}
	for name, happens := range cases {
		t.Run(name, func(t *testing.T) {
			s := trainsAndWaits(t)
			s.deleteJob(s.job("ships"))
			s.wantTrainer("ships-train-1")
			s.goes("ships-train-1")
			happens(s)
			s.wantTrainer("ships-train-1")
			s.change("ships-train-1", ends(contract.StageTrain, contract.ExitInterrupted, "", s.clock.Now()))
			s.wantTrainer("trees-train-1")
		})
	}
}

func again(name string) *v1alpha1.TrainingJob {
	job := makeJob(name, 0)
	job.UID = "made-again"
	return job
}

// The slot of a deleted job on a node that no longer answers comes back by itself.
func TestTheSlotOfADeletedJobOnALostNodeComesBack(t *testing.T) {
	s := trainsAndWaits(t)
	s.deleteJob(s.job("ships"))
	s.goes("ships-train-1")
	result := s.reconcile("ships")
	if result.RequeueAfter == 0 {
		t.Fatal("nobody looks again")
	}
	s.pass(result.RequeueAfter)
	s.wantTrainer("trees-train-1")
}

// unseen has the operator's cache show no Pods, and other jobs go on whenever it reads
// Pods live.
func (s *server) unseen() {
	s.reconciler.Client = interceptor.NewClient(s.client, interceptor.Funcs{
		List: func(ctx context.Context, c client.WithWatch, list client.ObjectList, options ...client.ListOption) error {
			if _, ok := list.(*corev1.PodList); ok {
				return nil
			}
			return c.List(ctx, list, options...)
		},
	})
	s.reconciler.Live = interceptor.NewClient(s.client, interceptor.Funcs{
		List: func(ctx context.Context, c client.WithWatch, list client.ObjectList, options ...client.ListOption) error {
			s.reconcile("trees")
			return c.List(ctx, list, options...)
		},
	})
}

// A slot is not given away on the word of a cache that does not show the trainer yet.
func TestACacheThatLagsGivesNoSlotAway(t *testing.T) {
	cases := map[string]func(*v1alpha1.TrainingJob){
		"the job is cancelled": func(j *v1alpha1.TrainingJob) { j.Spec.Cancel = ptr.To(true) },
		"the job is suspended": func(j *v1alpha1.TrainingJob) { j.Spec.Suspend = ptr.To(true) },
		"the job is deleted":   func(j *v1alpha1.TrainingJob) { j.Finalizers = []string{metav1.FinalizerDeleteDependents} },
		"spec.pod asks for what is not allowed": func(j *v1alpha1.TrainingJob) {
			j.Spec.Pod = &v1alpha1.PodOptions{ServiceAccountName: "admin"}
		},
	}
	for name, change := range cases {
		t.Run(name, func(t *testing.T) {
			s := trainsAndWaits(t)
			job := s.job("ships")
			change(job)
			if err := s.client.Update(t.Context(), job); err != nil {
				t.Fatal(err)
			}
			if len(job.Finalizers) > 0 {
				s.deleteJob(job)
			}
			s.unseen()
			for range 3 {
				s.reconcile("ships")
				s.reconcile("trees")
			}
			if s.pod("trees-train-1") != nil {
				t.Error("another job trains beside the trainer that the cache does not show")
			}
		})
	}
}

// The caches show job and Pods as they were before the job's start was counted: that
// is no reason to give its slot away.
func TestAnOldJobGivesNoSlotAway(t *testing.T) {
	s := trainsAndWaits(t)
	old := s.job("ships")
	old.Status = *s.job("trees").Status.DeepCopy()
	old.Spec.Suspend, old.ResourceVersion = ptr.To(true), "1"
	s.unseen()
	// What it would say of the old job is written already.
	s.reconciler.Client = interceptor.NewClient(s.reconciler.Client.(client.WithWatch), interceptor.Funcs{
		Get: func(ctx context.Context, c client.WithWatch, key client.ObjectKey, o client.Object, options ...client.GetOption) error {
			if job, ok := o.(*v1alpha1.TrainingJob); ok && key.Name == "ships" {
				old.DeepCopyInto(job)
				return nil
			}
			return c.Get(ctx, key, o, options...)
		},
		SubResourceUpdate: func(ctx context.Context, c client.Client, name string, o client.Object, options ...client.SubResourceUpdateOption) error {
			if job, ok := o.(*v1alpha1.TrainingJob); ok && o.GetName() == "ships" {
				old.Status = job.Status
				return apierrors.NewConflict(schema.GroupResource{}, "ships", errors.New("the object has been modified"))
			}
			return c.SubResource(name).Update(ctx, o, options...)
		},
	})
	for range 3 {
		s.reconcile("ships")
		s.reconcile("trees")
	}
	if s.pod("trees-train-1") != nil {
		t.Error("another job trains beside the trainer")
	}
}

// unplaced has the scheduler find no node for the Pod.
func unplaced(since time.Time) func(*corev1.Pod) {
	return func(p *corev1.Pod) {
		p.Status.Conditions = []corev1.PodCondition{{
			Type: corev1.PodScheduled, Status: corev1.ConditionFalse, Reason: corev1.PodReasonUnschedulable,
			Message: "0/3 nodes are available: 3 Insufficient nvidia.com/gpu.", LastTransitionTime: metav1.Time{Time: since},
		}}
	}
}

// A job that no node takes holds up nobody for ever: its slot goes to the next in line,
// and it is the first to have the next one. No retry is used up.
func TestAJobThatNoNodeTakesGivesItsSlotToTheNext(t *testing.T) {
	ships, trees := withFiles(makeJob("ships", time.Minute), 0), withFiles(makeJob("trees", 0), 0)
	s := newServer(t, oneSlot, ships)
	s.reconcile("ships")
	s.change("ships-train-1", unplaced(s.clock.Now()))
	after := s.config.Limits.UnschedulableAfter.Duration

	// As long as nobody waits for the slot, it stays.
	s.pass(2 * after)
	result := s.reconcile("ships")
	if s.pod("ships-train-1") == nil || result.RequeueAfter == 0 || result.RequeueAfter > time.Minute {
		t.Fatalf("the job gives its slot up though nobody waits for it, or looks again after %s", result.RequeueAfter)
	}
	s.create(trees)
	trees.Status = withFiles(makeJob("trees", 0), 0).Status
	if err := s.client.Status().Update(t.Context(), trees); err != nil {
		t.Fatal(err)
	}
	s.reconcile("trees")
	s.pass(result.RequeueAfter)
	s.wantTrainer("trees-train-1")
	waits := s.job("ships")
	c := meta.FindStatusCondition(waits.Status.Conditions, v1alpha1.ConditionRunning)
	if c.Reason != v1alpha1.ReasonWaitingForSlot || !strings.Contains(c.Message, "Insufficient nvidia.com/gpu") || ptr.Deref(waits.Status.QueuePosition, 0) != 1 {
		t.Errorf("the job at place %v says %s: %s", waits.Status.QueuePosition, c.Reason, c.Message)
	}
	s.change("trees-train-1", ends(contract.StageTrain, 0, trained(t, s.job("trees")), s.clock.Now()))
	s.wantTrainer("ships-train-2")
	if again := s.job("ships"); again.Status.Retries != 0 || again.Status.Disruptions != 0 || len(again.Status.Attempts) != 1 {
		t.Errorf("the job has used up retries: %+v", again.Status)
	}
}

// A Pod that has got its node in this moment, which the cache does not show yet, is left
// alone.
func TestAPodThatHasJustGotItsNodeIsNotLent(t *testing.T) {
	ships, trees := withFiles(makeJob("ships", time.Minute), 0), withFiles(makeJob("trees", 0), 0)
	s := newServer(t, oneSlot, ships, trees)
	s.reconcile("ships")
	s.change("ships-train-1", unplaced(s.clock.Now()))
	s.reconcile("trees")
	old := s.pod("ships-train-1")
	s.change("ships-train-1", runs(s.clock.Now()))
	s.reconciler.Client = interceptor.NewClient(s.client, interceptor.Funcs{
		List: func(ctx context.Context, c client.WithWatch, list client.ObjectList, options ...client.ListOption) error {
			if pods, ok := list.(*corev1.PodList); ok {
				pods.Items = []corev1.Pod{*old}
				return nil
			}
			return c.List(ctx, list, options...)
		},
	})
	s.pass(time.Hour)
	s.reconcile("ships")
	if pod := s.pod("ships-train-1"); pod == nil || pod.DeletionTimestamp != nil {
		t.Error("the Pod is deleted though it runs")
	}
}

// refuse has the Pods of these jobs be refused by a quota.
func (s *server) refuse(names ...string) {
	s.reconciler.Client = interceptor.NewClient(s.client, interceptor.Funcs{
		Create: func(ctx context.Context, c client.WithWatch, o client.Object, options ...client.CreateOption) error {
			for _, name := range names {
				if strings.HasPrefix(o.GetName(), name) {
					return apierrors.NewForbidden(schema.GroupResource{Resource: "pods"}, o.GetName(), errors.New("exceeded quota: team"))
				}
			}
			return c.Create(ctx, o, options...)
		},
	})
}

// A job whose Pod is refused gives its slot to the next in line that may use it, and
// tries again when it has one.
func TestAJobWhosePodIsRefusedGivesItsSlotToTheNext(t *testing.T) {
	ships, trees := withFiles(makeJob("ships", time.Minute), 0), withFiles(makeJob("trees", 0), 0)
	s := newServer(t, func(c *config.Config) {
		oneSlot(c)
		c.Retry.BlockedTimeout.Duration = time.Hour
	}, ships, trees)
	whole := s.reconciler.Client
	s.refuse("ships")
	s.reconcile("ships")
	s.wantTrainer()
	s.pass(s.config.Limits.UnschedulableAfter.Duration)
	s.wantTrainer("trees-train-1")
	c := meta.FindStatusCondition(s.job("ships").Status.Conditions, v1alpha1.ConditionRunning)
	if c.Reason != v1alpha1.ReasonQuotaExceeded || strings.Count(c.Message, "tried again when the job has a slot") != 1 {
		t.Errorf("the job says %s: %s", c.Reason, c.Message)
	}
	s.reconciler.Client = whole
	s.wantTrainer("trees-train-1")
	s.change("trees-train-1", ends(contract.StageTrain, 0, trained(t, s.job("trees")), s.clock.Now()))
	s.wantTrainer("ships-train-1")
}

// Two jobs that are both refused do not hand the slot to and fro without end.
func TestRefusedJobsDoNotPassTheirSlotInCircles(t *testing.T) {
	ships, trees := withFiles(makeJob("ships", time.Minute), 0), withFiles(makeJob("trees", 0), 0)
	s := newServer(t, func(c *config.Config) {
		oneSlot(c)
		c.Retry.BlockedTimeout.Duration = time.Hour
	}, ships, trees)
	s.refuse("ships", "trees")
	held, passed := true, 0
	for range 20 {
		s.reconcile("ships")
		s.reconcile("trees")
		s.pass(time.Minute)
		if holds := s.reconciler.Queue.Holds(ships.UID); holds != held {
			held, passed = holds, passed+1
		}
	}
	if passed > 1 {
		t.Errorf("the slot was passed on %d times between jobs that cannot use it", passed)
	}
}
