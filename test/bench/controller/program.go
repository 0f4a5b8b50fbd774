//go:build linux

package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// patience is how long a program may take to end when it is asked to, before it is killed.
const patience = 30 * time.Second

// program is a program of the cluster, and how it is called.
type program struct {
	name string // Also that of its log.
	path string
	args []string
	env  []string // Added to the benchmark's own.
}

// process is a program that runs.
type process struct {
	program
	cmd     *exec.Cmd
	log     string
	started time.Time
	ended   chan struct{} // Closed when it has ended; err is set then.
	err     error
	stop    context.CancelFunc
}

// start starts the program with its output in a log in dir. A program that ends before it is asked to fails the
// benchmark through fail.
func (p program) start(dir string, fail context.CancelCauseFunc) (*process, error) {
	log, err := os.OpenFile(filepath.Join(dir, p.name+".log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, fmt.Errorf("starting %s: %w", p.name, err)
	}
	defer log.Close()
	ctx, stop := context.WithCancel(context.Background())
	cmd := exec.CommandContext(ctx, p.path, p.args...)
	cmd.Env = append(os.Environ(), p.env...)
	cmd.Stdout, cmd.Stderr = log, log
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = patience
	running := &process{program: p, cmd: cmd, log: log.Name(), started: time.Now(), ended: make(chan struct{}), stop: stop}
	if err := cmd.Start(); err != nil {
		stop()
		return nil, fmt.Errorf("starting %s: %w", p.name, err)
	}
	go func() {
		running.err = cmd.Wait()
		close(running.ended)
		if ctx.Err() == nil {
			fail(fmt.Errorf("%s has ended too early (%v); the end of its log:\n%s", p.name, cmd.ProcessState, tail(running.log)))
		}
	}()
	return running, nil
}

// end asks the process to end and waits until it is gone. How it ends is its own affair, unless it had to be killed.
func (p *process) end() error {
	p.stop()
	<-p.ended
	var exit *exec.ExitError
	if p.err == nil || errors.Is(p.err, context.Canceled) || errors.As(p.err, &exit) && !killed(exit) {
		return nil
	}
	return fmt.Errorf("ending %s: %w", p.name, p.err)
}

func killed(exit *exec.ExitError) bool {
	status, ok := exit.Sys().(syscall.WaitStatus)
	return ok && status.Signaled() && status.Signal() == syscall.SIGKILL
}

// peakMiB is the most memory (resident set) that the running process has had so far, in MiB.
func (p *process) peakMiB() (float64, error) {
	status, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(p.cmd.Process.Pid), "status"))
	if err != nil {
		return 0, fmt.Errorf("reading the memory of %s: %w", p.name, err)
	}
	for line := range strings.Lines(string(status)) {
		if value, ok := strings.CutPrefix(line, "VmHWM:"); ok {
			kib, err := strconv.ParseFloat(strings.TrimSuffix(strings.TrimSpace(value), " kB"), 64)
			if err != nil {
				return 0, fmt.Errorf("reading the memory of %s: %w", p.name, err)
			}
			return kib / 1024, nil
		}
	}
	return 0, fmt.Errorf("reading the memory of %s: its status has no VmHWM", p.name)
}

// tail is the end of a log, for an error.
func tail(path string) string {
	const lines = 15
	content, err := os.ReadFile(path)
	if err != nil {
		return err.Error()
	}
	all := bytes.Split(bytes.TrimSpace(content), []byte("\n"))
	return string(bytes.Join(all[max(0, len(all)-lines):], []byte("\n")))
}
