package controllers

import (
	"context"
	"encoding/json"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/tools/events"
	testingclock "k8s.io/utils/clock/testing"
	"k8s.io/utils/ptr"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"github.com/swath-dev/swath/api/v1alpha1"
	"github.com/swath-dev/swath/internal/config"
	"github.com/swath-dev/swath/internal/contract"
	"github.com/swath-dev/swath/internal/pods"
	"github.com/swath-dev/swath/internal/queue"
)

// server is an API server in memory, and an operator of it. What is read of it is
// always the newest, unless the test puts something between.
type server struct {
	t          *testing.T
	client     client.WithWatch
	clock      *testingclock.FakePassiveClock
	config     config.Config
	reconciler *TrainingJobReconciler
	// statuses is how often the status of a job was written.
	statuses int
}

// newServer makes a server with these objects. change may alter the configuration.
func newServer(t *testing.T, change func(*config.Config), objects ...client.Object) *server {
	t.Helper()
	known := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{scheme.AddToScheme, v1alpha1.AddToScheme} {
		if err := add(known); err != nil {
			t.Fatal(err)
		}
	}
	s := &server{t: t, config: config.Default(), clock: testingclock.NewFakePassiveClock(time.Now().Truncate(time.Second))}
	s.config.Trainer.Image = "swath.local/trainer:dev"
	s.config.Storage = []config.Storage{{URL: "s3://bucket"}}
	if change != nil {
		change(&s.config)
	}
	byJob := func(o client.Object) []string { return []string{o.GetLabels()[v1alpha1.LabelJobName]} }
	s.client = fake.NewClientBuilder().WithScheme(known).WithStatusSubresource(&v1alpha1.TrainingJob{}, &corev1.Pod{}).
		WithIndex(&corev1.Pod{}, podJobIndex, byJob).WithObjects(objects...).WithObjects(namespacesOf(objects)...).WithInterceptorFuncs(interceptor.Funcs{
		SubResourceUpdate: func(ctx context.Context, c client.Client, name string, o client.Object, options ...client.SubResourceUpdateOption) error {
			if _, ok := o.(*v1alpha1.TrainingJob); ok {
				s.statuses++
			}
			return c.SubResource(name).Update(ctx, o, options...)
		},
	}).Build()
	s.restart()
	return s
}

// namespacesOf are the namespaces that the objects are in, each with a UID.
func namespacesOf(objects []client.Object) []client.Object {
	named := map[string]client.Object{}
	for _, object := range objects {
		if name := object.GetNamespace(); name != "" {
			named[name] = &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name, UID: types.UID("uid-" + name)}}
		}
	}
	return slices.Collect(maps.Values(named))
}

// restart begins a new process of the operator.
func (s *server) restart() {
	s.reconciler = &TrainingJobReconciler{
		Client: s.client, Live: s.client, Config: &s.config, Clock: s.clock, Recorder: events.NewFakeRecorder(1000),
		Queue:   queue.NewLedger(s.config.Limits.RunningJobs, s.config.Limits.RunningJobsPerNamespace),
		Metrics: NewMetrics(prometheus.NewRegistry()), wake: make(chan wakeEvent, 1024),
	}
}

// reconcile has the operator look at the job of that name once.
func (s *server) reconcile(name string) ctrl.Result {
	s.t.Helper()
	result, err := s.reconciler.Reconcile(s.t.Context(), ctrl.Request{NamespacedName: client.ObjectKey{Namespace: "default", Name: name}})
	if err != nil {
		s.t.Fatalf("reconciling %s: %v", name, err)
	}
	return result
}

// job reads the job; nil when it is not there.
func (s *server) job(name string) *v1alpha1.TrainingJob {
	s.t.Helper()
	var job v1alpha1.TrainingJob
	err := s.client.Get(s.t.Context(), client.ObjectKey{Namespace: "default", Name: name}, &job)
	if client.IgnoreNotFound(err) != nil {
		s.t.Fatal(err)
	}
	if err != nil {
		return nil
	}
	return &job
}

// pod reads the Pod; nil when it is not there.
func (s *server) pod(name string) *corev1.Pod {
	s.t.Helper()
	var pod corev1.Pod
	err := s.client.Get(s.t.Context(), client.ObjectKey{Namespace: "default", Name: name}, &pod)
	if client.IgnoreNotFound(err) != nil {
		s.t.Fatal(err)
	}
	if err != nil {
		return nil
	}
	return &pod
}

