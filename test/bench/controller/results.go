//go:build linux

package main

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"slices"
	"time"
)

// results are all measurements.
type results struct {
	options    options
	conditions conditions
	jobs       []backlogResult // Of batch/v1 Jobs, by round.
	training   []backlogResult // Of TrainingJobs, by round.
	steady     steadyResult
	full       backlogResult
}

func (r *results) add(s side, result backlogResult) {
	if s.user == jobControllerUser {
		r.jobs = append(r.jobs, result)
		return
	}
	r.training = append(r.training, result)
}

// document is the results' file.
type document struct {
	// PodsPerSecond are the Pods that the manager has driven to their end each second, and JobPodsPerSecond those of
	// the Job controller; Ratio is the one by the other, above 1 when the manager is faster. Medians of the rounds.
	PodsPerSecond    float64 `json:"podsPerSecond"`
	JobPodsPerSecond float64 `json:"jobPodsPerSecond"`
	Ratio            float64 `json:"ratio"`
	// WritesPerJob are the manager's requests that make or change Pods, statuses and finalizers, for a TrainingJob
	// that passes every state slowly enough for each to be written. Events and deletions stand in Steady.
	WritesPerJob float64 `json:"writesPerJob"`
	// CreateToPodMillis is the time from the request for a TrainingJob to the news of its first Pod.
	CreateToPodMillis percentiles `json:"createToPodMillis"`
	// RSSMiB is the most memory that the manager has had, by the number of TrainingJobs in the cluster.
	RSSMiB map[string]float64 `json:"rssMiB"`
	// ReconcilesPerJob are those of the jobs that WritesPerJob is about.
	ReconcilesPerJob float64 `json:"reconcilesPerJob"`

	Backlog    sideDocument `json:"backlog"`    // The manager's, in the backlogs.
	JobBacklog sideDocument `json:"jobBacklog"` // The Job controller's.
	Steady     sideDocument `json:"steady"`     // The manager's, at a steady rate.
	Full       sideDocument `json:"full"`       // The manager's, with the most jobs.
	Conditions conditions   `json:"conditions"`
}

type percentiles struct {
	P50 float64 `json:"p50"`
	P99 float64 `json:"p99"`
}

// sideDocument is what jobs have cost, each figure the median of the rounds and for one job.
type sideDocument struct {
	Jobs          int                `json:"jobs"`
	PodsPerSecond []float64          `json:"podsPerSecond,omitempty"` // By round.
	Writes        map[string]float64 `json:"writes"`
	Reconciles    float64            `json:"reconciles,omitempty"`
	// CPUMillisPerPod are processor times for one Pod, by program, and of all together.
	CPUMillisPerPod map[string]float64 `json:"cpuMillisPerPod"`
	PeakRSSMiB      float64            `json:"peakRSSMiB"`
}

func (r *results) document() document {
	d := document{
		Backlog:    sideOf(r.training...),
		JobBacklog: sideOf(r.jobs...),
		Steady:     sideOf(backlogResult{usage: r.steady.usage}),
		Full:       sideOf(r.full),
		Conditions: r.conditions,
	}
	speed := func(result backlogResult) float64 { return result.podsPerSecond }
	d.PodsPerSecond = round(median(r.training, speed), 1)
	d.JobPodsPerSecond = round(median(r.jobs, speed), 1)
	d.Ratio = round(median(r.training, speed)/median(r.jobs, speed), 3)
	d.WritesPerJob = d.Steady.Writes["counted"]
	d.ReconcilesPerJob = d.Steady.Reconciles
	d.CreateToPodMillis = percentiles{
		P50: millis(percentile(r.steady.createToPod, 50)),
		P99: millis(percentile(r.steady.createToPod, 99)),
	}
	d.RSSMiB = map[string]float64{
		fmt.Sprintf("jobs%d", r.options.jobs):  d.Backlog.PeakRSSMiB,
		fmt.Sprintf("jobs%d", r.options.total): d.Full.PeakRSSMiB,
	}
	return d
}

// programNames are what programs are called in the results, by their names in /proc, which have 15 characters at most.
var programNames = map[string]string{
	"kube-apiserver": "apiServer", "etcd": "etcd", "kube-scheduler": "scheduler", "kwok": "nodes",
	"kube-controller": "controller", "manager": "controller",
}

func sideOf(rounds ...backlogResult) sideDocument {
	perJob := func(value func(backlogResult) float64) float64 {
		return round(median(rounds, func(r backlogResult) float64 { return value(r) / float64(r.jobs) }), 2)
	}
	d := sideDocument{
		Jobs: rounds[0].jobs,
		Writes: map[string]float64{
			"counted":    perJob(func(r backlogResult) float64 { return float64(r.writes.counted()) }),
			"pods":       perJob(func(r backlogResult) float64 { return float64(r.writes.Pods) }),
			"finalizers": perJob(func(r backlogResult) float64 { return float64(r.writes.Finalizers) }),
			"statuses":   perJob(func(r backlogResult) float64 { return float64(r.writes.Statuses) }),
			"other":      perJob(func(r backlogResult) float64 { return float64(r.writes.Other) }),
			"events":     perJob(func(r backlogResult) float64 { return float64(r.writes.Events) }),
			"deletions":  perJob(func(r backlogResult) float64 { return float64(r.writes.Deletions) }),
			"refused":    perJob(func(r backlogResult) float64 { return float64(r.writes.Refused) }),
		},
		Reconciles:      perJob(func(r backlogResult) float64 { return r.reconciles }),
		CPUMillisPerPod: map[string]float64{"all": 0},
	}
	for program, name := range programNames {
		perPod := func(r backlogResult) float64 {
			return float64(r.cpu[program]) / float64(time.Millisecond) / float64(r.pods)
		}
		if value := round(median(rounds, perPod), 2); value > 0 {
			d.CPUMillisPerPod[name] = value
			d.CPUMillisPerPod["all"] = round(d.CPUMillisPerPod["all"]+value, 2)
		}
	}
	for _, r := range rounds {
		d.PeakRSSMiB = max(d.PeakRSSMiB, round(r.peakMiB, 1))
		if r.podsPerSecond > 0 {
			d.PodsPerSecond = append(d.PodsPerSecond, round(r.podsPerSecond, 1))
		}
	}
	return d
}

// write writes the results' file.
func (r *results) write(path string) error {
	content, err := json.MarshalIndent(r.document(), "", "  ")
	if err != nil {
		return fmt.Errorf("writing the results: %w", err)
	}
	if err := os.WriteFile(path, append(content, '\n'), 0o644); err != nil {
		return fmt.Errorf("writing the results: %w", err)
	}
	return nil
}

// median is the median of a value of the rounds; of an even number of them it is the mean of the middle two.
func median(rounds []backlogResult, value func(backlogResult) float64) float64 {
	values := make([]float64, len(rounds))
	for i, r := range rounds {
		values[i] = value(r)
	}
	slices.Sort(values)
	middle := len(values) / 2
	if len(values)%2 == 1 {
		return values[middle]
	}
	return (values[middle-1] + values[middle]) / 2
}

func millis(d time.Duration) float64 { return round(float64(d)/float64(time.Millisecond), 1) }

// round leaves the given number of digits after the point.
func round(value float64, digits int) float64 {
	scale := math.Pow10(digits)
	return math.Round(value*scale) / scale
}
