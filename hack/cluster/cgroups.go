//go:build linux

package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// hierarchy is a mounted tree of control groups.
type hierarchy struct {
	path    string
	unified bool // Version 2.
}

// hierarchies returns the mounted trees: one for each controller in version 1, a single one in version 2.
func hierarchies() ([]hierarchy, error) {
	file, err := os.Open("/proc/self/mounts")
	if err != nil {
		return nil, fmt.Errorf("looking for control groups: %w", err)
	}
	defer file.Close()
	var found []hierarchy
	for lines := bufio.NewScanner(file); lines.Scan(); {
		fields := strings.Fields(lines.Text())
		if len(fields) > 2 && (fields[2] == "cgroup" || fields[2] == "cgroup2") {
			found = append(found, hierarchy{path: fields[1], unified: fields[2] == "cgroup2"})
		}
	}
	if len(found) == 0 {
		return nil, errors.New("looking for control groups: none are mounted at /sys/fs/cgroup; Kubernetes needs them")
	}
	return found, nil
}

// makeControlGroups makes the group that all Pods are in, which the kubelet wants to be there.
func (c *cluster) makeControlGroups() error {
	all, err := hierarchies()
	if err != nil {
		return err
	}
	for _, h := range all {
		group := filepath.Join(h.path, c.name())
		if err := os.MkdirAll(group, 0o755); err != nil {
			return fmt.Errorf("making the control group %s: %w", group, err)
		}
		if !h.unified {
			continue
		}
		for _, parent := range []string{h.path, group} {
			if err := passControllersOn(parent); err != nil {
				return fmt.Errorf("passing controllers on to %s: %w", group, err)
			}
		}
	}
	return nil
}

// passControllersOn gives the children of a group of version 2 all controllers that it has itself.
func passControllersOn(group string) error {
	available, err := os.ReadFile(filepath.Join(group, "cgroup.controllers"))
	if err != nil {
		return err
	}
	for _, controller := range strings.Fields(string(available)) {
		err := os.WriteFile(filepath.Join(group, "cgroup.subtree_control"), []byte("+"+controller), 0)
		// Some cannot be passed on while processes have real-time priorities, and need not.
		if err != nil && !errors.Is(err, unix.EINVAL) && !errors.Is(err, unix.ENOTSUP) {
			return err
		}
	}
	return nil
}

// removeControlGroups removes the cluster's groups. The kernel lets go of them a moment after their last process.
func (c *cluster) removeControlGroups(ctx context.Context) error {
	all, err := hierarchies()
	if err != nil {
		return err
	}
	for _, h := range all {
		group := filepath.Join(h.path, c.name())
		err := eventually(ctx, 20*time.Second, func() error { return removeGroup(group) })
		if err != nil {
			return fmt.Errorf("removing the control group %s: %w", group, err)
		}
	}
	return nil
}

// removeGroup removes a group and those below it, from the bottom up.
func removeGroup(group string) error {
	entries, err := os.ReadDir(group)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	for _, entry := range entries {
		if !entry.IsDir() {
			continue
		}
		if err := removeGroup(filepath.Join(group, entry.Name())); err != nil {
			return err
		}
	}
	if err := unix.Rmdir(group); err != nil && !errors.Is(err, unix.ENOENT) {
		return fmt.Errorf("%s: %w", group, err)
	}
	return nil
}

// controlGroups names the cluster's groups that are there.
func (c *cluster) controlGroups() ([]string, error) {
	all, err := hierarchies()
	if err != nil {
		return nil, err
	}
	var found []string
	for _, h := range all {
		group := filepath.Join(h.path, c.name())
		if _, err := os.Lstat(group); err == nil {
			found = append(found, "control group "+group)
		}
	}
	return found, nil
}
