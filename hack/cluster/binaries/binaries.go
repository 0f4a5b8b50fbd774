//go:build unix

// Package binaries builds the programs of Kubernetes, etcd and CoreDNS from their Go modules, once, and keeps them in a
// cache folder that outlives the clone.
package binaries

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
)

// tags are those that Kubernetes releases are built with, as far as they matter: without the one for gRPC's tracing
// the linker cannot drop methods that nobody calls.
const tags = "grpcnotrace"

// The modules that the programs are built in. They are none of ours: their many requirements stay apart.
const (
	kubernetesModule = "hack/kubernetes"
	dnsModule        = "hack/dns"
)

// tmpPrefix is how the names of folders begin that are built in.
const tmpPrefix = ".building-"

// sources are the files that decide what is built.
var sources = []string{
	kubernetesModule + "/go.mod", kubernetesModule + "/go.sum",
	dnsModule + "/go.mod", dnsModule + "/go.sum", dnsModule + "/main.go",
}

// program is where a program comes from.
type program struct{ module, pkg string }

var programs = map[string]program{
	"coredns":                 {dnsModule, "."},
	"etcd":                    {kubernetesModule, "go.etcd.io/etcd/server/v3"},
	"kube-apiserver":          {kubernetesModule, "k8s.io/kubernetes/cmd/kube-apiserver"},
	"kube-controller-manager": {kubernetesModule, "k8s.io/kubernetes/cmd/kube-controller-manager"},
	"kube-proxy":              {kubernetesModule, "k8s.io/kubernetes/cmd/kube-proxy"},
	"kube-scheduler":          {kubernetesModule, "k8s.io/kubernetes/cmd/kube-scheduler"},
	"kubectl":                 {kubernetesModule, "k8s.io/kubernetes/cmd/kubectl"},
	"kubelet":                 {kubernetesModule, "k8s.io/kubernetes/cmd/kubelet"},
}

// Node names the programs that a whole node runs, and kubectl.
var Node = []string{
	"etcd", "kube-apiserver", "kube-controller-manager", "kube-proxy", "kube-scheduler", "kubectl", "kubelet", "coredns",
}

// Envtest names the programs that envtest looks for in KUBEBUILDER_ASSETS.
var Envtest = []string{"etcd", "kube-apiserver", "kubectl"}

// Ensure builds those of the named programs that the cache lacks, saying so on log, and returns the folder that has
// them all. root is the repository. Several callers may ask at once, also from other clones: one builds, the others
// wait. A build that is cut off leaves no program behind that is not whole.
func Ensure(ctx context.Context, root string, log io.Writer, names ...string) (string, error) {
	dir, err := folder(root)
	if err != nil {
		return "", fmt.Errorf("finding the cache folder of the Kubernetes programs: %w", err)
	}
	if len(lacking(dir, names)) == 0 {
		return dir, nil
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", fmt.Errorf("making the cache folder of the Kubernetes programs: %w", err)
	}
	unlock, err := lock(filepath.Join(dir, ".lock"))
	if err != nil {
		return "", fmt.Errorf("locking %s: %w", dir, err)
	}
	defer unlock()
	missing := lacking(dir, names) // Another may have built them while this one waited.
	if len(missing) == 0 {
		return dir, nil
	}
	fmt.Fprintf(log, "Building %s into %s (some minutes, once).\n", strings.Join(missing, ", "), dir)
	if err := build(ctx, root, dir, log, missing); err != nil {
		return "", fmt.Errorf("building %s: %w", strings.Join(missing, ", "), err)
	}
	return dir, nil
}

// folder is the cache folder for exactly this set of modules, this compiler and this platform.
func folder(root string) (string, error) {
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", err
	}
	sum := sha256.New()
	fmt.Fprintln(sum, runtime.Version(), runtime.GOOS, runtime.GOARCH, tags)
	for _, name := range sources {
		content, err := os.ReadFile(filepath.Join(root, name))
		if err != nil {
			return "", err
		}
		sum.Write(content)
	}
	return filepath.Join(cache, "swath", "bin", hex.EncodeToString(sum.Sum(nil))[:16]), nil
}

