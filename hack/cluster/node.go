//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// The node is a set of Linux namespaces (processes, mounts, network) on the machine's own file system. Its first
// process is this program under another name; when that ends, the kernel ends all others and removes mounts, links
// and packet filter rules.
const nodeArg0 = "swath-node"

// Inside the node the cluster's folder and the Kubernetes programs are always here, wherever the clone is.
const (
	insideDir      = "/run/swath"
	insideBinaries = "/run/swath-bin"
)

// searchPath is the PATH of the node's processes: Debian has runc and nft in sbin.
const searchPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

// machineSettings are kernel settings that a kubelet wants to change and that no namespace keeps apart. Inside the
// node they are plain files, so that the machine keeps its own.
var machineSettings = []string{
	"kernel/keys/root_maxbytes", "kernel/keys/root_maxkeys", "kernel/panic", "kernel/panic_on_oops",
	"vm/overcommit_memory", "vm/panic_on_oom",
}

// isNodeProcess tells whether this is the node's first process.
func isNodeProcess() bool { return os.Args[0] == nodeArg0 }

// startNode starts the node's first process, gives it a network and control groups, and lets it go on.
func (c *cluster) startNode(ctx context.Context) error {
	log, err := os.OpenFile(c.path("log", "node.log"), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o644)
	if err != nil {
		return fmt.Errorf("starting the node: %w", err)
	}
	defer log.Close()
	hold, release, err := os.Pipe()
	if err != nil {
		return fmt.Errorf("starting the node: %w", err)
	}
	defer hold.Close()
	defer release.Close()
	cmd := exec.CommandContext(context.WithoutCancel(ctx), "/proc/self/exe") // It is to outlive this command.
	cmd.Args = []string{nodeArg0, c.dir}
	cmd.Dir = "/"
	cmd.Env = []string{"PATH=" + searchPath, "HOME=/root", markCluster + "=" + c.dir}
	cmd.Stdin, cmd.Stdout, cmd.Stderr = hold, log, log
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Setsid:     true,
		Cloneflags: syscall.CLONE_NEWPID | syscall.CLONE_NEWNS | syscall.CLONE_NEWNET,
	}
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("starting the node: %w", err)
	}
	if err := errors.Join(c.connect(ctx, cmd.Process.Pid), c.makeControlGroups()); err != nil {
		return errors.Join(err, cmd.Process.Kill(), ignoreExit(cmd.Wait()))
	}
	if _, err := release.WriteString("go\n"); err != nil {
		return fmt.Errorf("starting the node: %w", err)
	}
	return cmd.Process.Release()
}

// ignoreExit drops the error that says that a process which was killed did not end well.
func ignoreExit(err error) error {
	if exit := (*exec.ExitError)(nil); errors.As(err, &exit) {
		return nil
	}
	return err
}

// runNode is what the node's first process does: it waits until it has a network, puts the mounts in place, and keeps
// the components running for ever. Nobody waits for it; what it returns goes to node.log.
func runNode() error {
	if word, err := io.ReadAll(io.LimitReader(os.Stdin, 2)); err != nil || string(word) != "go" {
		return fmt.Errorf("the command that started the node has ended before it had a network (%w)", err)
	}
	c := &cluster{dir: os.Args[1]}
	if err := c.load(); err != nil {
		return err
	}
	if err := c.mountNode(); err != nil {
		return fmt.Errorf("putting the node's mounts in place: %w", err)
	}
	if err := os.WriteFile("/proc/sys/net/ipv4/ip_forward", []byte("1"), 0); err != nil {
		return fmt.Errorf("letting the node forward packets: %w", err)
	}
	return newSupervisor(components(c.state.Network)).run()
}

// mountNode gives the node what is its own: /run with the cluster's folder and the programs in it, /proc, /var/lib and
// /var/log. All else is the machine's.
func (c *cluster) mountNode() error {
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return fmt.Errorf("making mounts private: %w", err)
	}
	run := c.path("run") // It is filled here and then moved, since /run may be what holds the clone.
	for _, step := range []struct{ source, target, kind string }{
		{"tmpfs", run, "tmpfs"},
		{c.dir, filepath.Join(run, filepath.Base(insideDir)), ""},
		{c.state.Binaries, filepath.Join(run, filepath.Base(insideBinaries)), ""},
		{"proc", "/proc", "proc"},
		{c.path("lib"), "/var/lib", ""},
		{c.path("log"), "/var/log", ""},
	} {
		if err := os.MkdirAll(step.target, 0o755); err != nil {
			return err
		}
		var flags uintptr
		if step.kind == "" {
			flags = unix.MS_BIND
		}
		if err := unix.Mount(step.source, step.target, step.kind, flags, ""); err != nil {
			return fmt.Errorf("mounting %s at %s: %w", step.source, step.target, err)
		}
	}
	if err := unix.Mount(run, "/run", "", unix.MS_MOVE, ""); err != nil {
		return fmt.Errorf("moving %s to /run: %w", run, err)
	}
	if err := coverSettings(); err != nil {
		return err
	}
	// Shared with nobody outside; the kubelet wants mounts in Pods to reach one another.
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_SHARED, ""); err != nil {
		return fmt.Errorf("making mounts shared: %w", err)
	}
	return nil
}

// coverSettings puts plain files with the same content over the machine's settings.
func coverSettings() error {
	for i, setting := range machineSettings {
		target := filepath.Join("/proc/sys", setting)
		content, err := os.ReadFile(target)
		if errors.Is(err, fs.ErrNotExist) {
			continue // A kernel built without it.
		}
		if err != nil {
			return err
		}
		cover := fmt.Sprintf("/run/setting-%d", i)
		if err := os.WriteFile(cover, content, 0o644); err != nil {
			return err
		}
		if err := unix.Mount(cover, target, "", unix.MS_BIND, ""); err != nil {
			return fmt.Errorf("covering %s: %w", target, err)
		}
	}
	return nil
}

// killNode ends the node, and with it all that runs in it.
func killNode(ctx context.Context, p process) error {
	if err := endProcess(ctx, p.pid, unix.SIGKILL, 30*time.Second); err != nil {
		return fmt.Errorf("ending the node: %w", err)
	}
	return nil
}
