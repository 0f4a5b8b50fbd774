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
	"slices"
	"strings"
)

// cniPlugins is where Debian has the plugins that connect Pods.
const cniPlugins = "/usr/lib/cni"

// debianPackages says in which Debian package each program is that the node needs of the machine.
var debianPackages = []struct{ program, name string }{
	{"containerd", "containerd"},
	{"ctr", "containerd"},
	{"containerd-shim-runc-v2", "containerd"},
	{"runc", "runc"},
	{cniPlugins + "/ptp", "containernetworking-plugins"},
	{cniPlugins + "/host-local", "containernetworking-plugins"},
	{cniPlugins + "/loopback", "containernetworking-plugins"},
	{"nft", "nftables"},
	{"ip", "iproute2"},
	{"nsenter", "util-linux"},
}

// missingPackages returns the packages whose programs this machine lacks.
func missingPackages() []string {
	var missing []string
	for _, p := range debianPackages {
		_, err := exec.LookPath(p.program)
		if err != nil && !slices.Contains(missing, p.name) {
			missing = append(missing, p.name)
		}
	}
	return missing
}

// installPackages installs the Debian packages that this machine lacks, without starting any service of theirs.
func installPackages(ctx context.Context, log io.Writer) error {
	missing := missingPackages()
	if len(missing) == 0 {
		return nil
	}
	if _, err := exec.LookPath("apt-get"); err != nil {
		return fmt.Errorf("the local cluster needs %s, and this machine has no apt-get to install them with: "+
			"install them yourself, or use another cluster (see hack/cluster/README.md)", strings.Join(missing, ", "))
	}
	fmt.Fprintf(log, "Installing the Debian packages %s.\n", strings.Join(missing, ", "))
	allow, err := keepServicesFromStarting()
	if err != nil {
		return fmt.Errorf("keeping services from being started: %w", err)
	}
	install := append([]string{"install", "--yes", "--no-install-recommends"}, missing...)
	for _, args := range [][]string{{"update"}, install} {
		if err = aptGet(ctx, args...); err != nil {
			break
		}
	}
	return errors.Join(err, allow())
}

// aptGet waits for others who use it, asks nothing, and shows what it says only if it fails.
func aptGet(ctx context.Context, args ...string) error {
	cmd := exec.CommandContext(ctx, "apt-get", append([]string{"-qq", "-o", "DPkg::Lock::Timeout=300"}, args...)...)
	cmd.Env = append(os.Environ(), "DEBIAN_FRONTEND=noninteractive")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("apt-get %s: %w\n%s", strings.Join(args, " "), err, out)
	}
	return nil
}

// keepServicesFromStarting forbids packages to start services, as Debian's policy has it, until what it returns is
// called. A machine that has a policy keeps it.
func keepServicesFromStarting() (allow func() error, err error) {
	const policy = "/usr/sbin/policy-rc.d"
	file, err := os.OpenFile(policy, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o755)
	if errors.Is(err, fs.ErrExist) {
		return func() error { return nil }, nil
	}
	if err != nil {
		return nil, err
	}
	_, err = file.WriteString("#!/bin/sh\n# Made by Swath's hack/cluster while it installs packages; 101 is: not allowed.\nexit 101\n")
	if err := errors.Join(err, file.Close()); err != nil {
		return nil, errors.Join(err, os.Remove(policy))
	}
	return func() error { return os.Remove(policy) }, nil
}
