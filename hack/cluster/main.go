//go:build linux

// Command cluster runs a Kubernetes of a single node on this machine, for demos and end-to-end tests, without Docker:
// see README.md beside it.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"

	"github.com/swath-dev/swath/hack/cluster/repo"
)

// command is one thing that the tool does.
type command struct {
	name, args, help string
	run              func(context.Context, *cluster, []string) error
}

// commands in the order in which help shows them.
var commands = []command{
	{"up", "", "start the cluster, or what is missing of it, and wait until its node is ready", up},
	{"down", "", "end the cluster and remove all that it made on this machine", down},
	{"status", "", "show what runs, and since when", status},
	{"kubeconfig", "", "print the path of the kubeconfig", printKubeconfig},
	{"kubectl", "ARG…", "run kubectl against the cluster", runKubectl},
	{"load-image", "ARCHIVE…", "import images from OCI or Docker archives", loadImages},
	{"volume", "NAMESPACE [CLAIM]", "make a claim (swath-storage) in the namespace, kept in storage/NAMESPACE/CLAIM", makeVolume},
	{"restart", "COMPONENT…", "end components and wait until they are healthy again", restart},
	{"kill", "COMPONENT…", "as restart, but with no warning (SIGKILL)", kill},
	{"stop", "COMPONENT…", "end components and keep them from starting", stop},
	{"start", "COMPONENT…", "start stopped components and wait until they are healthy", start},
	{"enter", "[COMMAND…]", "run a command, or a shell, inside the node", enter},
}

func main() {
	if isNodeProcess() {
		fail(runNode())
		return
	}
	// On some machines root's PATH lacks where Debian has ip, nft and runc.
	if err := os.Setenv("PATH", os.Getenv("PATH")+":"+searchPath); err != nil {
		fail(err)
	}
	flags := flag.NewFlagSet("cluster", flag.ExitOnError)
	dir := flags.String("dir", "", "folder of the cluster (default .cluster in the repository)")
	flags.Usage = func() { usage(flags) }
	_ = flags.Parse(os.Args[1:]) // ExitOnError: it does not return an error.
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	fail(run(ctx, *dir, flags.Args()))
}

// run finds the command and the cluster that the arguments name, and runs the one on the other.
func run(ctx context.Context, dir string, args []string) error {
	if len(args) == 0 {
		return usageError("no command given")
	}
	root, err := repo.Root()
	if err != nil {
		return err
	}
	if dir == "" {
		dir = filepath.Join(root, ".cluster")
	}
	c, err := newCluster(root, dir)
	if err != nil {
		return err
	}
	for _, cmd := range commands {
		if cmd.name == args[0] {
			return cmd.run(ctx, c, args[1:])
		}
	}
	return usageError(fmt.Sprintf("there is no command %q", args[0]))
}

// usageError is a mistake in how the tool was called.
type usageError string

func (e usageError) Error() string { return string(e) + "; see `go run ./hack/cluster -h`" }

// exitError is the exit code of a command that was run for the user and has said itself what went wrong.
type exitError int

func (e exitError) Error() string { return fmt.Sprintf("exit code %d", int(e)) }

// fail ends the program with the exit code for err, if it is one: 2 for wrong usage, 1 otherwise.
func fail(err error) {
	if err == nil {
		return
	}
	if code := exitError(0); errors.As(err, &code) {
		os.Exit(int(code))
	}
	fmt.Fprintln(os.Stderr, "cluster:", err)
	if wrong := usageError(""); errors.As(err, &wrong) {
		os.Exit(2)
	}
	os.Exit(1)
}

func usage(flags *flag.FlagSet) {
	out := flags.Output()
	fmt.Fprint(out, "Usage: go run ./hack/cluster [-dir FOLDER] COMMAND\n\nCommands:\n")
	for _, cmd := range commands {
		fmt.Fprintf(out, "  %-28s %s\n", cmd.name+" "+cmd.args, cmd.help)
	}
	fmt.Fprint(out, "\nFlags:\n")
	flags.PrintDefaults()
}
