package integration

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-logr/logr"
	"github.com/prometheus/client_golang/prometheus"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/rest"
	testingclock "k8s.io/utils/clock/testing"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/cli-utils/pkg/kstatus/status"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/swath-dev/swath/api/v1alpha1"
	"github.com/swath-dev/swath/internal/config"
	"github.com/swath-dev/swath/internal/manager"
	"github.com/swath-dev/swath/internal/pods"
	"github.com/swath-dev/swath/test/await"
)

const (
	// patience is how long a test waits for a state.
	patience = await.Patience
	// pollInterval is how often a test looks.
	pollInterval = 10 * time.Millisecond
)

var (
	stages atomic.Int32

	errNotYet = errors.New("not yet")
)

// stage is a namespace of its own with an operator for it.
type stage struct {
	t         *testing.T
	namespace string
	config    config.Config
	clock     *testingclock.FakePassiveClock
	registry  *prometheus.Registry
	// wrap puts a client of the test's own between the operator and the API server.
	wrap func(client.Client) client.Client
	// trainers answers the operator's questions for progress.
	trainers http.RoundTripper
	// logs takes what the operator logs, nothing when nil.
	logs logr.LogSink
	// wire is the connection of the operator that was started last.
	wire *wire
	stop func()
	// inRealTime has the operator go by the real time, not by the clock.
	inRealTime bool
	// withoutOperator has the test run the operator itself.
	withoutOperator bool
	// alone has the test run while no other does, since it changes what all go by.
	alone bool
}

// newStage makes the namespace and starts the operator. change may alter its
// configuration first.
func newStage(t *testing.T, change ...func(*stage)) *stage {
	t.Helper()
	s := &stage{
		t: t, namespace: fmt.Sprintf("stage-%d", stages.Add(1)), config: config.Default(),
		clock: testingclock.NewFakePassiveClock(time.Now().Truncate(time.Second)), trainers: noTrainers{},
	}
	s.config.Trainer.Image = "swath.local/trainer:dev"
	s.config.Controller.Namespaces = []string{s.namespace}
	s.config.Storage = []config.Storage{{URL: "s3://bucket"}}
	for _, c := range change {
		c(s)
	}
	if !s.alone {
		t.Parallel()
	}
	// Only restricted Pods get into the namespace.
	s.create(&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: s.namespace, Labels: map[string]string{"pod-security.kubernetes.io/enforce": "restricted"}}})
	if !s.withoutOperator {
		s.start()
		t.Cleanup(func() { s.stop() })
	}
	return s
}

func withoutOperator(s *stage) { s.withoutOperator = true }

func alone(s *stage) { s.alone = true }

// start runs an operator for the namespace until stop is called.
func (s *stage) start() {
	s.t.Helper()
	stop := s.operator(manager.Options{})
	s.stop = func() {
		stop()
		s.stop = func() {}
	}
}

// operator runs one more operator for the namespace, and gives how to stop it.
func (s *stage) operator(options manager.Options) (stop func()) {
	s.t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	s.registry = prometheus.NewRegistry()
	options.MetricsAddress, options.HealthAddress = "0", "0"
	options.Registry, options.ProgressTransport = s.registry, s.trainers
	if !s.inRealTime {
		options.Clock = s.clock
	}
	tune := options.Tune
	options.Tune = func(o *ctrl.Options) {
		if tune != nil {
			tune(o)
		}
		o.Controller.SkipNameValidation = ptr.To(true)
		o.NewClient = s.newClient
		if s.logs != nil {
			o.Logger = logr.New(s.logs)
		}
	}
	asOperator := rest.CopyConfig(apiServer)
	asOperator.Impersonate = rest.ImpersonationConfig{UserName: operatorUser}
	w := newWire()
	s.wire = w
	asOperator.Wrap(w.through)
	mgr, err := manager.New(ctx, asOperator, &s.config, options)
	if err != nil {
		cancel()
		s.t.Fatalf("making the operator: %v", err)
	}
	done := make(chan error, 1)
	go func() { done <- mgr.Start(ctx) }()
	return func() {
		cancel()
		// An operator whose wire was cut ends by losing its lease.
		if err := <-done; err != nil && !w.isCut() {
			s.t.Errorf("the operator ended with: %v", err)
		}
	}
}

