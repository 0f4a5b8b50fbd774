package integration

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/swath-dev/swath/api/v1alpha1"
	"github.com/swath-dev/swath/internal/contract"
)

// race is a thousand jobs about to succeed, each cancelled at some moment.
type race struct {
	s *stage
	// accepted are the jobs whose cancel was accepted: the answer to the write
	// that asked for it showed no recorded end.
	accepted sync.Map
	// ends are the jobs' ends as they were first seen.
	ends sync.Map
}

func TestAThousandCancelsAtRandomMoments(t *testing.T) {
	count := 1000
	if testing.Short() {
		count = 50
	}
	s := newStage(t)
	r := &race{s: s}
	jobs := make(chan int)
	var workers sync.WaitGroup
	for worker := range 16 {
		random := rand.New(rand.NewPCG(uint64(worker), 7))
		workers.Go(func() {
			for i := range jobs {
				if err := r.run(t.Context(), fmt.Sprintf("job-%d", i), random); err != nil {
					t.Errorf("job-%d: %v", i, err)
				}
			}
		})
	}
	for i := range count {
		jobs <- i
	}
	close(jobs)
	workers.Wait()
	r.check(count)
}

// run makes a job, plays its kubelet to a model, and cancels it beside that at a
// random moment: after one of the kubelet's steps, the last of which says that the
// model is there.
func (r *race) run(ctx context.Context, name string, random *rand.Rand) error {
	job := newJobIn(r.s, name)
	if err := cluster.Create(ctx, job); err != nil {
		return err
	}
	moment, cancelled := random.IntN(lastStep+2), make(chan error, 1)
	steps := 0
	stepped := func() {
		if steps++; steps == moment+1 {
			go func() { cancelled <- r.cancel(ctx, job) }()
		}
	}
	stepped()
	if err := r.play(ctx, job, stepped); err != nil {
		return err
	}
	if steps <= moment {
		return r.cancel(ctx, job)
	}
	return <-cancelled
}

// lastStep is how many steps the kubelet takes to a model: two Pods are bound, one
// has prepared, one trains, and one has its model. Cancelling may come after that.
const lastStep = 5

// cancel asks for the job's cancel and takes down whether that was accepted.
func (r *race) cancel(ctx context.Context, job *v1alpha1.TrainingJob) error {
	asked := job.DeepCopy()
	if err := cluster.Patch(ctx, asked, client.RawPatch("application/merge-patch+json", []byte(`{"spec":{"cancel":true}}`))); err != nil {
		return err
	}
	if !asked.Status.Phase.Finished() {
		r.accepted.Store(asked.Name, true)
	}
	return nil
}

// play is the kubelet of the job's Pods: it takes each as far as it goes, until the
// job has ended.
func (r *race) play(ctx context.Context, job *v1alpha1.TrainingJob, stepped func()) error {
	deadline := time.Now().Add(2 * patience)
	ticker := time.NewTicker(pollInterval)
	defer ticker.Stop()
	for time.Now().Before(deadline) {
		now, err := r.s.get(job)
		if err != nil {
			return err
		}
		var pods corev1.PodList
		if err := cluster.List(ctx, &pods, client.InNamespace(r.s.namespace), client.MatchingLabels{v1alpha1.LabelJobName: job.Name}); err != nil {
			return err
		}
		if phase := now.Status.Phase; phase.Finished() {
			r.ends.Store(job.Name, phase)
			if phase == v1alpha1.PhaseCancelled && len(pods.Items) > 0 {
				return fmt.Errorf("it is cancelled with %d Pods left", len(pods.Items))
			}
			return nil
		}
		for i := range pods.Items {
			done, err := r.step(ctx, now, &pods.Items[i])
			if err != nil && !apierrors.IsNotFound(err) && !apierrors.IsConflict(err) {
				return err
			}
			if done && err == nil {
				stepped()
			}
		}
		<-ticker.C
	}
	return errors.New("the job does not come to its end")
}

// step is one thing that the kubelet does: finish a deletion, or take the containers
// one step on. It tells whether it was a step to the model.
func (r *race) step(ctx context.Context, job *v1alpha1.TrainingJob, pod *corev1.Pod) (bool, error) {
	switch {
	case pod.DeletionTimestamp != nil && pod.Spec.NodeName != "" && pod.Status.Phase != corev1.PodSucceeded && pod.Status.Phase != corev1.PodFailed:
		return false, confirmEnd(pod)
	case pod.DeletionTimestamp != nil:
		return false, cluster.Delete(ctx, pod, client.GracePeriodSeconds(0))
	case pod.Status.Phase == corev1.PodSucceeded:
		return false, nil
	case pod.Spec.NodeName == "":
		return true, cluster.SubResource("binding").Create(ctx, pod, &corev1.Binding{Target: corev1.ObjectReference{Kind: "Node", Name: "node-1"}})
	}
	now := metav1.Time{Time: r.s.clock.Now()}
	done := func(stage contract.Stage, text string) corev1.ContainerStatus {
		return corev1.ContainerStatus{Name: string(stage), State: corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{
			StartedAt: now, FinishedAt: now, Message: text,
		}}}
	}
	switch {
	case pod.Labels[v1alpha1.LabelRole] == v1alpha1.RolePrepare:
		pod.Status.InitContainerStatuses = []corev1.ContainerStatus{done(contract.StageDownload, "")}
		pod.Status.ContainerStatuses = []corev1.ContainerStatus{done(contract.StageValidate, encoded(validated(job, 1)))}
		pod.Status.Phase = corev1.PodSucceeded
	case pod.Status.Phase == corev1.PodPending:
		pod.Status.Phase = corev1.PodRunning
		pod.Status.ContainerStatuses = []corev1.ContainerStatus{{Name: string(contract.StageTrain), State: corev1.ContainerState{Running: &corev1.ContainerStateRunning{StartedAt: now}}}}
	default:
		pod.Status.Phase = corev1.PodSucceeded
		pod.Status.ContainerStatuses = []corev1.ContainerStatus{done(contract.StageTrain, encoded(trained(job, 1)))}
	}
	return true, cluster.Status().Update(ctx, pod)
}

// check compares every end with what the user was told.
func (r *race) check(count int) {
	r.s.t.Helper()
	var list v1alpha1.TrainingJobList
	if err := cluster.List(context.Background(), &list, client.InNamespace(r.s.namespace)); err != nil {
		r.s.t.Fatalf("listing the jobs: %v", err)
	}
	ends := map[v1alpha1.Phase]int{}
	for _, job := range list.Items {
		ends[job.Status.Phase]++
		if first, _ := r.ends.Load(job.Name); first != job.Status.Phase {
			r.s.t.Errorf("the end of %s changed from %v to %s", job.Name, first, job.Status.Phase)
		}
		if _, accepted := r.accepted.Load(job.Name); accepted != (job.Status.Phase == v1alpha1.PhaseCancelled) {
			r.s.t.Errorf("accepting the cancel of %s was %t, and its end is %s", job.Name, accepted, job.Status.Phase)
		}
	}
	r.s.t.Logf("%d jobs ended: %v", count, ends)
	if ends[v1alpha1.PhaseCancelled] == 0 || ends[v1alpha1.PhaseSucceeded] == 0 {
		r.s.t.Errorf("the moments were not random enough: %v", ends)
	}
}
