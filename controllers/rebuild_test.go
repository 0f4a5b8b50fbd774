package controllers

import (
	"context"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	testingclock "k8s.io/utils/clock/testing"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/swath-dev/swath/api/v1alpha1"
	"github.com/swath-dev/swath/internal/config"
	"github.com/swath-dev/swath/internal/queue"
)

// pages lists two jobs a page and decodes them over what the list held, as the
// client does with JSON.
type pages struct {
	client.Reader
	jobs []v1alpha1.TrainingJob
}

func (p pages) List(_ context.Context, list client.ObjectList, options ...client.ListOption) error {
	jobs, ok := list.(*v1alpha1.TrainingJobList)
	if !ok {
		return nil
	}
	asked := (&client.ListOptions{}).ApplyOptions(options)
	from := 0
	if asked.Continue != "" {
		if _, err := fmt.Sscan(asked.Continue, &from); err != nil {
			return err
		}
	}
	to := min(from+2, len(p.jobs))
	jobs.Continue = ""
	page := v1alpha1.TrainingJobList{Items: p.jobs[from:to]}
	if to < len(p.jobs) {
		page.Continue = fmt.Sprint(to)
	}
	data, err := json.Marshal(page)
	if err != nil {
		return err
	}
	return json.Unmarshal(data, jobs)
}

// What one page of jobs says is not taken for what the next one leaves out.
func TestTheQueueIsRebuiltFromAllPages(t *testing.T) {
	reader := pages{}
	var training []string
	for i := range 6 {
		job := v1alpha1.TrainingJob{ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: fmt.Sprint("job-", i), UID: types.UID(fmt.Sprint("uid-", i))}}
		job.Status.Files = &v1alpha1.ValidatedFiles{Training: v1alpha1.ValidatedFile{SHA256: "a"}}
		if i%3 == 0 {
			job.Status.Starts = 1
			training = append(training, job.Name)
		}
		reader.jobs = append(reader.jobs, job)
	}
	c := config.Default()
	c.Limits.RunningJobs = 100
	c.Storage = []config.Storage{{URL: "s3://bucket"}}
	r := &TrainingJobReconciler{Client: listed{}, Live: reader, Config: &c, Clock: testingclock.NewFakePassiveClock(metav1.Now().Time), Queue: queue.NewLedger(100, 0)}
	if err := r.rebuildQueue(t.Context()); err != nil {
		t.Fatal(err)
	}
	var held []string
	for _, job := range reader.jobs {
		if r.Queue.Holds(job.UID) {
			held = append(held, job.Name)
		}
	}
	if !slices.Equal(held, training) {
		t.Errorf("the jobs %q hold slots, want %q", held, training)
	}
}

// Of Pods that are listed to rebuild the slots only what counts is kept in memory.
func TestTheSlotsAreRebuiltFromLittleOfEachPod(t *testing.T) {
	job := withFiles(makeJob("ships", 0), 1)
	s := newServer(t, oneSlot, job)
	full := s.trainPod(job)
	full.Annotations["team.example.com/notes"] = strings.Repeat("x", 10000)
	full.ManagedFields = []metav1.ManagedFieldsEntry{{Manager: "kubelet"}}
	s.create(full)
	byJob, err := s.reconciler.trainPods(t.Context(), "default")
	if err != nil {
		t.Fatal(err)
	}
	kept := byJob[client.ObjectKeyFromObject(job)]
	if len(kept) != 1 || kept[0].Name != full.Name {
		t.Fatalf("kept are %+v", byJob)
	}
	data, err := json.Marshal(kept[0])
	if err != nil || len(data) > 1500 {
		t.Errorf("of a Pod %d bytes are kept: %s (%v)", len(data), data, err)
	}
	observed, _ := s.reconciler.world(job, kept)
	if whole, _ := s.reconciler.world(job, []corev1.Pod{*full}); !reflect.DeepEqual(observed.Pods, whole.Pods) {
		t.Errorf("what is kept reads as %+v, the whole as %+v", observed.Pods, whole.Pods)
	}
}
