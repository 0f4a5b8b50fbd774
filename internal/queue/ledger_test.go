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

func job(namespace, name string, priority int32, age time.Duration) queue.Job {
	return queue.Job{
		UID: types.UID(namespace + "/" + name), Name: types.NamespacedName{Namespace: namespace, Name: name},
		Priority: priority, Created: time.Unix(1000, 0).Add(-age),
	}
}

func TestJobsGoByPriorityThenByAge(t *testing.T) {
	l := queue.NewLedger(1, 0)
	running := job("a", "running", 0, 0)
	l.Ask(running)
	waiting := []queue.Job{job("a", "young", 0, time.Minute), job("a", "old", 0, time.Hour), job("b", "urgent", 9, 0)}
	for _, j := range waiting {
		if answer, _ := l.Ask(j); answer.Granted {
			t.Errorf("%s has a slot", j.Name)
		}
	}
	var order []string
	next := l.Release(running.UID)
	for len(next) > 0 {
		var holder queue.Job
		for _, j := range waiting {
			if answer, _ := l.Ask(j); answer.Granted && !slices.Contains(order, j.Name.Name) {
				order, holder = append(order, j.Name.Name), j
			}
		}
		waiting = slices.DeleteFunc(waiting, func(j queue.Job) bool { return j.UID == holder.UID })
		next = l.Release(holder.UID)
	}
	if want := []string{"urgent", "old"}; !slices.Equal(order[:2], want) {
		t.Errorf("the order is %v, want %v first", order, want)
	}
}

func TestANamespaceAtItsLimitHoldsUpNoOther(t *testing.T) {
	l := queue.NewLedger(3, 1)
	for _, c := range []struct {
		job  queue.Job
		want bool
	}{
		{job("a", "1", 0, time.Hour), true}, {job("a", "2", 9, time.Hour), false},
		{job("b", "1", 0, 0), true}, {job("c", "1", 0, 0), true}, {job("d", "1", 0, 0), false},
	} {
		if answer, _ := l.Ask(c.job); answer.Granted != c.want {
			t.Errorf("%s: granted is %t", c.job.Name, answer.Granted)
		}
	}
	if answer, _ := l.Ask(job("a", "2", 9, time.Hour)); answer.Limit != "as many jobs of the namespace a train as are allowed (1)" {
		t.Errorf("the limit is %q", answer.Limit)
	}
}

func TestHoldingIsCountedOverALimitToo(t *testing.T) {
	l := queue.NewLedger(1, 0)
	l.Hold(job("a", "1", 0, 0))
	l.Hold(job("a", "2", 0, 0))
	l.Release(job("a", "1", 0, 0).UID)
	if answer, _ := l.Ask(job("a", "3", 0, 0)); answer.Granted {
		t.Errorf("a slot was given while another job holds it")
	}
}

// However jobs come and go, no limit is passed, nobody is overtaken who could have
// gone, and whoever could go is woken.
func TestTheLedgerKeepsItsLimits(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		total, perNamespace := rapid.IntRange(0, 3).Draw(t, "total"), rapid.IntRange(0, 2).Draw(t, "perNamespace")
		l := queue.NewLedger(total, perNamespace)
		holding, waiting := map[string]queue.Job{}, map[string]queue.Job{}
		ask := func(j queue.Job) {
			answer, _ := l.Ask(j)
			delete(waiting, string(j.UID))
			if answer.Granted {
				holding[string(j.UID)] = j
			} else {
				waiting[string(j.UID)] = j
			}
		}
		for range rapid.IntRange(1, 40).Draw(t, "steps") {
			n := rapid.IntRange(0, 9).Draw(t, "job")
			j := job(fmt.Sprint("ns-", n%3), fmt.Sprint(n), int32(n%2), time.Duration(n)*time.Minute)
			if rapid.Bool().Draw(t, "ask") {
				ask(j)
			} else {
				delete(holding, string(j.UID))
				delete(waiting, string(j.UID))
				for _, name := range l.Release(j.UID) {
					if woken, there := waiting[name.String()]; there {
						ask(woken)
					}
				}
			}
			check(t, total, perNamespace, holding, waiting)
		}
	})
}

func check(t *rapid.T, total, perNamespace int, holding, waiting map[string]queue.Job) {
	spaces := map[string]int{}
	for _, j := range holding {
		spaces[j.Name.Namespace]++
	}
	if total > 0 && len(holding) > total {
		t.Fatalf("%d jobs hold %d slots", len(holding), total)
	}
	for namespace, n := range spaces {
		if perNamespace > 0 && n > perNamespace {
			t.Fatalf("%d jobs of %s hold %d slots", n, namespace, perNamespace)
		}
	}
	for _, j := range waiting {
		room := (total == 0 || len(holding) < total) && (perNamespace == 0 || spaces[j.Name.Namespace] < perNamespace)
		if room {
			t.Fatalf("%s waits though there is room", j.Name)
		}
	}
}

// A slot goes to the first that could not go without it.
func TestASlotIsYieldedToTheNextThatCanUseIt(t *testing.T) {
	mark := func(j queue.Job) queue.Job {
		j.Refused = true
		return j
	}
	a, b := job("a", "holder", 0, time.Hour), job("b", "holder", 0, time.Hour)
	old, young, elsewhere := job("a", "old", 0, time.Minute), job("a", "young", 0, 0), job("c", "first", 9, 0)
	cases := map[string]struct {
		total, perNamespace int
		giver               queue.Job
		waiting             []queue.Job
		want                string
	}{
		"nobody waits":                     {1, 0, a, nil, ""},
		"the older goes first":             {1, 0, a, []queue.Job{young, old}, "a/old"},
		"the higher priority goes first":   {1, 0, a, []queue.Job{old, elsewhere}, "c/first"},
		"its namespace is full without it": {0, 1, b, []queue.Job{old}, ""},
		"its namespace has room by it":     {0, 1, a, []queue.Job{old}, "a/old"},
		"both limits":                      {2, 1, b, []queue.Job{old, elsewhere}, "c/first"},
		"a refused one gets it of another": {1, 0, a, []queue.Job{mark(old), young}, "a/old"},
		"but not of one that is refused":   {1, 0, mark(a), []queue.Job{mark(old), young}, "a/young"},
		"and not at all if alone":          {1, 0, mark(a), []queue.Job{mark(old)}, ""},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			l := queue.NewLedger(c.total, c.perNamespace)
			l.Hold(c.giver)
			if c.total != 1 {
				l.Hold(a)
			}
			for _, j := range c.waiting {
				l.Ask(j)
			}
			if wanted := l.Wanted(c.giver.UID); wanted != (c.want != "") {
				t.Errorf("the slot is wanted: %t", wanted)
			}
			l.Yield(c.giver.UID)
			if l.Holds(c.giver.UID) != (c.want == "") {
				t.Errorf("the giver holds a slot: %t", l.Holds(c.giver.UID))
			}
			for _, j := range c.waiting {
				if got := j.Name.String() == c.want; l.Holds(j.UID) != got {
					t.Errorf("%s has a slot: %t", j.Name, l.Holds(j.UID))
				}
			}
		})
	}
	if l := queue.NewLedger(1, 0); l.Wanted("nobody") || l.Yield("nobody") != nil {
		t.Error("a job without a slot gives one")
	}
}
