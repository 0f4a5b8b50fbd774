package integration

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/go-logr/logr"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/swath-dev/swath/api/v1alpha1"
	"github.com/swath-dev/swath/internal/contract"
)

// errorLog collects the errors that the operator logs.
type errorLog struct {
	logr.LogSink

	mu    *sync.Mutex
	lines *[]string
}

func newErrorLog() errorLog {
	return errorLog{LogSink: logr.Discard().GetSink(), mu: &sync.Mutex{}, lines: &[]string{}}
}

func (errorLog) Init(logr.RuntimeInfo)            {}
func (errorLog) Enabled(int) bool                 { return false }
func (errorLog) Info(int, string, ...any)         {}
func (l errorLog) WithValues(...any) logr.LogSink { return l }
func (l errorLog) WithName(string) logr.LogSink   { return l }
func (l errorLog) Error(err error, m string, _ ...any) {
	l.mu.Lock()
	defer l.mu.Unlock()
	*l.lines = append(*l.lines, fmt.Sprintf("%s: %v", m, err))
}

func (l errorLog) errors() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(*l.lines)
}

// Jobs whose namespace is being deleted lose their Pods first, and none can be made.
func TestANamespaceThatIsBeingDeletedIsNoError(t *testing.T) {
	logs := newErrorLog()
	s := newStage(t, func(s *stage) { s.logs = logs })
	trains, prepares := s.submit(newJob("trains")), s.submit(newJob("prepares"))
	k := s.training(trains)
	p := s.onNode(s.pod(prepares, v1alpha1.RolePrepare, 1)).runs(contract.StageDownload)
	namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: s.namespace}}
	if err := cluster.Delete(context.Background(), namespace); err != nil {
		t.Fatal(err)
	}
	k.deletedByUser()
	k.ends(contract.StageTrain, contract.ExitInterrupted, "").removes()
	p.deletedByUser()
	p.removes()
	s.until(trains, "the end of its Pod is recorded", func(j *v1alpha1.TrainingJob) bool { return len(j.Status.Attempts) == 1 })
	s.later(trains, time.Minute)
	s.until(trains, "its next start is counted", func(j *v1alpha1.TrainingJob) bool { return j.Status.Starts == 2 })
	for _, job := range []*v1alpha1.TrainingJob{trains, prepares} {
		s.seen(job)
	}
	if lines := logs.errors(); len(lines) > 0 {
		t.Errorf("the operator logs %d errors, such as: %s", len(lines), lines[0])
	}
}
