package gateway

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// lists counts the lists of one namespace's TrainingJobs that the gateway asks the API server for.
type lists struct {
	http.RoundTripper
	path  string
	count atomic.Int64
}

func (l *lists) RoundTrip(request *http.Request) (*http.Response, error) {
	if strings.HasSuffix(request.URL.Path, l.path) && request.URL.Query().Get("watch") == "" {
		l.count.Add(1)
	}
	return l.RoundTripper.RoundTrip(request)
}

// countLists starts a gateway for a new tenant and counts the lists of its namespace.
func countLists(t *testing.T) (*api, *lists) {
	t.Helper()
	who := newTenant(t)
	counted := &lists{path: "/namespaces/" + who.namespace + "/trainingjobs"}
	return startGateway(t, options{wrap: func(next http.RoundTripper) http.RoundTripper {
		counted.RoundTripper = next
		return counted
	}}).as(who), counted
}

// Callers share a list, and no more lists are asked for than four at once and twenty a second: whatever the machine's speed, a
// hundred callers do not wait for a list of their own each.
func TestUnknownIDsShareLists(t *testing.T) {
	a, counted := countLists(t)
	const many = 100
	for name, id := range map[string]func(int) string{
		"the same":  func(int) string { return "trainingjob-aaaaaaaaaaaa" },
		"different": func(i int) string { return fmt.Sprintf("trainingjob-bbbbbbbbbb%02d", i) },
	} {
		t.Run(name, func(t *testing.T) {
			answers := make([]answer, many)
			counted.count.Store(0)
			begun := time.Now()
			var wait sync.WaitGroup
			for i := range answers {
				wait.Go(func() { answers[i] = a.get("/training/jobs/" + id(i)) })
			}
			wait.Wait()
			if n, took := counted.count.Load(), time.Since(begun); float64(n) > 5+20*took.Seconds() {
				t.Errorf("%d lists in %s", n, took)
			}
			found := map[int]int{}
			for _, got := range answers {
				found[got.status]++
			}
			if found[http.StatusNotFound] == 0 || found[http.StatusNotFound]+found[http.StatusTooManyRequests] != many {
				t.Errorf("answered: %v", found)
			}
		})
	}
}

// What is not there is remembered for a second: the API server is not asked again for it.
func TestUnknownIDIsNotLookedForAgainAndAgain(t *testing.T) {
	a, counted := countLists(t)
	begun := time.Now()
	for range 100 {
		if got := a.get("/training/jobs/trainingjob-aaaaaaaaaaaa"); got.status != http.StatusNotFound {
			t.Fatalf("answered %d %s", got.status, got.body)
		}
	}
	if n, took := counted.count.Load(), time.Since(begun); float64(n) > 1+took.Seconds() {
		t.Errorf("%d lists in %s", n, took)
	}
}
