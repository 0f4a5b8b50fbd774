//go:build linux

package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"time"
)

// conditions are what the measurements were taken with and on.
type conditions struct {
	Time        time.Time `json:"time"`
	CPU         string    `json:"cpu"`
	CPUs        int       `json:"cpus"`
	Kernel      string    `json:"kernel"`
	LoadAverage string    `json:"loadAverage"` // Of 1, 5 and 15 minutes, before the measurements.
	Go          string    `json:"go"`
	Kubernetes  string    `json:"kubernetes"`
	Etcd        string    `json:"etcd"`
	Kwok        string    `json:"kwok"`
	Swath       string    `json:"swath"`
	Nodes       int       `json:"nodes"`
	Jobs        int       `json:"jobs"`
	Rounds      int       `json:"rounds"`
	JobSyncs    int       `json:"concurrentJobSyncs"`
	ClientQPS   int       `json:"clientQPS"`
	ClientBurst int       `json:"clientBurst"`
}

// readConditions asks the machine and the programs. What cannot be found out is said to be unknown: it is no reason
// not to measure.
func readConditions(ctx context.Context, b *bench) conditions {
	c := conditions{
		Time: time.Now().UTC().Truncate(time.Second), CPUs: runtime.NumCPU(), Go: runtime.Version(),
		CPU:         cpuModel(),
		Kernel:      firstLine(os.ReadFile("/proc/sys/kernel/osrelease")),
		LoadAverage: firstLine(os.ReadFile("/proc/loadavg")),
		Kwok:        command(ctx, filepath.Join(b.root, "hack", "kwok"), "go", "list", "-m", "-f", "{{.Version}}", "sigs.k8s.io/kwok"),
		Swath:       command(ctx, b.root, "git", "describe", "--tags", "--always", "--dirty"),
		Nodes:       nodes, Jobs: b.jobs, Rounds: b.rounds, JobSyncs: b.jobSyncs, ClientQPS: clientQPS, ClientBurst: clientBurst,
	}
	kubernetes := b.cluster.binaries.kubernetes
	c.Kubernetes = strings.TrimPrefix(command(ctx, b.root, filepath.Join(kubernetes, "kube-apiserver"), "--version"), "Kubernetes ")
	c.Etcd = strings.TrimPrefix(command(ctx, b.root, filepath.Join(kubernetes, "etcd"), "--version"), "etcd Version: ")
	if fields := strings.Fields(c.LoadAverage); len(fields) > 3 {
		c.LoadAverage = strings.Join(fields[:3], " ")
	}
	return c
}

// String is the conditions for people.
func (c conditions) String() string {
	return fmt.Sprintf(`%s; %d × %s; Linux %s; load before %s
Swath %s, Kubernetes %s, etcd %s, kwok %s (%d nodes), %s
client limits %d/%d a second; %d workers of the Job controller`,
		c.Time.Format(time.RFC3339), c.CPUs, c.CPU, c.Kernel, c.LoadAverage,
		c.Swath, c.Kubernetes, c.Etcd, c.Kwok, c.Nodes, c.Go, c.ClientQPS, c.ClientBurst, c.JobSyncs)
}

func cpuModel() string {
	info, err := os.ReadFile("/proc/cpuinfo")
	if err != nil {
		return unknown
	}
	for line := range strings.Lines(string(info)) {
		if name, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(name) == "model name" {
			return strings.TrimSpace(value)
		}
	}
	return unknown
}

const unknown = "unknown"

func command(ctx context.Context, dir, name string, args ...string) string {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir = dir
	return firstLine(cmd.Output())
}

func firstLine(content []byte, err error) string {
	line, _, _ := strings.Cut(string(content), "\n")
	if err != nil || strings.TrimSpace(line) == "" {
		return unknown
	}
	return strings.TrimSpace(line)
}
