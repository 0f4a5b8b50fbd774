// Package volume mounts small file systems for tests of what happens when one is full.
package volume

import (
	"fmt"
	"os"
	"syscall"
	"testing"
)

// waiver is the environment variable that lets the tests go where no file system can be mounted.
const waiver = "SWATH_WITHOUT_SMALL_VOLUMES"

// Small mounts a file system of so many MiB for the test, and gives its folder. Where that cannot be done the test fails: a
// check that is left out is to be left out by someone.
func Small(t *testing.T, mebibytes int) string {
	t.Helper()
	if os.Getenv(waiver) != "" {
		t.Skipf("%s is set: nothing is tested on a full volume", waiver)
	}
	if os.Getuid() != 0 {
		t.Fatalf("a small file system can be mounted by root on Linux only: set %s=1 to go without this check", waiver)
	}
	folder := t.TempDir()
	if err := syscall.Mount("tmpfs", folder, "tmpfs", 0, fmt.Sprintf("size=%dm", mebibytes)); err != nil {
		t.Fatalf("mounting a small file system: %v (%s=1 goes without this check)", err, waiver)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(folder, 0); err != nil {
			t.Errorf("unmounting %s: %v", folder, err)
		}
	})
	return folder
}
