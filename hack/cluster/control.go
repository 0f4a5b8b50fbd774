//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"text/tabwriter"
	"time"

	"golang.org/x/sys/unix"
)

// stopPatience is how long a component may take to end before it is killed. The API server waits for its watches, which
// would take a minute.
const stopPatience = 10 * time.Second

// restart ends components gently, one after another, and waits until the supervisor has them up again.
func restart(ctx context.Context, c *cluster, args []string) error {
	return c.cycle(ctx, args, unix.SIGTERM)
}

// kill ends components as a crash does, and waits until the supervisor has them up again.
func kill(ctx context.Context, c *cluster, args []string) error {
	return c.cycle(ctx, args, unix.SIGKILL)
}

func (c *cluster) cycle(ctx context.Context, names []string, signal unix.Signal) error {
	node, err := c.nodeFor(names)
	if err != nil {
		return err
	}
	for _, name := range names {
		before, err := c.end(ctx, name, signal)
		if err != nil {
			return err
		}
		err = eventually(ctx, startPatience, func() error { return c.isAnother(name, before) })
		if err != nil {
			return fmt.Errorf("waiting for the supervisor to start %s: %w", name, err)
		}
		if err := c.waitHealthy(ctx, node, name); err != nil {
			return err
		}
	}
	return nil
}

// stop ends components and keeps them stopped.
func stop(ctx context.Context, c *cluster, args []string) error {
	if _, err := c.nodeFor(args); err != nil {
		return err
	}
	for _, name := range args {
		if err := os.WriteFile(c.path("stopped", name), nil, 0o644); err != nil {
			return fmt.Errorf("marking %s as stopped: %w", name, err)
		}
		if _, err := c.end(ctx, name, unix.SIGTERM); err != nil {
			return err
		}
	}
	return nil
}

// start starts components that were stopped and waits until they are healthy.
func start(ctx context.Context, c *cluster, args []string) error {
	node, err := c.nodeFor(args)
	if err != nil {
		return err
	}
	if err := c.startStopped(node, args); err != nil {
		return err
	}
	return c.waitHealthy(ctx, node, args...)
}

// startStopped takes the marks off stopped components and wakes the supervisor up.
func (c *cluster) startStopped(node process, names []string) error {
	for _, name := range names {
		err := os.Remove(c.path("stopped", name))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("starting %s: %w", name, err)
		}
	}
	if err := unix.Kill(node.pid, unix.SIGHUP); err != nil {
		return fmt.Errorf("waking the node's supervisor up: %w", err)
	}
	return nil
}

// nodeFor checks the names of components and returns the node that they run on.
func (c *cluster) nodeFor(names []string) (process, error) {
	node, err := c.node()
	if err != nil {
		return process{}, err
	}
	if len(names) == 0 {
		return process{}, usageError("name at least one component")
	}
	for _, name := range names {
		if _, err := c.component(name); err != nil {
			return process{}, err
		}
	}
	return node, nil
}

// end ends the component, if it runs, and returns the process that it was.
func (c *cluster) end(ctx context.Context, name string, signal unix.Signal) (process, error) {
	all, err := c.processes()
	if err != nil {
		return process{}, err
	}
	p, ok := running(all, name)
	if !ok {
		return process{}, nil
	}
	if err := endProcess(ctx, p.pid, signal, stopPatience); err != nil {
		return process{}, fmt.Errorf("ending %s: %w", name, err)
	}
	return p, nil
}

// isAnother tells whether the component runs as another process than before.
func (c *cluster) isAnother(name string, before process) error {
	all, err := c.processes()
	if err != nil {
		return err
	}
	if p, ok := running(all, name); !ok || p.pid == before.pid {
		return fmt.Errorf("%s has not started", name)
	}
	return nil
}

// status shows the components, and fails if one of them is missing or not healthy.
func status(_ context.Context, c *cluster, _ []string) error {
	node, err := c.node()
	if err != nil {
		return err
	}
	all, err := c.processes()
	if err != nil {
		return err
	}
	out := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(out, "COMPONENT\tPROCESS\tSINCE\tHEALTH")
	wrong := 0
	for _, comp := range components(c.state.Network) {
		health := "ok"
		if err := comp.probe(fileSystem(node)); err != nil {
			health = err.Error()
			wrong++
		}
		pid, since := "-", "-"
		if p, ok := running(all, comp.name); ok {
			pid, since = fmt.Sprint(p.pid), p.started.Format(time.DateTime)
		}
		fmt.Fprintf(out, "%s\t%s\t%s\t%s\n", comp.name, pid, since, health)
	}
	if err := out.Flush(); err != nil {
		return err
	}
	fmt.Printf("\nAPI server  https://%s:6443\nkubeconfig  %s\naddresses   %s, of which Services %s and Pods %s\n",
		c.state.Network.Node(), c.kubeconfig(), c.state.Network, c.state.Network.Services(), c.state.Network.Pods())
	if wrong > 0 {
		return fmt.Errorf("%d components are not healthy; logs are in %s", wrong, c.path("log"))
	}
	return nil
}
