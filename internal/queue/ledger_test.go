package queue_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/types"
	"pgregory.net/rapid"

	"github.com/swath-dev/swath/internal/queue"
)

var epoch = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

// entry is a job that was made so many seconds after the epoch.
func entry(namespace, name string, seconds int) queue.Job {
	return queue.Job{
		UID: types.UID(namespace + name + fmt.Sprint(seconds)), Name: types.NamespacedName{Namespace: namespace, Name: name},
		Created: epoch.Add(time.Duration(seconds) * time.Second),
	}
}

// granted asks for the job and tells whether it has a slot.
func granted(l *queue.Ledger, job queue.Job) bool {
	answer, _ := l.Ask(job)
	return answer.Granted
}

func TestWhoGoesFirst(t *testing.T) {
	l := queue.NewLedger(1, 0)
	running, older, newer, urgent := entry("a", "running", 0), entry("a", "older", 1), entry("b", "newer", 2), entry("b", "urgent", 3)
	urgent.Priority = 1000
	if !granted(l, running) {
		t.Fatal("the only slot is not given")
	}
	for _, job := range []queue.Job{newer, older, urgent} {
		if granted(l, job) {
			t.Fatalf("%s gets a slot that is held", job.Name)
		}
	}
	for i, job := range []queue.Job{urgent, older, newer} {
		answer, _ := l.Ask(job)
		if answer.Position != int32(i+1) || answer.Limit == "" {
			t.Errorf("%s is told %+v, want place %d and the limit", job.Name, answer, i+1)
		}
	}
	moved := l.Release(running.UID)
	if want := []types.NamespacedName{urgent.Name, older.Name, newer.Name}; !slices.Equal(moved, want) {
		t.Errorf("those that move up are %v, want %v", moved, want)
	}
	if granted(l, older) {
		t.Errorf("a job gets a slot that the first in the queue could take")
	}
	if !granted(l, urgent) {
		t.Errorf("the first in the queue does not get the free slot")
	}
}

// A namespace that is at its limit does not hold up the others behind it.
func TestANamespaceAtItsLimitLetsOthersPass(t *testing.T) {
	l := queue.NewLedger(2, 1)
	if !granted(l, entry("a", "one", 0)) || granted(l, entry("a", "two", 1)) || !granted(l, entry("b", "three", 2)) {
		t.Errorf("the limit of the namespace does not hold for it, or holds for another")
	}
}

// A job that is deleted and made again under its name has a new UID; what the one
// before held is free.
func TestAJobThatIsMadeAgainFreesWhatTheOneBeforeHeld(t *testing.T) {
	l := queue.NewLedger(1, 0)
	first, again, other := entry("a", "ships", 0), entry("a", "ships", 5), entry("a", "other", 9)
	l.Hold(first)
	granted(l, other)
	granted(l, again)
	if moved := l.ReleaseOthers(again.Name, again.UID); len(moved) == 0 {
		t.Errorf("nobody is woken")
	}
	if !granted(l, again) {
		t.Errorf("the slot of the job that is gone is still held")
	}
	if moved := l.ReleaseOthers(again.Name, again.UID); moved != nil {
		t.Errorf("those that move up are %v though nothing was released", moved)
	}
	if granted(l, other) {
		t.Errorf("a job gets a slot though the one before it holds the only one")
	}
}

// All entries of a name that is gone are released, whether they train or wait.
func TestANameThatIsGoneHoldsNothing(t *testing.T) {
	l := queue.NewLedger(2, 0)
	for seconds := range 2 {
		l.Hold(entry("a", "ships", seconds))
	}
	granted(l, entry("a", "ships", 2))
	granted(l, entry("a", "other", 9))
	l.ReleaseOthers(types.NamespacedName{Namespace: "a", Name: "ships"}, "")
	if waiting := l.Waiting(); waiting != 1 {
		t.Errorf("%d jobs wait, want 1", waiting)
	}
	if !granted(l, entry("b", "first", 20)) {
		t.Errorf("the entries of the name that is gone still hold both slots")
	}
	if granted(l, entry("b", "second", 21)) {
		t.Errorf("the slot of the job that waits is given to one behind it")
	}
}

// Whatever is asked and released in whatever order, no more hold slots than the
// limits allow, and a slot never stays free while someone who could take it waits.
func TestTheLimitsHoldAndNoSlotStaysFree(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		total, perNamespace := rapid.IntRange(1, 4).Draw(t, "total"), rapid.IntRange(1, 3).Draw(t, "perNamespace")
		l := queue.NewLedger(total, perNamespace)
		var jobs []queue.Job
		for i := range 12 {
			job := entry(fmt.Sprint("space-", i%3), fmt.Sprint("job-", i), i)
			job.Priority = rapid.Int32Range(0, 2).Draw(t, "priority")
			jobs = append(jobs, job)
		}
		holds := map[types.UID]queue.Job{}
		ask := func(job queue.Job) {
			if granted(l, job) {
				holds[job.UID] = job
			}
		}
		for range rapid.IntRange(1, 60).Draw(t, "steps") {
			job := rapid.SampledFrom(jobs).Draw(t, "job")
			if rapid.Bool().Draw(t, "asks") {
				ask(job)
			} else {
				delete(holds, job.UID)
				l.Release(job.UID)
			}
			inSpace := map[string]int{}
			for _, held := range holds {
				inSpace[held.Name.Namespace]++
				if inSpace[held.Name.Namespace] > perNamespace || len(holds) > total {
					t.Fatalf("%d jobs hold slots, %v", len(holds), inSpace)
				}
			}
		}
		// Once all have asked twice, those in front have taken what there is.
		for range 2 * len(jobs) {
			for _, job := range jobs {
				ask(job)
			}
		}
		if want := min(total, 3*perNamespace); len(holds) != want {
			t.Fatalf("%d slots are held, want %d", len(holds), want)
		}
	})
}
