//go:build linux

package main

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"os"
	"path/filepath"
	"syscall"
)

// nodeName is the node's name in Kubernetes.
const nodeName = "swath-node"

// namePrefix is how the names of what is outside of the folder begin.
const namePrefix = "swath-"

// cluster is one local cluster, which its folder identifies: what it has on the machine outside that folder is named
// after it, so that clusters of several clones can run side by side.
type cluster struct {
	root string // The repository, absolute.
	dir  string // The cluster's folder, absolute.
	id   string // Made from dir, for the names of the link and the control groups.

	state state
}

// state is what has to be remembered between commands, in state.json.
type state struct {
	// Network is the block of addresses that node, Services and Pods have theirs from.
	Network network `json:"network"`
	// Binaries is the folder of the Kubernetes programs.
	Binaries string `json:"binaries"`
	// Complete says that the node was set up to the end.
	Complete bool `json:"complete"`
}

// errNotUp says that there is no cluster to work with.
var errNotUp = errors.New("the cluster is not up; start it with `make cluster-up`")

// newCluster returns the cluster of a folder, with what is remembered of it.
func newCluster(root, dir string) (*cluster, error) {
	abs, err := filepath.Abs(dir)
	if err != nil {
		return nil, fmt.Errorf("finding the cluster's folder: %w", err)
	}
	if real, err := filepath.EvalSymlinks(abs); err == nil {
		abs = real // One cluster, whichever way it is reached.
	}
	sum := sha256.Sum256([]byte(abs))
	c := &cluster{root: root, dir: abs, id: hex.EncodeToString(sum[:4])}
	if err := c.load(); err != nil {
		return nil, err
	}
	return c, nil
}

// path is a file or folder of the cluster as the machine sees it.
func (c *cluster) path(elem ...string) string {
	return filepath.Join(append([]string{c.dir}, elem...)...)
}

// name is what the cluster's network link and control groups are called: at most 15 bytes, as links need.
func (c *cluster) name() string { return namePrefix + c.id }

// program is one of the Kubernetes programs as the machine sees it.
func (c *cluster) program(name string) string { return filepath.Join(c.state.Binaries, name) }

// kubeconfig is the administrator's.
func (c *cluster) kubeconfig() string { return c.path("kubeconfig") }

// load reads state.json; a cluster that was never up has none.
func (c *cluster) load() error {
	content, err := os.ReadFile(c.path("state.json"))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("reading the cluster's state: %w", err)
	}
	if err := json.Unmarshal(content, &c.state); err != nil {
		return fmt.Errorf("reading %s: %w; `make cluster-down` removes the cluster", c.path("state.json"), err)
	}
	return nil
}

// save writes state.json.
func (c *cluster) save() error {
	content, err := json.MarshalIndent(c.state, "", "  ")
	if err != nil {
		return fmt.Errorf("writing the cluster's state: %w", err)
	}
	if err := os.WriteFile(c.path("state.json"), append(content, '\n'), 0o644); err != nil {
		return fmt.Errorf("writing the cluster's state: %w", err)
	}
	return nil
}

// lock keeps other commands that change this cluster waiting until what it returns is called. The lock is on the
// folder that holds the cluster's, since that one comes and goes.
func (c *cluster) lock() (func(), error) {
	parent, err := os.Open(filepath.Dir(c.dir))
	if err != nil {
		return nil, fmt.Errorf("locking the cluster: %w", err)
	}
	if err := syscall.Flock(int(parent.Fd()), syscall.LOCK_EX); err != nil {
		parent.Close()
		return nil, fmt.Errorf("locking the cluster: %w", err)
	}
	return func() { parent.Close() }, nil
}

// network is a block of 1024 IPv4 addresses.
type network struct{ netip.Prefix }

// at is the i-th address of the block.
func (n network) at(i int) netip.Addr {
	b := n.Addr().As4()
	b[2] += byte(i >> 8)
	b[3] += byte(i)
	return netip.AddrFrom4(b)
}

// Machine is the machine's address on the link between it and the node.
func (n network) Machine() netip.Addr { return n.at(1) }

// Node is the node's address: the API server's and the kubelet's.
func (n network) Node() netip.Addr { return n.at(2) }

// Link is the part of the block that has the two ends of the link.
func (n network) Link() netip.Prefix { return netip.PrefixFrom(n.at(0), 24) }

// Services is the part of the block that Services have their addresses from.
func (n network) Services() netip.Prefix { return netip.PrefixFrom(n.at(256), 24) }

// KubernetesService is the address of the Service that Pods reach the API server by.
func (n network) KubernetesService() netip.Addr { return n.at(257) }

// Pods is the part of the block that Pods have their addresses from.
func (n network) Pods() netip.Prefix { return netip.PrefixFrom(n.at(512), 23) }
