//go:build !linux

package volume

import (
	"os"
	"testing"
)

// waiver is the environment variable that lets the tests go where no file system can be mounted.
const waiver = "SWATH_WITHOUT_SMALL_VOLUMES"

// Small fails the test: a small file system can be mounted on Linux only.
func Small(t *testing.T, _ int) string {
	t.Helper()
	if os.Getenv(waiver) != "" {
		t.Skipf("%s is set: nothing is tested on a full volume", waiver)
	}
	t.Fatalf("a small file system can be mounted by root on Linux only: set %s=1 to go without this check", waiver)
	return ""
}
