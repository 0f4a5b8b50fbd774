package integration

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/swath-dev/swath/api/v1alpha1"
	"github.com/swath-dev/swath/internal/contract"
)

// looking counts how often the operator looks at a job: each time it lists its Pods.
type looking struct {
	client.Client
	job   string
	looks *atomic.Int32
}

// List lists what is asked for.
func (l looking) List(ctx context.Context, list client.ObjectList, options ...client.ListOption) error {
	if _, ok := list.(*corev1.PodList); ok {
		asked := (&client.ListOptions{}).ApplyOptions(options)
		if asked.FieldSelector != nil && asked.FieldSelector.String() == "job="+l.job {
			l.looks.Add(1)
		}
	}
	return l.Client.List(ctx, list, options...)
}

// longOnNode has the Pod be on a node for so long that the operator does not come back
// by itself to look why it does not start.
func (s *stage) longOnNode(pod *corev1.Pod) *kubelet {
	s.t.Helper()
	now := s.clock.Now()
	s.clock.SetTime(now.Add(-time.Hour))
	defer s.clock.SetTime(now)
	return s.onNode(pod)
}

// looked has the job's labels be changed and waits until the operator has seen that:
// it has looked once more than after what happened before.
func (s *stage) looked(job *v1alpha1.TrainingJob, looks *atomic.Int32, before int32) int32 {
	s.t.Helper()
	s.change(job, func(j *v1alpha1.TrainingJob) {
		metav1.SetMetaDataLabel(&j.ObjectMeta, "test-look", fmt.Sprint(before))
	})
	s.eventually("the operator looks at the change", func() error {
		if looks.Load() <= before {
			return errNotYet
		}
		return nil
	})
	return looks.Load()
}

// What the operator writes itself, its reconciler's status and the progress, brings it
// back to no job, and neither does a job that trains undisturbed.
func TestAnOwnStatusWriteBringsNoReconcile(t *testing.T) {
	var looks atomic.Int32
	tr := &trainer{asked: make(chan string, 100)}
	s := newStage(t, func(s *stage) {
		s.trainers = tr
		s.config.Progress.Interval = metav1.Duration{Duration: 50 * time.Millisecond}
		s.wrap = func(c client.Client) client.Client { return looking{c, "ships", &looks} }
	})
	job := s.submit(newJob("ships"))
	prepare := s.longOnNode(s.pod(job, v1alpha1.RolePrepare, 1))
	prepare.ends(contract.StageDownload, 0, "").says(contract.StageValidate, validated(s.job(job), 1))
	k := s.longOnNode(s.pod(job, v1alpha1.RoleTrain, 1)).runs(contract.StageTrain)
	s.phase(job, v1alpha1.PhaseRunning)
	k.write(func(p *corev1.Pod) { p.Status.PodIP = "10.1.2.3"; p.Status.PodIPs = []corev1.PodIP{{IP: "10.1.2.3"}} })

	// The status that says that it runs is written by the last look.
	before := looks.Load()
	if now := s.looked(job, &looks, before); now != before+1 {
		t.Errorf("the operator looked %d times at a job that trains undisturbed", now-before-1)
	}
	before = looks.Load()
	progress := contract.Progress{
		PodUID: string(s.pod(job, v1alpha1.RoleTrain, 1).UID), Job: s.job(job).Status.ID, Start: 1,
		Summary: "training", Epochs: 40, Step: 20, Steps: 800,
	}
	for epoch := range int32(5) {
		progress.Epoch = epoch + 1
		tr.says(progress)
		s.until(job, fmt.Sprintf("epoch %d is shown", progress.Epoch), func(j *v1alpha1.TrainingJob) bool {
			return j.Status.Progress != nil && j.Status.Progress.Epoch == progress.Epoch
		})
		s.clock.SetTime(s.clock.Now().Add(time.Minute))
	}
	if now := s.looked(job, &looks, before); now != before+1 {
		t.Errorf("five writes of progress brought %d looks", now-before-1)
	}
}
