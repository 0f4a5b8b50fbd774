//go:build linux

package main

import (
	"fmt"
	"io"
	"text/tabwriter"
)

// print prints the measurements as tables, with their conditions.
func (r *results) print(out io.Writer) {
	d := r.document()
	fmt.Fprintf(out, "\n%s\n\n", d.Conditions)
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintf(w, "a backlog of %d (medians of %d rounds)\tTrainingJob\tbatch/v1 Job\t\n", r.options.jobs, r.options.rounds)
	row := func(name string, training, job any) { fmt.Fprintf(w, "%s\t%v\t%v\t\n", name, training, job) }
	row("Pods a second", d.PodsPerSecond, d.JobPodsPerSecond)
	row("ratio", d.Ratio, 1)
	for _, kind := range []string{"counted", "pods", "finalizers", "statuses", "other", "refused", "events"} {
		row("writes a job: "+kind, d.Backlog.Writes[kind], d.JobBacklog.Writes[kind])
	}
	row("reconciles a job", d.Backlog.Reconciles, "-")
	for _, name := range []string{"all", "apiServer", "etcd", "scheduler", "nodes", "controller"} {
		row("processor time a Pod (ms): "+name, d.Backlog.CPUMillisPerPod[name], d.JobBacklog.CPUMillisPerPod[name])
	}
	row("its controller's memory at most (MiB)", d.Backlog.PeakRSSMiB, d.JobBacklog.PeakRSSMiB)
	w.Flush()
	fmt.Fprintln(out)
	w = tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintf(w, "%d TrainingJobs at %g a second, each state lasting %v\t\t\n", r.options.steady, r.options.rate, r.options.dwell)
	one := func(name string, value any) { fmt.Fprintf(w, "%s\t%v\t\n", name, value) }
	one("from the request to the first Pod, p50 (ms)", d.CreateToPodMillis.P50)
	one("p99 (ms)", d.CreateToPodMillis.P99)
	for _, kind := range []string{"counted", "pods", "finalizers", "statuses", "other", "refused", "events"} {
		one("writes a job: "+kind, d.Steady.Writes[kind])
	}
	one("reconciles a job", d.Steady.Reconciles)
	one(fmt.Sprintf("the manager's memory at most with %d jobs, %d of them finished (MiB)",
		r.options.total, r.options.total-r.options.jobs), d.Full.PeakRSSMiB)
	w.Flush()
}
