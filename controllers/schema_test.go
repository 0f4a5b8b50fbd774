package controllers

import (
	"context"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/client-go/tools/events"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"github.com/swath-dev/swath/api/v1alpha1"
)

// oldCRD has the server drop status.starts, as an API server does whose CRD does not
// have it, until the returned function is called.
func (s *server) oldCRD() (renew func()) {
	old := true
	known := s.client
	s.client = interceptor.NewClient(known, interceptor.Funcs{
		SubResourceUpdate: func(ctx context.Context, c client.Client, name string, o client.Object, options ...client.SubResourceUpdateOption) error {
			if job, ok := o.(*v1alpha1.TrainingJob); ok && old {
				job.Status.Starts = 0
			}
			return c.SubResource(name).Update(ctx, o, options...)
		},
	})
	return func() { old = false }
}

// An operator that cannot record a start makes no Pod, says why, and goes on once the
// CRD is renewed.
func TestAnOperatorOnAnOlderCRDTouchesNoPods(t *testing.T) {
	s := newServer(t, nil, withFiles(makeJob("ships", 0), 0), withFiles(makeJob("boats", 0), 0))
	renew := s.oldCRD()
	s.restart()
	recorder := events.NewFakeRecorder(100)
	s.reconciler.Recorder, s.reconciler.Schema = recorder, &Schema{}
	for range 5 {
		for _, name := range []string{"ships", "boats"} {
			if result := s.reconcile(name); result.RequeueAfter != schemaRetry {
				t.Errorf("%s is looked at again after %s, want %s", name, result.RequeueAfter, schemaRetry)
			}
		}
		s.pass(schemaRetry)
	}
	var pods corev1.PodList
	if err := s.client.List(t.Context(), &pods); err != nil || len(pods.Items) > 0 {
		t.Errorf("there are %d Pods, %v", len(pods.Items), err)
	}
	if s.statuses != 5 {
		t.Errorf("statuses were written %d times, want once a minute", s.statuses)
	}
	if err := s.reconciler.Schema.Ready(nil); err == nil || !strings.Contains(err.Error(), "status.starts") {
		t.Errorf("the operator is ready: %v", err)
	}
	told := 0
	for len(recorder.Events) > 0 {
		if strings.Contains(<-recorder.Events, reasonOutdatedCRD) {
			told++
		}
	}
	if told != 1 {
		t.Errorf("there are %d events of the CRD, want 1", told)
	}

	renew()
	s.reconcile("ships")
	s.reconcile("boats")
	if s.pod("ships-train-1") == nil || s.pod("boats-train-1") == nil || s.reconciler.Schema.Ready(nil) != nil {
		t.Errorf("the operator does not go on with a new CRD: %v", s.reconciler.Schema.Ready(nil))
	}
}

// A status that holds nothing of the dropped field does not show that it is kept.
func TestADroppedFieldCountsUntilItComesBack(t *testing.T) {
	s, now := &Schema{}, time.Now()
	whole := &v1alpha1.TrainingJobStatus{ID: "x", Starts: 1, Attempts: []v1alpha1.Attempt{{Stage: "train", Number: 1}}}
	if lost, news := s.check(whole, &v1alpha1.TrainingJobStatus{ID: "x", Starts: 1, Attempts: []v1alpha1.Attempt{{Stage: "train"}}}, now); lost != "status.attempts[].number" || !news {
		t.Errorf("lost is %q, news %t", lost, news)
	}
	other := &v1alpha1.TrainingJobStatus{ID: "x"}
	if lost, _ := s.check(other, other, now); lost != "" || s.Ready(nil) == nil {
		t.Errorf("another job's status counts as proof: %q, %v", lost, s.Ready(nil))
	}
	if lost, _ := s.check(whole, whole, now); lost != "" || s.Ready(nil) != nil {
		t.Errorf("the field came back, and the operator is not ready: %v", s.Ready(nil))
	}
}
