//go:build linux

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/swath-dev/swath/api/v1alpha1"
	"github.com/swath-dev/swath/internal/storage"
)

// pageSize is how many jobs a list has, both ways.
const pageSize = 100

// made are the jobs that get and list work on.
type made struct{ names, ids []string }

// measureCalls measures each call both ways, one after the other.
func (b *bench) measureCalls(ctx context.Context) ([]call, error) {
	jobs, err := b.makeJobs(ctx)
	if err != nil {
		return nil, err
	}
	list := way{
		"list",
		func(ctx context.Context, _ int64) error {
			return b.call(ctx, http.MethodGet, fmt.Sprintf("/training/jobs?limit=%d", pageSize), nil, nil)
		},
		func(ctx context.Context, _ int64) error {
			return b.direct.List(ctx, &v1alpha1.TrainingJobList{}, client.InNamespace(namespaceFile), client.Limit(pageSize))
		},
	}
	// While no job has ended, every one that is listed may change at any moment.
	allOpen := list
	allOpen.name = "list, all open"
	before, err := b.compare(ctx, allOpen)
	if err != nil {
		return nil, err
	}
	if err := b.endJobs(ctx, &jobs); err != nil {
		return nil, err
	}
	ways := []way{
		{
			"get",
			func(ctx context.Context, i int64) error {
				return b.call(ctx, http.MethodGet, "/training/jobs/"+jobs.ids[i%int64(len(jobs.ids))], nil, nil)
			},
			func(ctx context.Context, i int64) error {
				return b.direct.Get(ctx, client.ObjectKey{Namespace: namespaceFile, Name: jobs.names[i%int64(len(jobs.names))]}, &v1alpha1.TrainingJob{})
			},
		},
		list,
		{
			"create",
			func(ctx context.Context, _ int64) error {
				return b.call(ctx, http.MethodPost, "/training/jobs", request, nil)
			},
			func(ctx context.Context, _ int64) error {
				return b.direct.Create(ctx, &v1alpha1.TrainingJob{
					ObjectMeta: metav1.ObjectMeta{GenerateName: "direct-", Namespace: namespaceFile},
					Spec:       v1alpha1.TrainingJobSpec{Task: v1alpha1.TaskClassification, TrainingFile: "file-a"},
				})
			},
		},
	}
	calls := []call{before}
	for _, way := range ways {
		compared, err := b.compare(ctx, way)
		if err != nil {
			return nil, err
		}
		calls = append(calls, compared)
	}
	return calls, nil
}

// way is a call through the gateway, and the same through the API server.
type way struct {
	name         string
	ours, direct func(context.Context, int64) error
}

// compare measures a call both ways.
func (b *bench) compare(ctx context.Context, way way) (call, error) {
	ours, err := b.measure(ctx, way.ours)
	if err != nil {
		return call{}, fmt.Errorf("%s through the gateway: %w", way.name, err)
	}
	direct, err := b.measure(ctx, way.direct)
	if err != nil {
		return call{}, fmt.Errorf("%s through the API server: %w", way.name, err)
	}
	return call{Name: way.name, Ours: ours, Direct: direct, Ratio: ours.PerSecond / direct.PerSecond}, nil
}

var request = []byte(`{"task":"classification","training_file":"file-a","validation_file":null}`)

// openJobs is how many of the jobs that are listed have not ended, as on a cluster of that size.
const openJobs = 10

// makeJobs makes the jobs through the gateway.
func (b *bench) makeJobs(ctx context.Context) (made, error) {
	var jobs made
	if err := b.putFile(ctx); err != nil {
		return jobs, err
	}
	for range b.jobs {
		var job struct {
			ID string `json:"id"`
		}
		if err := b.call(ctx, http.MethodPost, "/training/jobs", request, &job); err != nil {
			return jobs, err
		}
		jobs.ids = append(jobs.ids, job.ID)
	}
	return jobs, nil
}

// putFile puts the file into storage that the jobs name.
func (b *bench) putFile(ctx context.Context) error {
	store, err := storage.Open(ctx, "file://"+b.volume(), namespaceFile)
	if err != nil {
		return err
	}
	defer store.Close()
	_, err = store.PutFile(ctx, "file-a", "a.h5", strings.NewReader("a"), time.Now())
	return err
}

// endJobs records an end of most of the jobs.
func (b *bench) endJobs(ctx context.Context, jobs *made) error {
	var list v1alpha1.TrainingJobList
	if err := b.direct.List(ctx, &list, client.InNamespace(namespaceFile)); err != nil {
		return fmt.Errorf("listing the jobs: %w", err)
	}
	for i := range list.Items {
		job := &list.Items[i]
		jobs.names = append(jobs.names, job.Name)
		if i < openJobs {
			continue
		}
		job.Status.Phase, job.Status.FinishedAt = v1alpha1.PhaseSucceeded, &metav1.Time{Time: time.Now()}
		if err := b.admin.Status().Update(ctx, job); err != nil {
			return fmt.Errorf("recording the end of %s: %w", job.Name, err)
		}
	}
	return nil
}

// call calls the gateway.
func (b *bench) call(ctx context.Context, method, path string, body []byte, answer any) error {
	request, err := http.NewRequestWithContext(ctx, method, b.address+path, bytes.NewReader(body))
	if err != nil {
		return err
	}
	request.Header.Set("Authorization", "Bearer "+b.tokens[namespaceFile+audience])
	response, err := b.http.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	data, err := io.ReadAll(response.Body)
	if err != nil {
		return err
	}
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("%s %s is answered %s: %s", method, path, response.Status, data)
	}
	if answer == nil {
		return nil
	}
	return json.Unmarshal(data, answer)
}

// measure calls one way by several clients for a while.
func (b *bench) measure(ctx context.Context, one func(context.Context, int64) error) (latency, error) {
	var next atomic.Int64
	var mutex sync.Mutex
	var took []time.Duration
	var failed error
	var clients sync.WaitGroup
	begin := time.Now()
	for range b.clients {
		clients.Go(func() {
			var mine []time.Duration
			for time.Since(begin) < b.duration && ctx.Err() == nil {
				start := time.Now()
				if err := one(ctx, next.Add(1)); err != nil {
					mutex.Lock()
					failed = err
					mutex.Unlock()
					return
				}
				mine = append(mine, time.Since(start))
			}
			mutex.Lock()
			took = append(took, mine...)
			mutex.Unlock()
		})
	}
	clients.Wait()
	elapsed := time.Since(begin)
	if failed != nil || len(took) == 0 {
		return latency{}, fmt.Errorf("measuring: %w", failed)
	}
	slices.Sort(took)
	at := func(share float64) float64 {
		return float64(took[int(share*float64(len(took)-1))].Microseconds()) / 1000
	}
	return latency{PerSecond: float64(len(took)) / elapsed.Seconds(), P50Millis: at(0.5), P99Millis: at(0.99)}, nil
}
