// Package programs builds the programs of this module for tests that run them as processes of their own.
package programs

import (
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"

	"github.com/swath-dev/swath/hack/cluster/repo"
)

// built has what builds each program, once in a process of tests.
var built sync.Map

// Trainer is the path of the trainer.
func Trainer(t testing.TB) string { return path(t, "trainer") }

// Gateway is the path of the HTTP API.
func Gateway(t testing.TB) string { return path(t, "gateway") }

// The ports that FreeAddress chooses from lie below those that systems give to outgoing connections and to whoever asks for any
// port: those are taken again at once on a busy machine.
const firstPort, lastPort = 12000, 32000

// FreeAddress returns a loopback address that nothing listens on.
func FreeAddress(t testing.TB) string {
	t.Helper()
	var err error
	for range 100 {
		address := fmt.Sprintf("127.0.0.1:%d", firstPort+rand.IntN(lastPort-firstPort))
		var listener net.Listener
		if listener, err = net.Listen("tcp", address); err == nil {
			_ = listener.Close()
			return address
		}
	}
	t.Fatalf("no port is free: %v", err)
	return ""
}

func path(t testing.TB, name string) string {
	t.Helper()
	once, _ := built.LoadOrStore(name, sync.OnceValues(func() (string, error) { return build(name) }))
	path, err := once.(func() (string, error))()
	if err != nil {
		t.Fatalf("building %s: %v", name, err)
	}
	return path
}

// build builds a program beside those of other processes of tests, and moves it into place: the path stays the same, so that
// nothing has to be removed, and a running program is never written to.
func build(name string) (string, error) {
	root, err := repo.Root()
	if err != nil {
		return "", err
	}
	folder := filepath.Join(root, "bin", "test")
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return "", err
	}
	scratch, err := os.MkdirTemp(folder, ".building-*")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(scratch)
	command := exec.Command("go", "build", "-o", filepath.Join(scratch, name), "./cmd/"+name)
	command.Dir = root
	if output, err := command.CombinedOutput(); err != nil {
		return "", fmt.Errorf("%w\n%s", err, output)
	}
	program := filepath.Join(folder, name)
	return program, os.Rename(filepath.Join(scratch, name), program)
}
