//go:build linux

package main

import (
	"context"
	"fmt"
	"os"
	"path"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/client-go/kubernetes"

	"github.com/swath-dev/swath/hack/images/image"
)

// defaultClaim is what a claim is called if no name is given.
const defaultClaim = "swath-storage"

// volumePatience is how long Kubernetes may take to bind or remove a volume.
const volumePatience = time.Minute

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
	client, err := c.client()
	if err != nil {
		return err
	}
	_, err = client.CoreV1().Namespaces().Get(ctx, namespace, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return fmt.Errorf("there is no namespace %[1]s; make it first: `kubectl create namespace %[1]s`", namespace)
	}
	if err != nil {
		return fmt.Errorf("looking for the namespace %s: %w", namespace, err)
	}
	if err := removeStaleVolume(ctx, client, namespace, claim); err != nil {
		return err
	}
	folder := c.path("storage", namespace, claim)
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return fmt.Errorf("making the folder of the volume: %w", err)
	}
	if err := os.Chown(folder, image.User, image.User); err != nil {
		return fmt.Errorf("giving the folder of the volume to the Pods' user: %w", err)
	}
	err = c.apply(ctx, "volume.yaml", map[string]string{
		"Name": volumeName(namespace, claim), "Namespace": namespace, "Claim": claim,
		"Path": path.Join(insideDir, "storage", namespace, claim),
	})
	if err != nil {
		return fmt.Errorf("making the volume of namespace %s: %w", namespace, err)
	}
	if err := waitBound(ctx, client, namespace, claim); err != nil {
		return err
	}
	fmt.Printf("claim %s in namespace %s: %s\n", claim, namespace, folder)
	return nil
}

// volumeName is the volume's name, which the whole cluster shares.
func volumeName(namespace, claim string) string { return namespace + "." + claim }

// removeStaleVolume removes a volume whose claim is gone, as when its namespace was made again: Kubernetes would bind it
// to no other claim. The files stay.
func removeStaleVolume(ctx context.Context, client kubernetes.Interface, namespace, claim string) error {
	volumes, name := client.CoreV1().PersistentVolumes(), volumeName(namespace, claim)
	volume, err := volumes.Get(ctx, name, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("looking for the volume %s: %w", name, err)
	}
	bound, err := client.CoreV1().PersistentVolumeClaims(namespace).Get(ctx, claim, metav1.GetOptions{})
	if err != nil && !apierrors.IsNotFound(err) {
		return fmt.Errorf("looking for the claim %s in namespace %s: %w", claim, namespace, err)
	}
	if volume.Spec.ClaimRef == nil || volume.Spec.ClaimRef.UID == "" || volume.Spec.ClaimRef.UID == bound.UID {
		return nil
	}
	if err := volumes.Delete(ctx, name, metav1.DeleteOptions{}); err != nil && !apierrors.IsNotFound(err) {
		return fmt.Errorf("removing the volume %s, whose claim is gone: %w", name, err)
	}
	return eventually(ctx, volumePatience, func() error {
		_, err := volumes.Get(ctx, name, metav1.GetOptions{})
		if err == nil {
			return fmt.Errorf("the volume %s, whose claim is gone, is still being removed", name)
		}
		if apierrors.IsNotFound(err) {
			return nil
		}
		return err
	})
}

// waitBound waits until Pods can use the claim.
func waitBound(ctx context.Context, client kubernetes.Interface, namespace, claim string) error {
	return eventually(ctx, volumePatience, func() error {
		got, err := client.CoreV1().PersistentVolumeClaims(namespace).Get(ctx, claim, metav1.GetOptions{})
		if err != nil {
			return err
		}
		if got.Status.Phase != corev1.ClaimBound {
			return fmt.Errorf("the claim %s in namespace %s is %s", claim, namespace, got.Status.Phase)
		}
		return nil
	})
}
