//go:build linux

package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"
)

const (
	// restartDelay is the least time between two starts of a component.
	restartDelay = time.Second
	// probeDelay is how often it is looked whether what a component waits for is healthy.
	probeDelay = 50 * time.Millisecond
)

// supervisor is the node's first process: it starts the components in their order, starts each again when it ends, and
// reaps whatever else ends in the node. All of it happens in one goroutine.
type supervisor struct {
	components []component
	started    map[string]time.Time // When each was started last.
	pids       map[int]string       // The components that run.
}

func newSupervisor(components []component) *supervisor {
	return &supervisor{components: components, started: map[string]time.Time{}, pids: map[int]string{}}
}

// run returns only if it cannot do its work any more, which ends the node.
func (s *supervisor) run() error {
	signals := make(chan os.Signal, 16)
	signal.Notify(signals, unix.SIGCHLD, unix.SIGHUP) // A process ended; a mark in stopped/ has gone.
	for {
		var again <-chan time.Time
		if s.startDue() {
			again = time.After(probeDelay)
		}
		select {
		case <-signals:
		case <-again:
		}
		if err := s.reap(); err != nil {
			return err
		}
	}
}

// startDue starts what is to run and may, and tells whether something is to run but may not yet.
func (s *supervisor) startDue() (pending bool) {
	for _, c := range s.components {
		if s.runs(c.name) || isStopped(c.name) {
			continue
		}
		if time.Since(s.started[c.name]) < restartDelay || !s.allHealthy(c.after) {
			pending = true
			continue
		}
		s.started[c.name] = time.Now()
		if err := s.start(c); err != nil { // Its program may be there again in a while.
			fmt.Printf("%s starting %s: %v\n", stamp(), c.name, err)
			pending = true
		}
	}
	return pending
}

func (s *supervisor) runs(component string) bool {
	for _, name := range s.pids {
		if name == component {
			return true
		}
	}
	return false
}

func (s *supervisor) allHealthy(names []string) bool {
	for _, c := range s.components {
		for _, name := range names {
			if c.name == name && c.probe("/") != nil {
				return false
			}
		}
	}
	return true
}

// start starts the component with its log file as output.
func (s *supervisor) start(c component) error {
	path, err := exec.LookPath(c.path)
	if err != nil {
		return err
	}
	log, err := os.OpenFile(filepath.Join("/var/log", c.name+".log"), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o644)
	if err != nil {
		return err
	}
	defer log.Close()
	null, err := os.Open(os.DevNull)
	if err != nil {
		return err
	}
	defer null.Close()
	p, err := os.StartProcess(path, append([]string{path}, c.args...), &os.ProcAttr{
		Dir:   "/",
		Env:   append(os.Environ(), markComponent+"="+c.name),
		Files: []*os.File{null, log, log},
	})
	if err != nil {
		return err
	}
	fmt.Printf("%s started %s (process %d)\n", stamp(), c.name, p.Pid)
	s.pids[p.Pid] = c.name
	return p.Release() // reap waits for it.
}

// reap takes note of all processes that have ended.
func (s *supervisor) reap() error {
	for {
		var ending unix.WaitStatus
		pid, err := unix.Wait4(-1, &ending, unix.WNOHANG, nil)
		switch {
		case errors.Is(err, unix.EINTR):
			continue
		case errors.Is(err, unix.ECHILD), err == nil && pid == 0:
			return nil
		case err != nil:
			return fmt.Errorf("waiting for processes: %w", err)
		}
		if name, ok := s.pids[pid]; ok {
			fmt.Printf("%s %s ended (exit code %d, signal %d)\n", stamp(), name, ending.ExitStatus(), ending.Signal())
			delete(s.pids, pid)
		}
	}
}

func stamp() string { return time.Now().Format(time.RFC3339) }

// isStopped tells whether a component is marked as one that is not to run.
func isStopped(component string) bool {
	_, err := os.Stat(filepath.Join(insideDir, "stopped", component))
	return err == nil
}