// lacking returns those of the names that the folder has no program for.
func lacking(dir string, names []string) []string {
	var missing []string
	for _, name := range names {
		if _, err := os.Stat(filepath.Join(dir, name)); errors.Is(err, fs.ErrNotExist) {
			missing = append(missing, name)
		}
	}
	return missing
}

// build builds the programs of each module.
func build(ctx context.Context, root, dir string, log io.Writer, names []string) error {
	version, err := kubernetesVersion(ctx, root)
	if err != nil {
		return err
	}
	for _, module := range []string{kubernetesModule, dnsModule} {
		ofModule := slices.DeleteFunc(slices.Clone(names), func(name string) bool { return programs[name].module != module })
		if len(ofModule) == 0 {
			continue
		}
		if err := buildModule(ctx, filepath.Join(root, module), dir, log, version, ofModule); err != nil {
			return fmt.Errorf("in %s: %w", module, err)
		}
	}
	return nil
}

// buildModule builds into a temporary folder beside the programs and moves each when all are there.
func buildModule(ctx context.Context, moduleDir, dir string, log io.Writer, version string, names []string) error {
	if err := removeCutOff(dir); err != nil {
		return err
	}
	// A name of its own: of a build that was killed, the compiler may still be at work.
	tmp, err := os.MkdirTemp(dir, tmpPrefix)
	if err != nil {
		return err
	}
	defer os.RemoveAll(tmp)
	args := []string{"build", "-trimpath", "-tags", tags, "-ldflags", "-s -w " + versionFlags(version), "-o", tmp + "/"}
	for _, name := range names {
		args = append(args, programs[name].pkg)
	}
	cmd := goCommand(ctx, moduleDir, args...)
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("go build: %w", err)
	}
	for _, name := range names {
		built := filepath.Join(tmp, name)
		switch name { // Two have other names when they are built.
		case "etcd":
			built = filepath.Join(tmp, "server")
		case "coredns":
			built = filepath.Join(tmp, filepath.Base(dnsModule))
		}
		if err := os.Rename(built, filepath.Join(dir, name)); err != nil {
			return err
		}
	}
	return nil
}

// removeCutOff removes what builds that were cut off have left. The caller has the lock, so none is under way.
func removeCutOff(dir string) error {
	left, err := filepath.Glob(filepath.Join(dir, tmpPrefix+"*"))
	if err != nil {
		return err
	}
	for _, path := range left {
		if err := os.RemoveAll(path); err != nil {
			return err
		}
	}
	return nil
}

// kubernetesVersion asks Go for the version of Kubernetes that its module requires, such as v1.36.3.
func kubernetesVersion(ctx context.Context, root string) (string, error) {
	cmd := goCommand(ctx, filepath.Join(root, kubernetesModule), "list", "-m", "-f", "{{.Version}}", "k8s.io/kubernetes")
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("asking for the version of Kubernetes in %s: %w", kubernetesModule, err)
	}
	return strings.TrimSpace(string(out)), nil
}

// versionFlags are the linker's flags that tell the programs which version they are, as a release of Kubernetes has
// them; without, the API server says v0.0.0 and clients refuse it.
func versionFlags(version string) string {
	major, rest, _ := strings.Cut(strings.TrimPrefix(version, "v"), ".")
	minor, _, _ := strings.Cut(rest, ".")
	var flags []string
	for _, pkg := range []string{"k8s.io/component-base/version", "k8s.io/client-go/pkg/version"} {
		flags = append(flags,
			"-X", pkg+".gitVersion="+version,
			"-X", pkg+".gitMajor="+major,
			"-X", pkg+".gitMinor="+minor,
			"-X", pkg+".gitTreeState=clean")
	}
	return strings.Join(flags, " ")
}

// goCommand is the go command in a module of its own, with static programs as its result.
func goCommand(ctx context.Context, dir string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, "go", args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOWORK=off", "GOFLAGS=")
	return cmd
}

// lock takes the lock file for this process alone, waiting for it, and returns what gives it back.
func lock(path string) (func(), error) {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(file.Fd()), syscall.LOCK_EX); err != nil {
		file.Close()
		return nil, err
	}
	return func() { file.Close() }, nil
}
