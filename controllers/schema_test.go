package controllers

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/go-logr/logr"
	"github.com/go-logr/logr/funcr"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/client-go/tools/events"
	testingclock "k8s.io/utils/clock/testing"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"
	"sigs.k8s.io/controller-runtime/pkg/log"
	"sigs.k8s.io/yaml"

	"github.com/swath-dev/swath/api/v1alpha1"
	"github.com/swath-dev/swath/config/crd"
	"github.com/swath-dev/swath/internal/contract"
)

// olderServer is a server whose CRD may lack a field.
type olderServer struct {
	*server
	recorder *events.FakeRecorder
	// field is what the CRD lacks; empty when it is the operator's. drop is how the server
	// drops it. silent has the server not say what it keeps.
	field  string
	drop   func(*v1alpha1.TrainingJobStatus)
	silent bool
	// asked is how often the server was asked what it keeps.
	asked int
}

// newOlderServer makes a server of the jobs and starts an operator of it.
func newOlderServer(t *testing.T, jobs ...client.Object) *olderServer {
	t.Helper()
	s := &olderServer{server: newServer(t, nil, jobs...), recorder: events.NewFakeRecorder(100)}
	known := s.client
	s.client = interceptor.NewClient(known, interceptor.Funcs{
		SubResourceUpdate: func(ctx context.Context, c client.Client, name string, o client.Object, options ...client.SubResourceUpdateOption) error {
			if job, ok := o.(*v1alpha1.TrainingJob); ok && s.field != "" {
				job.Status = *job.Status.DeepCopy() // What was sent is not what comes back.
				s.drop(&job.Status)
			}
			return c.SubResource(name).Update(ctx, o, options...)
		},
	})
	s.restart()
	return s
}

func (s *olderServer) restart() {
	s.server.restart()
	s.reconciler.Recorder = s.recorder
	s.reconciler.Schema = &Schema{Clock: s.clock, Recorder: s.recorder, Dropped: func(context.Context) (string, error) {
		s.asked++
		if s.silent {
			return "", errors.New("forbidden")
		}
		return s.field, nil
	}}
}

// lacks has the CRD lack the field from now on.
func (s *olderServer) lacks(field string, drop func(*v1alpha1.TrainingJobStatus)) {
	s.field, s.drop = field, drop
}

func dropStarts(status *v1alpha1.TrainingJobStatus) { status.Starts = 0 }

func dropCheckpoint(status *v1alpha1.TrainingJobStatus) {
	if status.Progress != nil {
		status.Progress.Checkpoint = 0
	}
}

// ready is what the readiness check says.
func (s *olderServer) ready() error {
	return s.reconciler.Schema.Ready((&http.Request{}).WithContext(s.t.Context()))
}

// told is how many events of the CRD there were since the last call.
func (s *olderServer) told() int {
	told := 0
	for len(s.recorder.Events) > 0 {
		if strings.Contains(<-s.recorder.Events, reasonOutdatedCRD) {
			told++
		}
	}
	return told
}

// An operator on an older CRD finds that out at its start: it writes nothing and makes no
// Pod, says why once, and goes on within a minute after the CRD was renewed.
func TestAnOperatorOnAnOlderCRDTouchesNoPods(t *testing.T) {
	s := newOlderServer(t, withFiles(makeJob("ships", 0), 0), withFiles(makeJob("boats", 0), 0))
	s.lacks("status.starts", dropStarts)
	if err := s.ready(); err == nil || !strings.Contains(err.Error(), "status.starts") {
		t.Errorf("before it has seen a job the operator is ready: %v", err)
	}
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
	if s.statuses != 0 {
		t.Errorf("statuses were written %d times, though not all of them would be kept", s.statuses)
	}
	if s.asked != 5 {
		t.Errorf("the API server was asked %d times in 5 minutes, want once a minute", s.asked)
	}
	if told := s.told(); told != 1 {
		t.Errorf("there are %d events of the CRD, want 1", told)
	}

	s.field = ""
	s.reconcile("ships")
	s.reconcile("boats")
	if s.pod("ships-train-1") == nil || s.pod("boats-train-1") == nil || s.ready() != nil {
		t.Errorf("the operator does not go on with a new CRD: %v", s.ready())
	}
	if s.asked != 6 {
		t.Errorf("the API server is asked on, though it keeps everything: %d times", s.asked)
	}
}

