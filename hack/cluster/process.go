//go:build linux

package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// The environment of each process of a cluster says what it belongs to. So they are found whatever became of the
// folder, without files of process IDs that can be stale.
const (
	markCluster   = "SWATH_CLUSTER_DIR"
	markComponent = "SWATH_CLUSTER_COMPONENT"
)

// process is a process of a cluster.
type process struct {
	pid       int
	dir       string // The cluster's folder.
	name      string // The first argument's last element.
	component string // The component that it is or that has started it; empty for the node's first process.
	started   time.Time
}

// processes returns all processes of the cluster: the node's first, the components, and what they have started, but
// for those in containers.
func (c *cluster) processes() ([]process, error) {
	all, err := allProcesses()
	return slices.DeleteFunc(all, func(p process) bool { return p.dir != c.dir }), err
}

// allProcesses returns the processes of all clusters on this machine.
func allProcesses() ([]process, error) {
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return nil, fmt.Errorf("looking for processes of clusters: %w", err)
	}
	var found []process
	for _, entry := range entries {
		pid, err := strconv.Atoi(entry.Name())
		if err != nil {
			continue
		}
		if p, ok := inspect(pid); ok {
			found = append(found, p)
		}
	}
	return found, nil
}

// inspect reads a process from /proc and tells whether it is there and belongs to a cluster.
func inspect(pid int) (process, bool) {
	base := filepath.Join("/proc", strconv.Itoa(pid))
	environ, err := os.ReadFile(filepath.Join(base, "environ"))
	if err != nil || !bytes.Contains(environ, []byte(markCluster)) {
		return process{}, false
	}
	p := process{pid: pid}
	for _, pair := range strings.Split(string(environ), "\x00") {
		switch name, value, _ := strings.Cut(pair, "="); name {
		case markCluster:
			p.dir = value
		case markComponent:
			p.component = value
		}
	}
	cmdline, err := os.ReadFile(filepath.Join(base, "cmdline"))
	if err != nil || p.dir == "" {
		return process{}, false
	}
	argv0, _, _ := strings.Cut(string(cmdline), "\x00")
	p.name = filepath.Base(argv0)
	if info, err := os.Stat(base); err == nil {
		p.started = info.ModTime()
	}
	return p, true
}

// first returns the node's first process, if it runs.
func first(processes []process) (process, bool) {
	if i := slices.IndexFunc(processes, process.isFirst); i >= 0 {
		return processes[i], true
	}
	return process{}, false
}

func (p process) isFirst() bool { return p.name == nodeArg0 && p.component == "" }

// running returns the process that is the component, if it runs.
func running(processes []process, component string) (process, bool) {
	for _, p := range processes {
		if p.component == component && p.name == component {
			return p, true
		}
	}
	return process{}, false
}

// endProcess sends a signal to the process and waits until it is gone; if it stays for longer than patience, it is
// killed.
func endProcess(ctx context.Context, pid int, signal unix.Signal, patience time.Duration) error {
	fd, err := unix.PidfdOpen(pid, 0)
	if errors.Is(err, unix.ESRCH) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("ending process %d: %w", pid, err)
	}
	defer unix.Close(fd)
	for _, signal := range []unix.Signal{signal, unix.SIGKILL} {
		err := unix.PidfdSendSignal(fd, signal, nil, 0)
		if err != nil && !errors.Is(err, unix.ESRCH) {
			return fmt.Errorf("ending process %d: %w", pid, err)
		}
		gone, err := waitGone(ctx, fd, patience)
		if gone || err != nil {
			return err
		}
	}
	return fmt.Errorf("ending process %d: it is still there %v after it was killed", pid, patience)
}

// waitGone waits until the process behind the descriptor is gone, which makes the descriptor readable.
func waitGone(ctx context.Context, fd int, patience time.Duration) (bool, error) {
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); {
		if err := ctx.Err(); err != nil {
			return false, err
		}
		n, err := unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}, 100)
		if err != nil && !errors.Is(err, unix.EINTR) {
			return false, fmt.Errorf("waiting for the end of a process: %w", err)
		}
		if n > 0 {
			return true, nil
		}
	}
	return false, nil
}
