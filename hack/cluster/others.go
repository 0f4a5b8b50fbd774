//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
)

// lookAround says which other clusters there are on this machine, and removes what is left of those whose folders are
// gone, as with a deleted clone, since nobody else could.
func (c *cluster) lookAround(ctx context.Context, log io.Writer) error {
	all, err := allProcesses()
	if err != nil {
		return err
	}
	alive := []string{c.name()}
	for _, p := range all {
		if !p.isFirst() || p.dir == c.dir {
			continue
		}
		other, err := newCluster(c.root, p.dir)
		if err != nil {
			return err
		}
		_, err = os.Stat(other.path("state.json"))
		if !errors.Is(err, fs.ErrNotExist) {
			fmt.Fprintf(log, "Another local cluster is up too, of %[1]s; "+
				"`go run ./hack/cluster -dir %[1]s down` ends it.\n", p.dir)
			alive = append(alive, other.name())
			continue
		}
		fmt.Fprintf(log, "Removing the local cluster of %s, which is gone.\n", p.dir)
		if err := other.remove(ctx); err != nil {
			return err
		}
	}
	return removeControlGroupsBut(alive)
}

// removeControlGroupsBut removes the groups of clusters that have been killed without a trace but these. A cluster has
// its first process before it has groups, so none that is alive is missed.
func removeControlGroupsBut(alive []string) error {
	all, err := hierarchies()
	if err != nil {
		return err
	}
	for _, h := range all {
		groups, err := filepath.Glob(filepath.Join(h.path, namePrefix+"????????"))
		if err != nil {
			return fmt.Errorf("looking for control groups: %w", err)
		}
		for _, group := range groups {
			if slices.Contains(alive, filepath.Base(group)) {
				continue
			}
			if err := removeGroup(group); err != nil {
				return fmt.Errorf("removing the control group of a cluster that is gone: %w", err)
			}
		}
	}
	return nil
}
