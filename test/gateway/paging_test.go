package gateway

import (
	"fmt"
	"net/http"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/swath-dev/swath/api/v1alpha1"
	"github.com/swath-dev/swath/internal/contract"
	"github.com/swath-dev/swath/internal/gateway"
)

// idsOf are the IDs of a page.
func idsOf(page gateway.Page[gatewayJob]) []string {
	ids := make([]string, len(page.Data))
	for i, job := range page.Data {
		ids[i] = job.ID
	}
	return ids
}

func TestListsGoOnWhenTheirLastJobIsGone(t *testing.T) {
	who := newTenant(t)
	a, another := startGateway(t, options{}).as(who), startGateway(t, options{}).as(who)
	made := map[string]*v1alpha1.TrainingJob{}
	for i := range 6 {
		job := kubectlJob(t, who.namespace, fmt.Sprintf("job-%d", i), nil)
		made[contract.JobID(string(job.UID))] = job
	}
	list := func(replica *api, query string) gateway.Page[gatewayJob] {
		return decode[gateway.Page[gatewayJob]](t, replica.get("/training/jobs?"+query))
	}
	for _, replica := range []*api{a, another} {
		eventually(t, "all jobs are listed", func() bool { return len(list(replica, "").Data) == len(made) })
	}
	all := idsOf(list(a, ""))
	page := list(a, "limit=2")
	last := page.Data[1].ID
	if page.Next == nil || !page.HasMore || last != all[1] {
		t.Fatalf("the first page is %+v of %v", page, all)
	}
	if err := admin.Delete(t.Context(), made[last]); err != nil {
		t.Fatal(err)
	}
	for _, replica := range []*api{a, another} {
		eventually(t, "the job is gone", func() bool { return len(list(replica, "").Data) == len(made)-1 })
	}
	fresh := startGateway(t, options{}).as(who)
	for name, got := range map[string]gateway.Page[gatewayJob]{
		"by its ID":                       list(a, "limit=3&after="+last),
		"by its ID, of another replica":   list(another, "limit=3&after="+last),
		"by the cursor":                   list(a, "limit=3&after="+*page.Next),
		"by the cursor, of a new one":     list(fresh, "limit=3&after="+*page.Next),
		"by the one before, of a new one": list(fresh, "limit=3&after="+all[0]),
	} {
		if diff := cmp.Diff(all[2:5], idsOf(got)); diff != "" || !got.HasMore || got.Next == nil {
			t.Errorf("%s, the next page is (more %t): %s", name, got.HasMore, diff)
			continue
		}
		rest := list(another, "limit=3&after="+*got.Next)
		if diff := cmp.Diff(all[5:], idsOf(rest)); diff != "" || rest.HasMore || rest.Next != nil {
			t.Errorf("%s, the last page is (more %t): %s", name, rest.HasMore, diff)
		}
	}
	for _, after := range []string{"after-", "after-nonsense", "after-MTIz", "trainingjob-nothing"} {
		if got := a.get("/training/jobs?after=" + after); got.status != http.StatusBadRequest {
			t.Errorf("after=%s is answered %d %s", after, got.status, got.body)
		}
	}
}

func TestListsGoOnAfterJobsThatOtherReplicasMade(t *testing.T) {
	who := newTenant(t)
	one, two := startGateway(t, options{}).as(who).has(guideFile), startGateway(t, options{}).as(who)
	for range 15 {
		id := decode[gatewayJob](t, one.post("/training/jobs", guideRequest)).ID
		if got := two.get("/training/jobs?after=" + id); got.status != http.StatusOK {
			t.Fatalf("answered %d %s", got.status, got.body)
		}
	}
}
