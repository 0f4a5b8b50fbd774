package integration

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/swath-dev/swath/api/v1alpha1"
	"github.com/swath-dev/swath/internal/contract"
)

// trainer answers every question for progress with the same.
type trainer struct {
	mu     sync.Mutex
	answer contract.Progress
	asked  chan string
}

func (tr *trainer) says(p contract.Progress) {
	tr.mu.Lock()
	defer tr.mu.Unlock()
	tr.answer = p
}

// RoundTrip answers as a trainer at that address would.
func (tr *trainer) RoundTrip(request *http.Request) (*http.Response, error) {
	tr.mu.Lock()
	defer tr.mu.Unlock()
	select {
	case tr.asked <- request.URL.String():
	default:
	}
	if tr.answer.PodUID == "" {
		return nil, errors.New("connection refused")
	}
	data, err := json.Marshal(tr.answer)
	if err != nil {
		return nil, err
	}
	return &http.Response{StatusCode: http.StatusOK, Status: "200 OK", Body: io.NopCloser(bytes.NewReader(data)), Request: request}, nil
}

// wasAsked waits until the trainer has been asked once more from now on.
func (tr *trainer) wasAsked(t *testing.T) string {
	t.Helper()
	for len(tr.asked) > 0 {
		<-tr.asked
	}
	deadline := time.NewTimer(patience)
	defer deadline.Stop()
	var url string
	// The first of two may have been under way already.
	for range 2 {
		select {
		case url = <-tr.asked:
		case <-deadline.C:
			t.Fatalf("the trainer is asked for its progress, but not within %s", patience)
		}
	}
	return url
}

func TestProgressIsShownAtTheEndsOfEpochsAndNotTooOften(t *testing.T) {
	tr := &trainer{asked: make(chan string, 100)}
	s := newStage(t, func(s *stage) {
		s.trainers = tr
		s.config.Progress.Interval = metav1.Duration{Duration: 50 * time.Millisecond}
	})
	job := s.submit(newJob("ships"))
	k := s.training(job)
	k.write(func(p *corev1.Pod) { p.Status.PodIP = "10.1.2.3"; p.Status.PodIPs = []corev1.PodIP{{IP: "10.1.2.3"}} })
	if url := tr.wasAsked(t); url != "http://10.1.2.3:8080/progress" {
		t.Errorf("the trainer was asked at %s", url)
	}
	pod := s.pod(job, v1alpha1.RoleTrain, 1)
	progress := contract.Progress{
		PodUID: string(pod.UID), Job: s.job(job).Status.ID, Start: 1, Summary: "epoch 1/40, accuracy 0.61",
		Epoch: 1, Epochs: 40, Step: 20, Steps: 800, Metrics: map[string]float64{contract.MetricValidAccuracy: 0.61},
		Hyperparameters: json.RawMessage(`{"batchSize":16,"learningRate":0.001}`),
	}
	tr.says(progress)
	seen := s.until(job, "its progress is shown", func(j *v1alpha1.TrainingJob) bool { return j.Status.Progress != nil })
	if p := seen.Status.Progress; p.Summary != progress.Summary || p.Epochs != 40 || p.Metrics[contract.MetricValidAccuracy] != "0.61" || *seen.Status.Hyperparameters.BatchSize != 16 {
		t.Errorf("the progress is %+v", p)
	}

	// Within a minute nothing more is written, and after it only a new epoch.
	progress.Epoch = 2
	tr.says(progress)
	tr.wasAsked(t)
	if again := s.job(job); again.ResourceVersion != seen.ResourceVersion {
		t.Errorf("the progress was written again within a minute: %+v", again.Status.Progress)
	}
	s.clock.SetTime(s.clock.Now().Add(time.Minute))
	s.until(job, "the second epoch is shown", func(j *v1alpha1.TrainingJob) bool { return j.Status.Progress.Epoch == 2 })

	// The answer of another Pod at the same address is not taken.
	progress.PodUID, progress.Epoch = "another", 3
	s.clock.SetTime(s.clock.Now().Add(time.Minute))
	tr.says(progress)
	tr.wasAsked(t)
	if p := s.job(job).Status.Progress; p.Epoch != 2 {
		t.Errorf("another Pod's progress was taken: %+v", p)
	}
	k.says(contract.StageTrain, trained(s.job(job), 1))
	end := s.phase(job, v1alpha1.PhaseSucceeded)
	p := end.Status.Progress
	if !strings.Contains(p.Summary, "accuracy 0.990 at epoch 33") || p.Epoch != 40 || p.Epochs != 40 || p.Step != 800 || p.EstimatedFinishedAt != nil {
		t.Errorf("the last progress is %+v", p)
	}
	if end.Status.Metrics[contract.MetricValidAccuracy] != "0.9901234567890123" || !maps.Equal(p.Metrics, end.Status.Metrics) || end.Status.BestEpoch != 33 {
		t.Errorf("the model has the metrics %v of epoch %d, the progress says %v", end.Status.Metrics, end.Status.BestEpoch, p.Metrics)
	}
}
