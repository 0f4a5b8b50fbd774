package controllers

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	testingclock "k8s.io/utils/clock/testing"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/swath-dev/swath/api/v1alpha1"
	"github.com/swath-dev/swath/internal/config"
	"github.com/swath-dev/swath/internal/contract"
)

// trainingWorld is an API server with any number of jobs that train. It counts the
// statuses that are written.
type trainingWorld struct {
	client.Client
	writes atomic.Int32
	last   atomic.Pointer[v1alpha1.TrainingJob]
}

func (w *trainingWorld) Get(_ context.Context, key client.ObjectKey, object client.Object, _ ...client.GetOption) error {
	job := &v1alpha1.TrainingJob{ObjectMeta: metav1.ObjectMeta{Namespace: key.Namespace, Name: strings.TrimSuffix(key.Name, "-train-1"), UID: "job"}}
	switch o := object.(type) {
	case *v1alpha1.TrainingJob:
		job.Status = v1alpha1.TrainingJobStatus{ID: "trainingjob-x", Phase: v1alpha1.PhaseRunning, Starts: 1}
		job.DeepCopyInto(o)
	case *corev1.Pod:
		o.Namespace, o.Name, o.UID = key.Namespace, key.Name, "pod"
		o.OwnerReferences = []metav1.OwnerReference{*metav1.NewControllerRef(job, v1alpha1.GroupVersion.WithKind(v1alpha1.TrainingJobKind))}
		o.Status.PodIP = "192.0.2.1"
	}
	return nil
}

func (w *trainingWorld) Status() client.SubResourceWriter { return countedWrites{w: w} }

type countedWrites struct {
	client.SubResourceWriter
	w *trainingWorld
}

func (c countedWrites) Update(_ context.Context, object client.Object, _ ...client.SubResourceUpdateOption) error {
	c.w.writes.Add(1)
	if job, ok := object.(*v1alpha1.TrainingJob); ok {
		c.w.last.Store(job.DeepCopy())
	}
	return nil
}

// rightAnswer is what the trainer of trainingWorld's jobs says.
func rightAnswer() contract.Progress {
	return contract.Progress{PodUID: "pod", Job: "trainingjob-x", Start: 1, Summary: "epoch 7/40", Epoch: 7, Epochs: 40, Metrics: map[string]float64{contract.MetricValidAccuracy: 0.5}}
}

// asking is a reader whose every question goes to the handler, whatever address it
// is for.
func asking(t *testing.T, world client.Client, handler http.Handler) *ProgressReader {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	reader := &ProgressReader{
		Client: world, Config: config.Default().Progress,
		Clock: testingclock.NewFakePassiveClock(time.Unix(1_700_000_000, 0)),
	}
	reader.setUp()
	transport, ok := reader.Transport.(*http.Transport)
	if !ok {
		t.Fatalf("the transport is a %T", reader.Transport)
	}
	transport.DialContext = func(ctx context.Context, network, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, network, server.Listener.Addr().String())
	}
	return reader
}

// Only the right trainer's well-formed answer gets into the status, and nothing that a
// trainer does is more than an error of that one question.
func TestWhatATrainerAnswers(t *testing.T) {
	say := func(change func(*contract.Progress)) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			p := rightAnswer()
			change(&p)
			_ = json.NewEncoder(w).Encode(p)
		}
	}
	cases := map[string]struct {
		answer http.HandlerFunc
		// refused is what the error says; empty when the answer is written.
		refused string
	}{
		"its progress":        {answer: say(func(*contract.Progress) {})},
		"another Pod's":       {answer: say(func(p *contract.Progress) { p.PodUID = "another" }), refused: "of Pod another"},
		"another job's":       {answer: say(func(p *contract.Progress) { p.Job = "trainingjob-y" }), refused: "job trainingjob-y"},
		"another start's":     {answer: say(func(p *contract.Progress) { p.Start = 2 }), refused: "start 2"},
		"too many metrics":    {answer: say(func(p *contract.Progress) { p.Metrics = manyMetrics(33) }), refused: "33 metrics"},
		"more than 16 KiB":    {answer: say(func(p *contract.Progress) { p.Summary = strings.Repeat("s", 16<<10) }), refused: "over the limit of 16384"},
		"without an end":      {answer: endless, refused: "over the limit of 16384"},
		"a redirect":          {answer: http.RedirectHandler("http://198.51.100.1/latest/meta-data", http.StatusFound).ServeHTTP, refused: "the answer is 302"},
		"an error":            {answer: func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusInternalServerError) }, refused: "the answer is 500"},
		"something else":      {answer: func(w http.ResponseWriter, _ *http.Request) { _, _ = fmt.Fprint(w, "<html>") }, refused: "reading progress"},
		"and ends in between": {answer: func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, refused: "asking for progress"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			world := &trainingWorld{}
			var asked atomic.Int32
			reader := asking(t, world, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				asked.Add(1)
				if r.Host != "192.0.2.1:8080" || r.URL.Path != "/progress" {
					t.Errorf("the question is for %s%s", r.Host, r.URL.Path)
				}
				c.answer(w, r)
			}))
			err := reader.ask(t.Context(), types.NamespacedName{Namespace: "default", Name: "ships"})
			if c.refused == "" && (err != nil || world.writes.Load() != 1) {
				t.Errorf("the answer is not written: %v", err)
			}
			if c.refused != "" && (err == nil || !strings.Contains(err.Error(), c.refused) || world.writes.Load() != 0) {
				t.Errorf("%d writes and the error %v, want one that says %q", world.writes.Load(), err, c.refused)
			}
			if asked.Load() != 1 {
				t.Errorf("the trainer is asked %d times", asked.Load())
			}
		})
	}
}

