//go:build linux

package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path"

	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/swath-dev/swath/hack/images/image"
)

// defaultClaim is what a claim is called if no name is given.
const defaultClaim = "swath-storage"

// makeVolume makes a folder that the user of our images may write to, and a volume and a claim for it. Made twice, it
// stays as it is.
func makeVolume(ctx context.Context, c *cluster, args []string) error {
	if len(args) < 1 || len(args) > 2 {
		return usageError("volume needs a namespace, and may have the name of the claim")
	}
	namespace, claim := args[0], defaultClaim
	if len(args) == 2 {
		claim = args[1]
	}
	for _, name := range []string{namespace, claim} {
		if wrong := validation.IsDNS1123Label(name); len(wrong) > 0 {
			return usageError(fmt.Sprintf("%q is no name for a namespace or a claim: %s", name, wrong[0]))
		}
	}
	if _, err := c.node(); err != nil {
		return err
	}
	folder := c.path("storage", namespace, claim)
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return fmt.Errorf("making the folder of the volume: %w", err)
	}
	if err := os.Chown(folder, image.User, image.User); err != nil {
		return fmt.Errorf("giving the folder of the volume to the Pods' user: %w", err)
	}
	manifest, err := render("volume.yaml", map[string]string{
		"Namespace": namespace, "Claim": claim, "Path": path.Join(insideDir, "storage", namespace, claim),
	})
	if err != nil {
		return err
	}
	apply := c.kubectl(ctx, "apply", "--filename=-")
	apply.Stdin = bytes.NewReader(manifest)
	if out, err := apply.CombinedOutput(); err != nil {
		return fmt.Errorf("making the volume of namespace %s: %w\n%s", namespace, err, out)
	}
	fmt.Printf("claim %s in namespace %s: %s\n", claim, namespace, folder)
	return nil
}
