//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"time"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
	"k8s.io/apimachinery/pkg/util/wait"
)

// controllerRun is a controller that runs.
type controllerRun struct {
	side    side
	process *process
	metrics string                   // The address where it serves metrics; empty if it does not.
	before  map[string]time.Duration // The processor times when it was started.
}

func (b *bench) startController(s side) (controllerRun, error) {
	p, metrics, err := s.controller(b.cluster)
	if err != nil {
		return controllerRun{}, err
	}
	before, err := processorTimes()
	if err != nil {
		return controllerRun{}, err
	}
	process, err := p.start(b.dir, b.cluster.fail)
	return controllerRun{side: s, process: process, metrics: metrics, before: before}, err
}

// finish ends a controller that has driven n jobs of the namespace, and says what it has used.
func (b *bench) finish(ctx context.Context, run controllerRun, namespace string, n int) (usage, error) {
	u := usage{jobs: n, pods: n * run.side.podsPerJob}
	err := b.cluster.settle(ctx, namespace)
	var after map[string]time.Duration
	if err == nil {
		after, err = processorTimes()
	}
	if err == nil && run.metrics != "" {
		u.reconciles, err = counter(ctx, run.metrics, "controller_runtime_reconcile_total")
	}
	if err == nil {
		u.peakMiB, err = run.process.peakMiB()
	}
	if err := errors.Join(err, run.process.end()); err != nil {
		return u, err
	}
	u.cpu = spent(run.before, after)
	u.writes, err = b.cluster.audit.since(run.side.user, namespace)
	return u, err
}

// counter is the sum of a counter over all its labels.
func counter(ctx context.Context, address, name string) (float64, error) {
	families, err := scrape(ctx, address)
	if err != nil {
		return 0, err
	}
	family, ok := families[name]
	if !ok {
		return 0, fmt.Errorf("reading metrics: %s serves no %s", address, name)
	}
	var sum float64
	for _, metric := range family.GetMetric() {
		sum += metric.GetCounter().GetValue()
	}
	return sum, nil
}

func scrape(ctx context.Context, address string) (map[string]*dto.MetricFamily, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+address+"/metrics", nil)
	if err != nil {
		return nil, fmt.Errorf("reading metrics: %w", err)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return nil, fmt.Errorf("reading metrics: %w", err)
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("reading metrics: %s answers %s", address, response.Status)
	}
	parser := expfmt.NewTextParser(model.UTF8Validation)
	families, err := parser.TextToMetricFamilies(response.Body)
	if err != nil {
		return nil, fmt.Errorf("reading metrics: %w", err)
	}
	return families, nil
}

// waitForMetrics waits until the controller serves metrics, so that it is up.
func waitForMetrics(ctx context.Context, run controllerRun) error {
	err := wait.PollUntilContextTimeout(ctx, 100*time.Millisecond, time.Minute, true, func(ctx context.Context) (bool, error) {
		_, err := scrape(ctx, run.metrics)
		return err == nil, nil
	})
	if err != nil {
		return fmt.Errorf("waiting for %s: %w; the end of its log:\n%s", run.process.name, err, tail(run.process.log))
	}
	return nil
}

// freeAddress is a loopback address that nothing listens on.
func freeAddress() (string, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", fmt.Errorf("looking for a free port: %w", err)
	}
	return listener.Addr().String(), listener.Close()
}

// namespace is the prefix of the namespaces of the side's measurements.
func (s side) namespace() string { return strings.ToLower(s.name) + "s" }
