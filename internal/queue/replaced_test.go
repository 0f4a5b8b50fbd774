package queue_test

import (
	"fmt"
	"testing"

	"k8s.io/apimachinery/pkg/types"

	"github.com/swath-dev/swath/internal/queue"
)

func granted(l *queue.Ledger, job queue.Job) bool {
	answer, _ := l.Ask(job)
	return answer.Granted
}

// named is the job of that name that was made as the nth.
func named(name string, nth int) queue.Job {
	return queue.Job{UID: types.UID(fmt.Sprint(name, nth)), Name: types.NamespacedName{Namespace: "a", Name: name}}
}

// releaseOthers releases what others held under the name.
func releaseOthers(l *queue.Ledger, name types.NamespacedName, but types.UID) []types.NamespacedName {
	var moved []types.NamespacedName
	for _, uid := range l.Others(name, but) {
		moved = append(moved, l.Release(uid)...)
	}
	return moved
}

// A job that is deleted and made again under its name has a new UID; what the one
// before held is free.
func TestAJobThatIsMadeAgainFreesWhatTheOneBeforeHeld(t *testing.T) {
	l := queue.NewLedger(1, 0)
	first, again, other := named("ships", 1), named("ships", 2), named("trees", 1)
	l.Hold(first)
	granted(l, again)
	granted(l, other)
	if moved := releaseOthers(l, again.Name, again.UID); len(moved) == 0 {
		t.Errorf("nobody is woken")
	}
	if !granted(l, again) {
		t.Errorf("the slot of the job that is gone is still held")
	}
	if moved := releaseOthers(l, again.Name, again.UID); moved != nil {
		t.Errorf("those that move up are %v though nothing was released", moved)
	}
	if granted(l, other) {
		t.Errorf("a job gets a slot though the one before it holds the only one")
	}
}

// All entries of a name that is gone are released, whether they train or wait.
func TestANameThatIsGoneHoldsNothing(t *testing.T) {
	l := queue.NewLedger(2, 0)
	l.Hold(named("ships", 1))
	l.Hold(named("ships", 2))
	granted(l, named("ships", 3))
	granted(l, named("trees", 1))
	releaseOthers(l, named("ships", 0).Name, "")
	if waiting := l.Waiting(); waiting != 1 {
		t.Errorf("%d jobs wait, want 1", waiting)
	}
	if l.Holds(named("ships", 1).UID) || l.Holds(named("ships", 2).UID) || !granted(l, named("trees", 1)) {
		t.Errorf("the entries of the name that is gone still hold both slots")
	}
}
