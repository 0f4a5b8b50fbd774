//go:build linux

package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/go-logr/logr"
	auditv1 "k8s.io/apiserver/pkg/apis/audit/v1"
	"sigs.k8s.io/controller-runtime/pkg/log"
)

// TestASmallRun runs the whole benchmark with few jobs. What it says about speed means nothing; that it ends, counts
// right, and leaves nothing behind does.
func TestASmallRun(t *testing.T) {
	if testing.Short() {
		t.Skip("it starts an API server")
	}
	log.SetLogger(logr.Discard())
	t.Setenv("TMPDIR", t.TempDir())
	o := options{
		jobs: 10, rounds: 1, rate: 10, steady: 10, dwell: 100 * time.Millisecond, total: 20, jobSyncs: 16,
		out: filepath.Join(t.TempDir(), "bench", "controller.json"),
	}
	if err := run(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	content, err := os.ReadFile(o.out)
	if err != nil {
		t.Fatal(err)
	}
	var d document
	if err := json.Unmarshal(content, &d); err != nil {
		t.Fatal(err)
	}
	checkSpeeds(t, d)
	checkWrites(t, d)
	for _, key := range []string{"jobs10", "jobs20"} {
		if mib := d.RSSMiB[key]; mib < 10 || mib > 500 {
			t.Errorf("rssMiB.%s is %v; a manager has tens of MiB", key, mib)
		}
	}
	left, err := os.ReadDir(os.Getenv("TMPDIR"))
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range left {
		t.Errorf("%s is left in the temporary folder", entry.Name())
	}
	if times, err := processorTimes(); err != nil || len(times) > 0 {
		t.Errorf("processes are left: %v, %v", times, err)
	}
}

func checkSpeeds(t *testing.T, d document) {
	t.Helper()
	if d.PodsPerSecond <= 0 || d.JobPodsPerSecond <= 0 || d.Ratio <= 0 {
		t.Errorf("speeds are %v and %v, their ratio %v; all have to be above 0", d.PodsPerSecond, d.JobPodsPerSecond, d.Ratio)
	}
	if p := d.CreateToPodMillis; p.P50 <= 0 || p.P99 < p.P50 {
		t.Errorf("the time to the first Pod has p50 %v and p99 %v", p.P50, p.P99)
	}
	for _, program := range []string{"all", "apiServer", "controller"} {
		if d.Backlog.CPUMillisPerPod[program] <= 0 || d.JobBacklog.CPUMillisPerPod[program] <= 0 {
			t.Errorf("the processor time of %s is missing", program)
		}
	}
}

// checkWrites: each state was seen, so the numbers are known: two Pods, one finalizer, and a status for each of the
// six phases.
func checkWrites(t *testing.T, d document) {
	t.Helper()
	for kind, want := range map[string]float64{"pods": 2, "finalizers": 1, "other": 0} {
		if got := d.Steady.Writes[kind]; got != want {
			t.Errorf("%v writes a job are %s, want %v", got, kind, want)
		}
	}
	if d.WritesPerJob < 6 || d.WritesPerJob > 10 {
		t.Errorf("writesPerJob is %v; it takes 2 Pods, 1 finalizer and 3 to 6 statuses", d.WritesPerJob)
	}
	if d.ReconcilesPerJob < 3 {
		t.Errorf("reconcilesPerJob is %v, fewer than there are statuses", d.ReconcilesPerJob)
	}
	if pods := d.JobBacklog.Writes["pods"]; pods != 1 {
		t.Errorf("the Job controller made %v Pods a Job", pods)
	}
}

func TestWritesAreCountedByWhatTheyAreAbout(t *testing.T) {
	request := func(verb, resource, subresource string) *auditv1.Event {
		return &auditv1.Event{Verb: verb, ObjectRef: &auditv1.ObjectReference{Resource: resource, Subresource: subresource}}
	}
	var w writes
	for _, event := range []*auditv1.Event{
		request("create", "pods", ""), request("patch", "pods", ""),
		request("update", "trainingjobs", "status"), request("patch", "jobs", "status"),
		request("create", "events", ""), request("patch", "events", ""),
		request("delete", "pods", ""), request("deletecollection", "pods", ""),
		request("update", "trainingjobs", ""),
	} {
		w.add(event)
	}
	if want := (writes{Pods: 1, Finalizers: 1, Statuses: 2, Other: 1, Events: 2, Deletions: 2}); w != want {
		t.Errorf("counted %+v, want %+v", w, want)
	}
	if got := w.counted(); got != 5 {
		t.Errorf("%d writes count, want 5", got)
	}
}

func TestPercentiles(t *testing.T) {
	hundred := make([]time.Duration, 100)
	for i := range hundred {
		hundred[i] = time.Duration(i + 1)
	}
	cases := map[string]struct {
		sorted []time.Duration
		p      int
		want   time.Duration
	}{
		"the median of 100": {hundred, 50, 50},
		"the 99th of 100":   {hundred, 99, 99},
		"of one":            {hundred[:1], 99, 1},
		"the 99th of 3":     {hundred[:3], 99, 3},
		"the median of 3":   {hundred[:3], 50, 2},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			if got := percentile(c.sorted, c.p); got != c.want {
				t.Errorf("percentile %d is %d, want %d", c.p, got, c.want)
			}
		})
	}
}

func TestMediansOfRounds(t *testing.T) {
	speed := func(r backlogResult) float64 { return r.podsPerSecond }
	rounds := []backlogResult{{podsPerSecond: 30}, {podsPerSecond: 10}, {podsPerSecond: 20}}
	if got := median(rounds, speed); got != 20 {
		t.Errorf("the median of three is %v, want 20", got)
	}
	if got := median(rounds[:2], speed); got != 20 {
		t.Errorf("the median of two is %v, want their mean, 20", got)
	}
}

func TestOptionsThatMakeNoSenseAreRefused(t *testing.T) {
	good := options{jobs: 10, rounds: 1, rate: 1, steady: 1, total: 10, jobSyncs: 1}
	if err := good.check(); err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(*options){
		"no jobs":                  func(o *options) { o.jobs = 0 },
		"no rounds":                func(o *options) { o.rounds = 0 },
		"no rate":                  func(o *options) { o.rate = 0 },
		"negative time":            func(o *options) { o.dwell = -1 },
		"a total below a backlog":  func(o *options) { o.total = 9 },
		"no worker for the others": func(o *options) { o.jobSyncs = 0 },
	} {
		t.Run(name, func(t *testing.T) {
			o := good
			change(&o)
			if o.check() == nil {
				t.Errorf("%+v is taken", o)
			}
		})
	}
}
