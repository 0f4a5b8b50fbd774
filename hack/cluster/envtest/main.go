//go:build unix

// Command envtest prints the folder with the API server, etcd and kubectl that envtest starts, to be used as
// KUBEBUILDER_ASSETS, after building what is missing. It needs neither root nor Linux.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/swath-dev/swath/hack/cluster/binaries"
	"github.com/swath-dev/swath/hack/cluster/repo"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "envtest:", err)
		os.Exit(1)
	}
}

func run() error {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	root, err := repo.Root()
	if err != nil {
		return err
	}
	dir, err := binaries.Ensure(ctx, root, os.Stderr, binaries.Envtest...)
	if err != nil {
		return err
	}
	fmt.Println(dir)
	return nil
}