// change changes the Pod, as scheduler and kubelet do.
func (s *server) change(name string, how func(*corev1.Pod)) {
	s.t.Helper()
	pod := s.pod(name)
	if pod == nil {
		s.t.Fatalf("there is no Pod %s", name)
	}
	how(pod)
	status := pod.Status
	if err := s.client.Update(s.t.Context(), pod); err != nil {
		s.t.Fatal(err)
	}
	pod.Status = status
	if err := s.client.Status().Update(s.t.Context(), pod); err != nil {
		s.t.Fatal(err)
	}
}

// pass lets time pass.
func (s *server) pass(d time.Duration) { s.clock.SetTime(s.clock.Now().Add(d)) }

// makeJob is a job that was just made. The younger it is, the greater its age.
func makeJob(name string, age time.Duration) *v1alpha1.TrainingJob {
	job := &v1alpha1.TrainingJob{ObjectMeta: metav1.ObjectMeta{
		Namespace: "default", Name: name, UID: types.UID("uid-of-" + name), Generation: 1,
		CreationTimestamp: metav1.Time{Time: time.Now().Add(-time.Hour - age).Truncate(time.Second)},
	}}
	job.Spec = v1alpha1.TrainingJobSpec{Task: v1alpha1.TaskClassification, TrainingFile: "file-train"}
	return job
}

// withFiles is the job with valid files and so many starts.
func withFiles(job *v1alpha1.TrainingJob, starts int32) *v1alpha1.TrainingJob {
	job.Status.ID = contract.JobID(string(job.UID))
	job.Status.Prepares, job.Status.Starts = 1, starts
	job.Status.Files = &v1alpha1.ValidatedFiles{Training: v1alpha1.ValidatedFile{SHA256: "a"}}
	return job
}

// trainPod is the job's newest train Pod as the operator makes it.
func (s *server) trainPod(job *v1alpha1.TrainingJob) *corev1.Pod {
	s.t.Helper()
	pod, err := pods.Make(job, v1alpha1.RoleTrain, job.Status.Starts, &s.config)
	if err != nil {
		s.t.Fatal(err)
	}
	return pod
}

// create makes the objects.
func (s *server) create(objects ...client.Object) {
	s.t.Helper()
	for _, object := range objects {
		if err := s.client.Create(s.t.Context(), object); err != nil {
			s.t.Fatal(err)
		}
	}
}

// waiting is a Pod on a node whose container does not get on, for a reason that only
// events tell.
func waiting(since time.Time) func(*corev1.Pod) {
	return func(p *corev1.Pod) {
		p.Spec.NodeName = "node-1"
		p.Status.Conditions = []corev1.PodCondition{{Type: corev1.PodScheduled, Status: corev1.ConditionTrue, LastTransitionTime: metav1.Time{Time: since}}}
	}
}

// ends has the stage's container end with the exit code and text.
func ends(stage contract.Stage, code int32, text string, at time.Time) func(*corev1.Pod) {
	return func(p *corev1.Pod) {
		p.Status.Phase = corev1.PodSucceeded
		if code != 0 {
			p.Status.Phase = corev1.PodFailed
		}
		state := corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{
			ExitCode: code, Message: text, StartedAt: metav1.Time{Time: at}, FinishedAt: metav1.Time{Time: at},
		}}
		p.Status.ContainerStatuses = []corev1.ContainerStatus{{Name: string(stage), State: state}}
	}
}

// trained is what the trainer of the job's newest start says of its model.
func trained(t *testing.T, job *v1alpha1.TrainingJob) string {
	t.Helper()
	digest := make([]byte, 64)
	for i := range digest {
		digest[i] = 'c'
	}
	data, err := json.Marshal(contract.Message{
		Job: job.Status.ID, Start: job.Status.Starts, Stage: contract.StageTrain,
		Model: contract.ModelID(job.Status.ID), Manifest: string(digest),
	})
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// deleteJob deletes the job as users do: its Pods go later.
func (s *server) deleteJob(job *v1alpha1.TrainingJob) {
	s.t.Helper()
	if err := s.client.Delete(s.t.Context(), job, &client.DeleteOptions{PropagationPolicy: ptr.To(metav1.DeletePropagationBackground)}); err != nil {
		s.t.Fatal(err)
	}
}
