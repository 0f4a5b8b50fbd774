//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"

	"github.com/swath-dev/swath/hack/cluster/binaries"
)

// startPatience is how long components and node may take to be ready, also on a machine that is busy.
const startPatience = 3 * time.Minute

// up brings the cluster up from whatever it is now: nothing, all, something that was killed, or what a machine that
// was started again has left.
func up(ctx context.Context, c *cluster, args []string) error {
	if len(args) > 0 {
		return usageError("up needs no arguments")
	}
	if os.Geteuid() != 0 {
		return errors.New("the local cluster needs root (try sudo), or use another cluster: see hack/cluster/README.md")
	}
	unlock, err := c.lock()
	if err != nil {
		return err
	}
	defer unlock()
	begin := time.Now()
	if err := c.lookAround(ctx, os.Stderr); err != nil {
		return err
	}
	node, err := c.node()
	if errors.Is(err, errNotUp) || err == nil && !c.state.Complete {
		node, err = c.create(ctx)
	}
	if err != nil {
		return err
	}
	if err := c.startStopped(node, componentNames); err != nil {
		return err
	}
	if err := c.waitReady(ctx, node); err != nil {
		return fmt.Errorf("%w; logs are in %s, and `make cluster-down` then `make cluster-up` starts anew", err, c.path("log"))
	}
	fmt.Printf("The cluster is up (%.1fs). Try:\n\n  export KUBECONFIG=%s\n  %s get nodes\n\n",
		time.Since(begin).Seconds(), c.kubeconfig(), c.path("kubectl"))
	return nil
}

// create starts the node, after removing what an earlier one may have left.
func (c *cluster) create(ctx context.Context) (process, error) {
	programs, err := binaries.Ensure(ctx, c.root, os.Stderr, binaries.Node...)
	if err != nil {
		return process{}, err
	}
	if err := installPackages(ctx, os.Stderr); err != nil {
		return process{}, err
	}
	if err := c.remove(ctx); err != nil {
		return process{}, err
	}
	block, err := chooseNetwork(c.id)
	if err != nil {
		return process{}, err
	}
	c.state = state{Network: block, Binaries: programs}
	if err := c.writeFolder(); err != nil {
		return process{}, err
	}
	if err := c.startNode(ctx); err != nil {
		return process{}, err
	}
	node, err := c.node()
	if err != nil {
		return process{}, fmt.Errorf("the node has ended at once: see %s", c.path("log", "node.log"))
	}
	if err := c.waitHealthy(ctx, node, "containerd"); err != nil {
		return process{}, err
	}
	if err := c.importPause(ctx, node); err != nil {
		return process{}, err
	}
	if err := c.waitHealthy(ctx, node, "kube-apiserver"); err != nil {
		return process{}, err
	}
	if err := c.apply(ctx, "dns.yaml", nil); err != nil {
		return process{}, err
	}
	c.state.Complete = true
	return node, c.save()
}

// writeFolder makes the cluster's folder with all that the node reads.
func (c *cluster) writeFolder() error {
	for _, dir := range []string{"etc", "lib", "log", "run", "stopped", "storage"} {
		if err := os.MkdirAll(c.path(dir), 0o755); err != nil {
			return fmt.Errorf("making the cluster's folder: %w", err)
		}
	}
	if err := c.save(); err != nil {
		return err
	}
	if err := os.Symlink(c.program("kubectl"), c.path("kubectl")); err != nil {
		return fmt.Errorf("linking kubectl: %w", err)
	}
	if err := c.writeCertificates(); err != nil {
		return err
	}
	return c.writeConfigs()
}

// node returns the node's first process, or errNotUp.
func (c *cluster) node() (process, error) {
	all, err := c.processes()
	if err != nil {
		return process{}, err
	}
	node, ok := first(all)
	_, err = os.Stat(c.path("state.json"))
	switch remembered := !errors.Is(err, fs.ErrNotExist); {
	case ok && remembered:
		return node, nil
	case remembered && os.Geteuid() != 0:
		return process{}, errors.New("this needs root (try sudo), since other users do not see the cluster's processes")
	default:
		return process{}, errNotUp // A node without its folder is a leftover.
	}
}

// waitReady waits until all components are healthy and Kubernetes can run a Pod.
func (c *cluster) waitReady(ctx context.Context, node process) error {
	if err := c.waitHealthy(ctx, node, componentNames...); err != nil {
		return err
	}
	client, err := c.client()
	if err != nil {
		return err
	}
	return eventually(ctx, startPatience, func() error { return podsCanRun(ctx, client) })
}

// podsCanRun looks for what a Pod in the default namespace needs.
func podsCanRun(ctx context.Context, client kubernetes.Interface) error {
	node, err := client.CoreV1().Nodes().Get(ctx, nodeName, metav1.GetOptions{})
	if err != nil {
		return fmt.Errorf("the node has not joined the cluster: %w", err)
	}
	for _, condition := range node.Status.Conditions {
		if condition.Type == corev1.NodeReady && condition.Status != corev1.ConditionTrue {
			return fmt.Errorf("the node is not ready: %s", condition.Message)
		}
	}
	for _, taint := range node.Spec.Taints {
		return fmt.Errorf("the node has the taint %s", taint.Key)
	}
	_, err = client.CoreV1().ServiceAccounts(metav1.NamespaceDefault).Get(ctx, "default", metav1.GetOptions{})
	if err != nil {
		return fmt.Errorf("the default namespace is not ready: %w", err)
	}
	return nil
}

// waitHealthy waits until the named components run and are healthy.
func (c *cluster) waitHealthy(ctx context.Context, node process, names ...string) error {
	for _, name := range names {
		comp, err := c.component(name)
		if err != nil {
			return err
		}
		err = eventually(ctx, startPatience, func() error { return comp.probe(fileSystem(node)) })
		if err != nil {
			return fmt.Errorf("%s is not healthy: %w", name, err)
		}
	}
	return nil
}

// component returns the component of that name.
func (c *cluster) component(name string) (component, error) {
	for _, comp := range components(c.state.Network) {
		if comp.name == name {
			return comp, nil
		}
	}
	return component{}, usageError(fmt.Sprintf("there is no component %q; there are %s", name, strings.Join(componentNames, ", ")))
}

// fileSystem is where the machine sees the node's file system.
func fileSystem(node process) string { return fmt.Sprintf("/proc/%d/root", node.pid) }