// newClient is the operator's client, wrapped if the test wants that.
func (s *stage) newClient(config *rest.Config, options client.Options) (client.Client, error) {
	c, err := client.New(config, options)
	if err != nil || s.wrap == nil {
		return c, err
	}
	return s.wrap(c), nil
}

func (s *stage) create(object client.Object) {
	s.t.Helper()
	if err := cluster.Create(context.Background(), object); err != nil {
		s.t.Fatalf("creating %T %s: %v", object, object.GetName(), err)
	}
}

// eventually waits until the check has nothing to say against the state.
func (s *stage) eventually(what string, check func() error) {
	s.t.Helper()
	deadline := time.NewTimer(patience)
	defer deadline.Stop()
	ticker := time.NewTicker(pollInterval)
	defer ticker.Stop()
	for {
		err := check()
		if err == nil {
			return
		}
		select {
		case <-ticker.C:
		case <-deadline.C:
			s.t.Fatalf("%s, but after %s: %v", what, patience, err)
		}
	}
}

// submit creates the job in the stage's namespace.
func (s *stage) submit(job *v1alpha1.TrainingJob) *v1alpha1.TrainingJob {
	s.t.Helper()
	job.Namespace = s.namespace
	s.create(job)
	s.notBefore(job.CreationTimestamp.Time)
	return job
}

// notBefore moves the clock on to what the API server's says, if it is behind: that one
// does not stand still, however long a test takes.
func (s *stage) notBefore(at time.Time) {
	if s.clock.Now().Before(at) {
		s.clock.SetTime(at)
	}
}

// get reads the job.
func (s *stage) get(job *v1alpha1.TrainingJob) (*v1alpha1.TrainingJob, error) {
	var read v1alpha1.TrainingJob
	err := cluster.Get(context.Background(), client.ObjectKeyFromObject(job), &read)
	return &read, err
}

// job reads the job and fails the test if it is not there.
func (s *stage) job(job *v1alpha1.TrainingJob) *v1alpha1.TrainingJob {
	s.t.Helper()
	read, err := s.get(job)
	if err != nil {
		s.t.Fatalf("reading job %s: %v", job.Name, err)
	}
	return read
}

// change changes the job's spec or labels, as a user would.
func (s *stage) change(job *v1alpha1.TrainingJob, how func(*v1alpha1.TrainingJob)) {
	s.t.Helper()
	s.eventually("the job is changed", func() error {
		read, err := s.get(job)
		if err != nil {
			return err
		}
		how(read)
		return cluster.Update(context.Background(), read)
	})
}

// later moves the clock on and has the job looked at.
func (s *stage) later(job *v1alpha1.TrainingJob, d time.Duration) {
	s.t.Helper()
	s.clock.SetTime(s.clock.Now().Add(d))
	s.change(job, func(j *v1alpha1.TrainingJob) {
		metav1.SetMetaDataLabel(&j.ObjectMeta, "test-clock", fmt.Sprint(s.clock.Now().Unix()))
	})
}

// phase waits for the phase, and gives the job as it is then.
func (s *stage) phase(job *v1alpha1.TrainingJob, want v1alpha1.Phase) *v1alpha1.TrainingJob {
	s.t.Helper()
	return s.until(job, "phase "+string(want), func(j *v1alpha1.TrainingJob) bool { return j.Status.Phase == want })
}

// until waits until the job is as wanted, and gives it as it is then.
func (s *stage) until(job *v1alpha1.TrainingJob, what string, wanted func(*v1alpha1.TrainingJob) bool) *v1alpha1.TrainingJob {
	s.t.Helper()
	var read *v1alpha1.TrainingJob
	s.eventually(fmt.Sprintf("job %s gets to: %s", job.Name, what), func() error {
		var err error
		if read, err = s.get(job); err != nil {
			return err
		}
		if !wanted(read) {
			return fmt.Errorf("it is %s", describe(read))
		}
		return nil
	})
	return read
}

// waitsFor waits until the condition Running is false for the reason, and gives
// its message.
func (s *stage) waitsFor(job *v1alpha1.TrainingJob, reason string) string {
	s.t.Helper()
	read := s.until(job, "Running is false for "+reason, func(j *v1alpha1.TrainingJob) bool {
		c := meta.FindStatusCondition(j.Status.Conditions, v1alpha1.ConditionRunning)
		return c != nil && c.Status == metav1.ConditionFalse && c.Reason == reason
	})
	return meta.FindStatusCondition(read.Status.Conditions, v1alpha1.ConditionRunning).Message
}

