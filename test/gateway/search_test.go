package gateway

import (
	"fmt"
	"net/http"
	"sync"
	"testing"
	"time"
)

func TestUnknownIDsAreAnsweredAtOnce(t *testing.T) {
	who := newTenant(t)
	a := startGateway(t, options{}).as(who)
	const many = 100
	for name, id := range map[string]func(int) string{
		"the same":  func(int) string { return "trainingjob-aaaaaaaaaaaa" },
		"different": func(i int) string { return fmt.Sprintf("trainingjob-bbbbbbbbbb%02d", i) },
	} {
		t.Run(name, func(t *testing.T) {
			answers := make([]answer, many)
			begun := time.Now()
			var wait sync.WaitGroup
			for i := range answers {
				wait.Go(func() { answers[i] = a.get("/training/jobs/" + id(i)) })
			}
			wait.Wait()
			if took := time.Since(begun); took > 2*time.Second {
				t.Errorf("answered after %s", took)
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

func TestUnknownIDAskedForAgainAndAgainIsAnsweredAtOnce(t *testing.T) {
	a := startGateway(t, options{}).as(newTenant(t))
	begun := time.Now()
	for range 100 {
		if got := a.get("/training/jobs/trainingjob-aaaaaaaaaaaa"); got.status != http.StatusNotFound {
			t.Fatalf("answered %d %s", got.status, got.body)
		}
	}
	if took := time.Since(begun); took > 2*time.Second {
		t.Errorf("answered after %s", took)
	}
}
