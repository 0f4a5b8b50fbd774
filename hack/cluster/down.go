//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"time"
)

// linkPatience is how long the kernel may take to remove the network of a node that has ended.
const linkPatience = 20 * time.Second

// down ends the cluster and removes everything of it.
func down(ctx context.Context, c *cluster, args []string) error {
	if len(args) > 0 {
		return usageError("down needs no arguments")
	}
	unlock, err := c.lock()
	if err != nil {
		return err
	}
	defer unlock()
	leftovers, err := c.leftovers()
	if err != nil {
		return err
	}
	if len(leftovers) == 0 {
		fmt.Println("The cluster is down.")
		return nil
	}
	if os.Geteuid() != 0 {
		return errors.New("removing the local cluster needs root (try sudo)")
	}
	if err := c.remove(ctx); err != nil {
		return err
	}
	fmt.Println("The cluster is down, and all of it removed.")
	return nil
}

// remove ends the node and removes what is left of the cluster on the machine, however much that is.
func (c *cluster) remove(ctx context.Context) error {
	all, err := c.processes()
	if err != nil {
		return err
	}
	node, ok := first(all)
	if ok {
		if err := killNode(ctx, node); err != nil {
			return err
		}
	}
	if err := c.removeLink(ctx); err != nil {
		return err
	}
	if err := c.removeControlGroups(ctx); err != nil {
		return err
	}
	if err := c.removeFolder(ok); err != nil {
		return err
	}
	leftovers, err := c.leftovers()
	if err != nil {
		return err
	}
	if len(leftovers) > 0 {
		return fmt.Errorf("removing the cluster has left %v", leftovers)
	}
	return nil
}

// removeLink waits until the link has gone with the node's network, which the kernel removes in its own time.
func (c *cluster) removeLink(ctx context.Context) error {
	there, err := c.hasLink()
	if err != nil || !there {
		return err
	}
	out, err := exec.CommandContext(ctx, "ip", "link", "delete", c.name()).CombinedOutput()
	if there, err := c.hasLink(); err == nil && !there {
		return nil // By the command or by the kernel.
	}
	if err != nil {
		return fmt.Errorf("removing the network link %s: %w: %s", c.name(), err, out)
	}
	return eventually(ctx, linkPatience, func() error {
		there, err := c.hasLink()
		if err == nil && there {
			return fmt.Errorf("the network link %s is still there", c.name())
		}
		return err
	})
}

// removeFolder removes the cluster's folder. Its mounts have gone with the node, so nothing that was mounted is
// removed with it. Unless a node has just run there, it is the cluster's only if it says so.
func (c *cluster) removeFolder(sure bool) error {
	entries, err := os.ReadDir(c.dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("removing the cluster's folder: %w", err)
	}
	if _, err := os.Stat(c.path("state.json")); errors.Is(err, fs.ErrNotExist) && !sure && len(entries) > 0 {
		return fmt.Errorf("%s is no folder of a local cluster, since it has no state.json: not touched; "+
			"remove it yourself if nothing in it is needed", c.dir)
	}
	// state.json goes last, so that what is cut off can be gone on with.
	for _, entry := range entries {
		if entry.Name() == "state.json" {
			continue
		}
		if err := os.RemoveAll(c.path(entry.Name())); err != nil {
			return fmt.Errorf("removing the cluster's folder: %w", err)
		}
	}
	if err := os.RemoveAll(c.dir); err != nil {
		return fmt.Errorf("removing the cluster's folder: %w", err)
	}
	return nil
}

// leftovers names what of the cluster is on the machine.
func (c *cluster) leftovers() ([]string, error) {
	var found []string
	all, err := c.processes()
	if err != nil {
		return nil, err
	}
	for _, p := range all {
		found = append(found, fmt.Sprintf("process %d (%s)", p.pid, p.name))
	}
	link, err := c.hasLink()
	if err != nil {
		return nil, err
	}
	if link {
		found = append(found, "network link "+c.name())
	}
	groups, err := c.controlGroups()
	if err != nil {
		return nil, err
	}
	found = append(found, groups...)
	if _, err := os.Lstat(c.dir); err == nil {
		found = append(found, "folder "+c.dir)
	}
	return found, nil
}
