package controllers

import (
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/types"

	"github.com/swath-dev/swath/api/v1alpha1"
	"github.com/swath-dev/swath/internal/lifecycle"
)

// wordingInterval is the least time between two writes of a job's status that only
// word a condition anew.
const wordingInterval = time.Minute

// wordings bound how often conditions are worded anew. Others' sentences have numbers
// in them that change all the time: how many nodes have which fault, how much of a
// quota is used. A thousand jobs that wait for a busy cluster would be written with
// each change of it.
type wordings struct {
	mu sync.Mutex
	// last is when the job was last written for its wording alone.
	last map[types.NamespacedName]time.Time
}

// keep leaves the recorded words in the decision if it has nothing else to say and
// words were written lately, and has it be made again when they may be written.
func (w *wordings) keep(job *v1alpha1.TrainingJob, decision *lifecycle.Decision, now time.Time) {
	if !onlyWords(&job.Status, &decision.Status) {
		return
	}
	name := types.NamespacedName{Namespace: job.Namespace, Name: job.Name}
	w.mu.Lock()
	defer w.mu.Unlock()
	if due := w.last[name].Add(wordingInterval); now.Before(due) {
		decision.Status = *job.Status.DeepCopy()
		decision.Wake = earlier(decision.Wake, due)
		return
	}
	if w.last == nil {
		w.last = map[types.NamespacedName]time.Time{}
	}
	for other, at := range w.last {
		if !now.Before(at.Add(wordingInterval)) {
			delete(w.last, other)
		}
	}
	w.last[name] = now
}

// forget is called when a status could not be written: its words may be written at once.
func (w *wordings) forget(job *v1alpha1.TrainingJob) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.last, types.NamespacedName{Namespace: job.Namespace, Name: job.Name})
}

// onlyWords tells whether the statuses differ, and only in the messages of conditions.
func onlyWords(recorded, decided *v1alpha1.TrainingJobStatus) bool {
	if len(recorded.Conditions) != len(decided.Conditions) || equality.Semantic.DeepEqual(recorded, decided) {
		return false
	}
	same := decided.DeepCopy()
	for i := range same.Conditions {
		same.Conditions[i].Message = recorded.Conditions[i].Message
	}
	return equality.Semantic.DeepEqual(recorded, same)
}
