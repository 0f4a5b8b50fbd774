//go:build linux

package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strconv"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/swath-dev/swath/hack/images/image"
)

// pauseImage is the image that holds the namespaces of each Pod.
const pauseImage = "swath.local/pause:1"

// loadImages imports archives into the node.
func loadImages(ctx context.Context, c *cluster, args []string) error {
	if len(args) == 0 {
		return usageError("load-image needs the path of an archive")
	}
	node, err := c.node()
	if err != nil {
		return err
	}
	for _, path := range args {
		if err := importImage(ctx, node, path); err != nil {
			return err
		}
		fmt.Printf("loaded %s\n", path)
	}
	return nil
}

// importImage streams an archive to containerd, which takes the OCI's and Docker's.
func importImage(ctx context.Context, node process, path string) error {
	file, err := os.Open(path)
	if err != nil {
		return fmt.Errorf("importing an image: %w", err)
	}
	defer file.Close()
	cmd := inNode(ctx, node, "ctr", "--namespace=k8s.io", "images", "import", "-")
	cmd.Stdin = file
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("importing the image %s: %w\n%s", path, err, out)
	}
	return nil
}

// importPause makes and imports the image that no Pod can do without.
func (c *cluster) importPause(ctx context.Context, node process) error {
	tag, err := name.NewTag(pauseImage)
	if err != nil {
		return fmt.Errorf("naming the pause image: %w", err)
	}
	made, err := image.Build(ctx, image.Program{
		Root: c.root, Package: "./hack/cluster/pause",
		Platform: &v1.Platform{OS: "linux", Architecture: runtime.GOARCH},
	})
	if err != nil {
		return err
	}
	archive := c.path("pause.tar")
	if err := image.WriteArchive(archive, tag, made); err != nil {
		return err
	}
	return importImage(ctx, node, archive)
}

// enter runs a command inside the node, such as ctr, nft or ip, and ends as it ends.
func enter(ctx context.Context, c *cluster, args []string) error {
	node, err := c.node()
	if err != nil {
		return err
	}
	if len(args) == 0 {
		args = []string{"/bin/sh"}
	}
	cmd := inNode(ctx, node, args...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	return passExit(cmd.Run())
}

// inNode is a command in the node's namespaces. What it leaves running ends with the node.
func inNode(ctx context.Context, node process, args ...string) *exec.Cmd {
	options := []string{"--target=" + strconv.Itoa(node.pid), "--mount", "--net", "--pid", "--"}
	return exec.CommandContext(ctx, "nsenter", append(options, args...)...)
}