// Whoever finds the loss first says so, once; and the operator goes on within a minute
// after the CRD was renewed, though nothing writes the field meanwhile.
func TestALossThatTheProgressShowsIsToldOnceAndEndsWithTheNewCRD(t *testing.T) {
	s := newOlderServer(t, withFiles(makeJob("ships", 0), 1), withFiles(makeJob("boats", 0), 0))
	if err := s.ready(); err != nil {
		t.Fatal(err)
	}
	s.lacks("status.progress.checkpoint", dropCheckpoint)
	reader := &ProgressReader{Client: s.client, Config: s.config.Progress, Clock: s.clock, Schema: s.reconciler.Schema}
	reader.setUp()
	logged := 0
	ctx := log.IntoContext(t.Context(), logr.New(funcr.New(func(_, line string) {
		if strings.Contains(line, errOldSchema.Error()) && strings.Contains(line, "status.progress.checkpoint") {
			logged++
		}
	}, funcr.Options{}).GetSink()))
	if err := reader.write(ctx, s.job("ships"), contract.Progress{Epoch: 1, Epochs: 9, Checkpoint: 7}); !errors.Is(err, errOldSchema) {
		t.Fatalf("the lossy write says %v", err)
	}
	if told := s.told(); logged != 1 || told != 1 {
		t.Errorf("the loss is logged %d times and has %d events, want 1 each", logged, told)
	}
	if err := s.ready(); err == nil || !strings.Contains(err.Error(), "status.progress.checkpoint") {
		t.Errorf("the operator is ready: %v", err)
	}
	for range 3 {
		if s.reconcile("boats"); s.pod("boats-train-1") != nil {
			t.Fatal("a Pod is made on an older CRD")
		}
		s.pass(schemaRetry)
	}
	if told := s.told(); told != 0 {
		t.Errorf("the loss is told %d times again", told)
	}

	s.field = ""
	if s.reconcile("boats"); s.pod("boats-train-1") == nil {
		t.Error("the operator does not go on with a new CRD")
	}
	if err := s.ready(); err != nil {
		t.Errorf("the operator is not ready with a new CRD: %v", err)
	}
}

// An API server that does not say what it keeps stops nothing; what comes back of a
// write does.
func TestWithoutAnAnswerTheWritesTell(t *testing.T) {
	s := newOlderServer(t, withFiles(makeJob("ships", 0), 0), withFiles(makeJob("boats", 0), 0))
	s.silent = true
	if s.reconcile("ships"); s.pod("ships-train-1") == nil {
		t.Error("the operator does not work when the API server does not say what it keeps")
	}
	s.lacks("status.starts", dropStarts)
	if s.reconcile("boats"); s.pod("boats-train-1") != nil || s.ready() == nil || s.told() != 1 {
		t.Errorf("a Pod is made that is not recorded, or the loss is not told: %v", s.ready())
	}
	if s.asked != 1 {
		t.Errorf("the API server is asked %d times within a minute", s.asked)
	}
}

// A field that the items of a list lack is missed as any other.
func TestWhatComesBackIsComparedInsideLists(t *testing.T) {
	s := &Schema{Clock: testingclock.NewFakePassiveClock(time.Now()), Recorder: events.NewFakeRecorder(1)}
	sent := &v1alpha1.TrainingJobStatus{ID: "x", Attempts: []v1alpha1.Attempt{{Stage: "train", Number: 1}}}
	job := makeJob("ships", time.Hour)
	job.Status = v1alpha1.TrainingJobStatus{ID: "x", Attempts: []v1alpha1.Attempt{{Stage: "train"}}}
	if err := s.check(t.Context(), sent, job); !errors.Is(err, errOldSchema) || s.lostField() != "status.attempts[].number" {
		t.Errorf("lost is %q, %v", s.lostField(), err)
	}
}

// publishedWithout is the published schema without a field of the status.
func publishedWithout(t *testing.T, path ...string) []byte {
	t.Helper()
	var definition struct {
		Spec struct {
			Versions []struct {
				Schema struct {
					OpenAPIV3Schema map[string]any `json:"openAPIV3Schema"`
				} `json:"schema"`
			} `json:"versions"`
		} `json:"spec"`
	}
	if err := yaml.Unmarshal(crd.TrainingJobs, &definition); err != nil {
		t.Fatal(err)
	}
	schema := definition.Spec.Versions[0].Schema.OpenAPIV3Schema
	schema["x-kubernetes-group-version-kind"] = []map[string]string{{"group": v1alpha1.GroupName, "kind": v1alpha1.TrainingJobKind}}
	at := schema
	for i, name := range path {
		if i == len(path)-1 {
			delete(at, name)
			break
		}
		inner, ok := at[name].(map[string]any)
		if !ok {
			t.Fatalf("the schema has no %q of %q", name, path)
		}
		at = inner
	}
	data, err := json.Marshal(map[string]any{"components": map[string]any{"schemas": map[string]any{"dev.swath.training.v1alpha1.TrainingJob": schema}}})
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func TestWhatThePublishedSchemaLacks(t *testing.T) {
	const properties = "properties"
	cases := map[string]struct {
		without []string
		lost    string
	}{
		"nothing":               {},
		"a field of the status": {without: []string{properties, "status", properties, "modelDigest"}, lost: "status.modelDigest"},
		"one inside another":    {without: []string{properties, "status", properties, "progress", properties, "checkpoint"}, lost: "status.progress.checkpoint"},
		"one of a list's items": {without: []string{properties, "status", properties, "attempts", "items", properties, "number"}, lost: "status.attempts[].number"},
		"one of the spec":       {without: []string{properties, "spec", properties, "task"}},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			if lost, err := droppedOf(publishedWithout(t, c.without...)); lost != c.lost || err != nil {
				t.Errorf("lost is %q, %v; want %q", lost, err, c.lost)
			}
		})
	}
	for name, data := range map[string]string{"no JSON": "<html>", "no TrainingJobs": `{"components":{"schemas":{}}}`} {
		if lost, err := droppedOf([]byte(data)); err == nil || lost != "" {
			t.Errorf("%s: lost is %q, without an error", name, lost)
		}
	}
}
