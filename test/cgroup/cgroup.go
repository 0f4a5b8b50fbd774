// Package cgroup runs programs with a limit of memory, as containers have it.
package cgroup

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// Group is a control group with a memory limit, below the one that the test runs in.
type Group struct{ folder, peak string }

// New makes a control group in which a program that takes more memory than the limit is killed, as a container's is.
// Where that is not allowed it gives a group that limits nothing, and says so.
func New(t *testing.T, limit int64) Group {
	t.Helper()
	var err error
	for _, version := range []struct {
		controller, root, limit, peak string
	}{
		{"memory", "/sys/fs/cgroup/memory", "memory.limit_in_bytes", "memory.max_usage_in_bytes"},
		{"", "/sys/fs/cgroup", "memory.max", "memory.peak"},
	} {
		var own string
		if own, err = ownGroup(version.controller); err != nil {
			continue
		}
		g := Group{filepath.Join(version.root, own, fmt.Sprintf("swath-test-%d", os.Getpid())), version.peak}
		if err = os.Mkdir(g.folder, 0o755); err != nil {
			continue
		}
		t.Cleanup(func() {
			if err := os.Remove(g.folder); err != nil {
				t.Errorf("removing the control group: %v", err)
			}
		})
		if err = os.WriteFile(filepath.Join(g.folder, version.limit), []byte(strconv.FormatInt(limit, 10)), 0o600); err == nil {
			return g
		}
	}
	t.Logf("no control group can be made (%v): the limit is only measured", err)
	return Group{}
}

// ownGroup is the control group that this process is in for a controller; version 2 has one for all, without a name.
func ownGroup(controller string) (string, error) {
	text, err := os.ReadFile("/proc/self/cgroup")
	if err != nil {
		return "", err
	}
	for line := range strings.Lines(string(text)) {
		parts := strings.SplitN(strings.TrimSpace(line), ":", 3)
		if len(parts) == 3 && parts[1] == controller {
			return parts[2], nil
		}
	}
	return "", fmt.Errorf("this process is in no control group %q", controller)
}

// Command runs a program in the group from its first instruction on.
func (g Group) Command(t *testing.T, program string, args ...string) *exec.Cmd {
	if g.folder == "" {
		return exec.CommandContext(t.Context(), program, args...)
	}
	const enter = `echo $$ > "$0" && exec "$@"`
	return exec.CommandContext(t.Context(), "sh", append([]string{"-c", enter, filepath.Join(g.folder, "cgroup.procs"), program}, args...)...)
}

// Highest is the most memory that the group had, with what the kernel kept of files for it.
func (g Group) Highest(t *testing.T) string {
	if g.folder == "" {
		return "unlimited"
	}
	text, err := os.ReadFile(filepath.Join(g.folder, g.peak))
	if err != nil {
		t.Logf("the group does not say its peak: %v", err)
		return "unknown"
	}
	n, err := strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("%d MiB", n>>20)
}
