package controllers

import (
	"context"
	"fmt"
	"hash/fnv"
	"io"
	"net"
	"net/http"
	"strconv"
	"sync"
	"time"

	"golang.org/x/time/rate"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/swath-dev/swath/api/v1alpha1"
	"github.com/swath-dev/swath/internal/config"
	"github.com/swath-dev/swath/internal/contract"
	"github.com/swath-dev/swath/internal/lifecycle"
	"github.com/swath-dev/swath/internal/pods"
)

const (
	// progressTimeout bounds one question to a trainer.
	progressTimeout = 2 * time.Second
	// progressSlots is in how many parts an interval is cut, so that not all
	// trainers are asked at once.
	progressSlots = 10
)

// ProgressReader asks the trainers for their progress and puts it into the jobs'
// status. It runs beside the reconciler and is never needed for a right ending.
type ProgressReader struct {
	// Client reads from the caches and writes.
	Client client.Client
	// Config is the operator's configuration of it.
	Config config.Progress
	// Clock tells the time.
	Clock clock.PassiveClock
	// Schema knows whether the API server keeps what is recorded.
	Schema *Schema
	// Transport carries the questions; nil for one without a proxy.
	Transport http.RoundTripper

	http   *http.Client
	writes *rate.Limiter
}

// NeedLeaderElection has only the replica that works ask.
func (r *ProgressReader) NeedLeaderElection() bool { return true }

// Start asks until the context ends. In each part of the interval it is the turn of
// other jobs; when all workers are busy, a job is asked in the next interval.
func (r *ProgressReader) Start(ctx context.Context) error {
	r.setUp()
	turns := make(chan types.NamespacedName)
	var workers sync.WaitGroup
	for range r.Config.Workers {
		workers.Go(func() {
			for job := range turns {
				if err := r.ask(ctx, job); err != nil {
					log.FromContext(ctx).V(1).Info("A trainer did not tell its progress", "trainingJob", job, "cause", err.Error())
				}
			}
		})
	}
	defer workers.Wait()
	defer close(turns)
	interval := max(r.Config.Interval.Duration/progressSlots, time.Millisecond)
	ticker := time.NewTicker(interval)
	defer ticker.Stop()
	for slot := uint32(0); ; slot = (slot + 1) % progressSlots {
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
		}
		if err := r.takeTurns(ctx, slot, interval, turns); err != nil {
			log.FromContext(ctx).Error(err, "Listing the running TrainingJobs failed")
		}
	}
}

func (r *ProgressReader) setUp() {
	if r.Transport == nil {
		r.Transport = &http.Transport{
			Proxy:             nil,
			DialContext:       (&net.Dialer{Timeout: progressTimeout}).DialContext,
			DisableKeepAlives: true,
		}
	}
	r.http = &http.Client{
		Transport: r.Transport, Timeout: progressTimeout,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	r.writes = rate.NewLimiter(rate.Limit(r.Config.MaxWritesPerSecond), max(1, int(r.Config.MaxWritesPerSecond)))
}

// takeTurns hands the running jobs of the slot to the workers, as they get free, for
// as long as the slot lasts. A job that no worker was free for has another turn in the
// next interval.
func (r *ProgressReader) takeTurns(ctx context.Context, slot uint32, lasts time.Duration, turns chan<- types.NamespacedName) error {
	ctx, cancel := context.WithTimeout(ctx, lasts)
	defer cancel()
	var list v1alpha1.TrainingJobList
	err := r.Client.List(ctx, &list, client.MatchingFields{jobPhaseIndex: string(v1alpha1.PhaseRunning)},
		client.UnsafeDisableDeepCopy, client.DisableReadYourWritesConsistency)
	if err != nil {
		return fmt.Errorf("listing the running TrainingJobs: %w", err)
	}
	for i := range list.Items {
		if slotOf(list.Items[i].UID) != slot {
			continue
		}
		select {
		case turns <- client.ObjectKeyFromObject(&list.Items[i]):
		case <-ctx.Done():
			return nil
		}
	}
	return nil
}

func slotOf(uid types.UID) uint32 {
	hash := fnv.New32a()
	_, _ = hash.Write([]byte(uid))
	return hash.Sum32() % progressSlots
}

// ask asks the job's trainer, and writes what it says if that is due.
func (r *ProgressReader) ask(ctx context.Context, name types.NamespacedName) error {
	var job v1alpha1.TrainingJob
	if err := r.Client.Get(ctx, name, &job); err != nil {
		return client.IgnoreNotFound(err)
	}
	if job.Status.Phase != v1alpha1.PhaseRunning || r.Schema.outdated(ctx, &job) {
		return nil
	}
	var pod corev1.Pod
	key := types.NamespacedName{Namespace: job.Namespace, Name: pods.Name(job.Name, v1alpha1.RoleTrain, job.Status.Starts)}
	if err := r.Client.Get(ctx, key, &pod, client.DisableReadYourWritesConsistency); err != nil {
		return client.IgnoreNotFound(err)
	}
	if pod.Status.PodIP == "" || pod.DeletionTimestamp != nil || !metav1.IsControlledBy(&pod, &job) {
		return nil
	}
	progress, err := r.read(ctx, pod.Status.PodIP)
	if err != nil {
		return err
	}
	if progress.PodUID != string(pod.UID) || progress.Job != job.Status.ID || progress.Start != job.Status.Starts {
		return fmt.Errorf("the answer is of Pod %s, job %s, start %d", progress.PodUID, progress.Job, progress.Start)
	}
	return r.write(ctx, &job, progress)
}

// read asks one trainer.
func (r *ProgressReader) read(ctx context.Context, ip string) (contract.Progress, error) {
	url := "http://" + net.JoinHostPort(ip, strconv.Itoa(contract.ProgressPort)) + contract.ProgressPath
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return contract.Progress{}, fmt.Errorf("asking for progress: %w", err)
	}
	response, err := r.http.Do(request)
	if err != nil {
		return contract.Progress{}, fmt.Errorf("asking for progress: %w", err)
	}
	defer func() { _ = response.Body.Close() }()
	if response.StatusCode != http.StatusOK {
		return contract.Progress{}, fmt.Errorf("asking for progress: the answer is %s", response.Status)
	}
	data, err := io.ReadAll(io.LimitReader(response.Body, contract.MaxProgressBytes+1))
	if err != nil {
		return contract.Progress{}, fmt.Errorf("reading progress: %w", err)
	}
	return contract.DecodeProgress(data)
}

// write puts the progress into the status, if that is due and not too much is
// written already. A job that has changed in between is asked again later.
func (r *ProgressReader) write(ctx context.Context, job *v1alpha1.TrainingJob, progress contract.Progress) error {
	now := r.Clock.Now()
	if !lifecycle.ProgressDue(&job.Status, progress, now, r.Config.MinWriteInterval.Duration) || !r.writes.AllowN(now, 1) {
		return nil
	}
	sent := lifecycle.WithProgress(&job.Status, progress, now)
	job.Status = sent
	if err := r.Client.Status().Update(ctx, job); err != nil && !apierrors.IsConflict(err) && !apierrors.IsNotFound(err) {
		return fmt.Errorf("writing the progress: %w", err)
	} else if err == nil {
		return r.Schema.check(ctx, &sent, job)
	}
	return nil
}
