//go:build linux

// Command gateway is the benchmark behind `make bench-gateway`: requests a second and latencies of creating, getting and
// listing training jobs through the HTTP API, beside the same through the API server directly; uploads beside copying the file
// into the same storage; and the memory that the gateway takes. docs/benchmarks.md says what was measured and how.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"syscall"
	"text/tabwriter"
	"time"
)

// options are what the flags say.
type options struct {
	duration time.Duration
	clients  int
	jobs     int
	bytes    int64
	out      string
}

// results are what is written to the results' file.
type results struct {
	Conditions conditions `json:"conditions"`
	Calls      []call     `json:"calls"`
	Uploads    []upload   `json:"uploads"`
	// RSSMiB is the gateway's resident memory: with all jobs in its cache and nothing to do, after the calls, and the most
	// during the uploads.
	RSSMiB memory `json:"rssMiB"`
}

type conditions struct {
	CPUs    int    `json:"cpus"`
	Go      string `json:"go"`
	Clients int    `json:"clients"`
	Jobs    int    `json:"jobs"`
	Bytes   int64  `json:"uploadBytes"`
}

// call compares a call through the HTTP API with the same through the API server.
type call struct {
	Name   string  `json:"name"`
	Ours   latency `json:"gateway"`
	Direct latency `json:"apiServer"`
	// Ratio is our requests a second by theirs.
	Ratio float64 `json:"ratio"`
}

type latency struct {
	PerSecond float64 `json:"perSecond"`
	P50Millis float64 `json:"p50Millis"`
	P99Millis float64 `json:"p99Millis"`
}

// upload compares an upload with putting the same bytes into the same storage.
type upload struct {
	Storage    string  `json:"storage"`
	OursMBps   float64 `json:"gatewayMBps"`
	DirectMBps float64 `json:"directMBps"`
	Ratio      float64 `json:"ratio"`
}

type memory struct {
	Idle    float64 `json:"idle"`
	Calls   float64 `json:"calls"`
	Uploads float64 `json:"uploads"`
}

func main() {
	var o options
	flag.DurationVar(&o.duration, "duration", 5*time.Second, "how long each call is measured")
	flag.IntVar(&o.clients, "clients", 8, "how many clients call at a time")
	flag.IntVar(&o.jobs, "jobs", 1000, "how many jobs there are to get and to list")
	flag.Int64Var(&o.bytes, "bytes", 2<<30, "the size of an upload")
	flag.StringVar(&o.out, "o", "bin/bench/gateway.json", "the file that the results are written to")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, o); err != nil {
		fmt.Fprintln(os.Stderr, "bench-gateway:", err)
		stop()
		os.Exit(1)
	}
}

func run(ctx context.Context, o options) (err error) {
	b, err := start(ctx, o)
	if err != nil {
		return err
	}
	defer b.stop()
	r := results{Conditions: conditions{CPUs: runtime.NumCPU(), Go: runtime.Version(), Clients: o.clients, Jobs: o.jobs, Bytes: o.bytes}}
	if r.Calls, err = b.measureCalls(ctx); err != nil {
		return err
	}
	if r.RSSMiB.Calls, err = b.resident("VmRSS:"); err != nil {
		return err
	}
	if err := b.restartGateway(ctx); err != nil {
		return err
	}
	if r.RSSMiB.Idle, err = b.resident("VmRSS:"); err != nil {
		return err
	}
	if r.Uploads, err = b.measureUploads(ctx); err != nil {
		return err
	}
	if r.RSSMiB.Uploads, err = b.resident("VmHWM:"); err != nil {
		return err
	}
	printTable(r)
	data, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return fmt.Errorf("writing the results: %w", err)
	}
	if err := os.MkdirAll(filepath.Dir(o.out), 0o755); err != nil {
		return fmt.Errorf("writing the results: %w", err)
	}
	return os.WriteFile(o.out, append(data, '\n'), 0o644)
}

func printTable(r results) {
	table := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(table, "call\tgateway/s\tp50 ms\tp99 ms\tAPI server/s\tp50 ms\tp99 ms\tratio\t")
	for _, c := range r.Calls {
		fmt.Fprintf(table, "%s\t%.0f\t%.1f\t%.1f\t%.0f\t%.1f\t%.1f\t%.2f\t\n", c.Name, c.Ours.PerSecond, c.Ours.P50Millis, c.Ours.P99Millis,
			c.Direct.PerSecond, c.Direct.P50Millis, c.Direct.P99Millis, c.Ratio)
	}
	fmt.Fprintln(table, "\t\t\t\t\t\t\t\t")
	fmt.Fprintln(table, "upload to\tgateway MB/s\t\t\tdirect MB/s\t\t\tratio\t")
	for _, u := range r.Uploads {
		fmt.Fprintf(table, "%s\t%.0f\t\t\t%.0f\t\t\t%.2f\t\n", u.Storage, u.OursMBps, u.DirectMBps, u.Ratio)
	}
	_ = table.Flush() // Standard output has nobody else to tell.
	fmt.Printf("\nresident memory of the gateway: %.0f MiB idle, %.0f MiB after the calls, at most %.0f MiB with uploads of %d MiB\n", r.RSSMiB.Idle, r.RSSMiB.Calls, r.RSSMiB.Uploads, r.Conditions.Bytes>>20)
}