func manyMetrics(n int) map[string]float64 {
	metrics := map[string]float64{}
	for i := range n {
		metrics[fmt.Sprint("metric", i)] = 1
	}
	return metrics
}

// endless goes on until the operator hangs up.
func endless(w http.ResponseWriter, r *http.Request) {
	for r.Context().Err() == nil {
		if _, err := w.Write([]byte(strings.Repeat(" ", 4096))); err != nil {
			return
		}
	}
}

func TestWhatATrainerSaysStandsInTheStatus(t *testing.T) {
	world := &trainingWorld{}
	reader := asking(t, world, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_ = json.NewEncoder(w).Encode(rightAnswer())
	}))
	if err := reader.ask(t.Context(), types.NamespacedName{Namespace: "default", Name: "ships"}); err != nil {
		t.Fatal(err)
	}
	got := world.last.Load().Status.Progress
	if got.Summary != "epoch 7/40" || got.Epoch != 7 || got.Epochs != 40 || got.Metrics[contract.MetricValidAccuracy] != "0.5" || !got.UpdatedAt.Equal(&metav1.Time{Time: reader.Clock.Now()}) {
		t.Errorf("the progress is %+v", got)
	}
}

// Users' Pods must not be reached through a proxy of the operator's environment.
func TestTrainersAreAskedWithoutAProxy(t *testing.T) {
	for _, name := range []string{"HTTP_PROXY", "http_proxy", "ALL_PROXY"} {
		t.Setenv(name, "http://proxy.example.com:3128")
	}
	reader := &ProgressReader{Config: config.Default().Progress}
	reader.setUp()
	if transport, ok := reader.Transport.(*http.Transport); !ok || transport.Proxy != nil {
		t.Errorf("the transport is %+v", reader.Transport)
	}
}

// A trainer that never answers keeps a worker for two seconds and no longer, whether
// it sends no header or no end.
func TestATrainerThatHangsIsGivenUp(t *testing.T) {
	if progressTimeout != 2*time.Second {
		t.Errorf("a question may take %s", progressTimeout)
	}
	for name, sendsHeader := range map[string]bool{"before the answer": false, "in the middle of it": true} {
		t.Run(name, func(t *testing.T) {
			world := &trainingWorld{}
			reader := asking(t, world, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if sendsHeader {
					w.WriteHeader(http.StatusOK)
					_ = http.NewResponseController(w).Flush()
				}
				<-r.Context().Done()
			}))
			if reader.http.Timeout != progressTimeout {
				t.Errorf("the client's time-out is %s", reader.http.Timeout)
			}
			reader.http.Timeout = 50 * time.Millisecond
			err := reader.ask(t.Context(), types.NamespacedName{Namespace: "default", Name: "ships"})
			var timeout net.Error
			if !errors.As(err, &timeout) || !timeout.Timeout() || world.writes.Load() != 0 {
				t.Errorf("%d writes and the error %v", world.writes.Load(), err)
			}
		})
	}
}

// However many trainers have something new to say at once, their statuses are written
// at the pace of the configuration.
func TestProgressIsWrittenAtABoundedPace(t *testing.T) {
	const jobs = 200
	world := &trainingWorld{}
	reader := asking(t, world, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_ = json.NewEncoder(w).Encode(rightAnswer())
	}))
	clock := testingclock.NewFakePassiveClock(reader.Clock.Now())
	reader.Clock = clock
	askAll := func() {
		var group sync.WaitGroup
		for worker := range reader.Config.Workers {
			group.Go(func() {
				for i := worker; i < jobs; i += reader.Config.Workers {
					if err := reader.ask(t.Context(), types.NamespacedName{Namespace: "default", Name: fmt.Sprint("job-", i)}); err != nil {
						t.Error(err)
					}
				}
			})
		}
		group.Wait()
	}
	for second, want := range []int32{50, 100, 150} {
		askAll()
		if writes := world.writes.Load(); writes != want {
			t.Errorf("after second %d there are %d writes, want %d", second, writes, want)
		}
		clock.SetTime(clock.Now().Add(time.Second))
	}
}