func describe(job *v1alpha1.TrainingJob) string {
	text := fmt.Sprintf("%q", job.Status.Phase)
	for _, c := range job.Status.Conditions {
		text += fmt.Sprintf("\n  %s=%s %s: %s", c.Type, c.Status, c.Reason, c.Message)
	}
	return text + fmt.Sprintf("\n  prepares %d, starts %d, retries %d, disruptions %d, error %q, attempts %+v",
		job.Status.Prepares, job.Status.Starts, job.Status.Retries, job.Status.Disruptions, job.Status.Error, job.Status.Attempts)
}

// pod waits for the Pod of the role and number.
func (s *stage) pod(job *v1alpha1.TrainingJob, role string, number int32) *corev1.Pod {
	s.t.Helper()
	var pod corev1.Pod
	key := client.ObjectKey{Namespace: s.namespace, Name: pods.Name(job.Name, role, number)}
	s.eventually("there is Pod "+key.Name, func() error { return cluster.Get(context.Background(), key, &pod) })
	return &pod
}

// underDeletion follows the name of a Pod that someone has asked to delete.
const underDeletion = " (under deletion)"

// podNames are the names of the Pods that are there, with which are under deletion.
func (s *stage) podNames() []string {
	s.t.Helper()
	var list corev1.PodList
	if err := cluster.List(context.Background(), &list, client.InNamespace(s.namespace)); err != nil {
		s.t.Fatalf("listing the Pods: %v", err)
	}
	names := []string{}
	for _, pod := range list.Items {
		name := pod.Name
		if pod.DeletionTimestamp != nil {
			name += underDeletion
		}
		names = append(names, name)
	}
	return names
}

// noTrainers answers every question with an error.
type noTrainers struct{}

func (noTrainers) RoundTrip(*http.Request) (*http.Response, error) {
	return nil, errors.New("there is no trainer")
}

// seen waits until the operator has seen the job as it is now and has done what it
// does about that.
func (s *stage) seen(job *v1alpha1.TrainingJob) *v1alpha1.TrainingJob {
	s.t.Helper()
	// The status is written before the Pods are made or deleted: only the next
	// reconcile's status says that this one has ended.
	s.observed(job)
	return s.observed(job)
}

// observed waits until the operator has written the status of the job as it is now.
func (s *stage) observed(job *v1alpha1.TrainingJob) *v1alpha1.TrainingJob {
	s.t.Helper()
	s.change(job, func(j *v1alpha1.TrainingJob) {
		j.Spec.TTLSecondsAfterFinished = ptr.To(ptr.Deref(j.Spec.TTLSecondsAfterFinished, 1_000_000) + 1)
	})
	return s.until(job, "the operator has seen it", func(j *v1alpha1.TrainingJob) bool { return j.Status.ObservedGeneration == j.Generation })
}

// condition gives the condition's status and reason, empty when it is not there.
func condition(job *v1alpha1.TrainingJob, name string) string {
	c := meta.FindStatusCondition(job.Status.Conditions, name)
	if c == nil {
		return ""
	}
	return string(c.Status) + " " + c.Reason
}

// kstatus is what tools that follow kstatus make of the job.
func (s *stage) kstatus(job *v1alpha1.TrainingJob) status.Status {
	s.t.Helper()
	object, err := runtime.DefaultUnstructuredConverter.ToUnstructured(job)
	if err != nil {
		s.t.Fatalf("converting job %s: %v", job.Name, err)
	}
	result, err := status.Compute(&unstructured.Unstructured{Object: object})
	if err != nil {
		s.t.Fatalf("computing the kstatus of job %s: %v", job.Name, err)
	}
	return result.Status
}

// wantKstatus checks what kstatus makes of the job.
func (s *stage) wantKstatus(job *v1alpha1.TrainingJob, want status.Status) {
	s.t.Helper()
	if got := s.kstatus(job); got != want {
		s.t.Errorf("kstatus is %s, want %s; the job is %s", got, want, describe(job))
	}
}

// wantPods checks which Pods are there, and that nobody is deleting them unless it
// is wanted so.
func (s *stage) wantPods(want ...string) {
	s.t.Helper()
	if got := s.podNames(); !slices.Equal(got, want) {
		s.t.Errorf("the Pods are %q, want %q", got, want)
	}
}
