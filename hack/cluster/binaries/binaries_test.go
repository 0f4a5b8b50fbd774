//go:build unix

package binaries

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// newRoot makes a repository with modules that nothing can be built from, and a cache of its own.
func newRoot(t *testing.T) string {
	t.Helper()
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	root := t.TempDir()
	for _, source := range sources {
		path := filepath.Join(root, source)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte("module example.org/none\n"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return root
}

func TestProgramsThatAreThereAreNotBuilt(t *testing.T) {
	root := newRoot(t)
	dir, err := folder(root)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	for _, name := range Envtest {
		if err := os.WriteFile(filepath.Join(dir, name), nil, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	var log bytes.Buffer
	if got, err := Ensure(t.Context(), root, &log, Envtest...); err != nil || got != dir || log.Len() > 0 {
		t.Errorf("Ensure = %q, %v, and says %q; want %q and nothing", got, err, &log, dir)
	}
}

func TestABuildThatFailsLeavesNoProgram(t *testing.T) {
	root := newRoot(t)
	if _, err := Ensure(t.Context(), root, io.Discard, "kubectl"); err == nil || !strings.Contains(err.Error(), "building kubectl") {
		t.Errorf("a module without Kubernetes gives the error %v", err)
	}
	dir, err := folder(root)
	if err != nil {
		t.Fatal(err)
	}
	if entries, err := os.ReadDir(dir); err != nil || len(entries) != 1 || entries[0].Name() != ".lock" {
		t.Errorf("the cache has %v (%v)", entries, err)
	}
}

func TestOtherVersionsHaveOtherFolders(t *testing.T) {
	root := newRoot(t)
	before, err := folder(root)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(root, kubernetesModule, "go.sum"), []byte("other"), 0o644); err != nil {
		t.Fatal(err)
	}
	if after, err := folder(root); err != nil || after == before {
		t.Errorf("after a change of go.sum the folder is %q (%v)", after, err)
	}
}

func TestEachProgramHasASource(t *testing.T) {
	for _, name := range append(Node, Envtest...) {
		if programs[name] == (program{}) {
			t.Errorf("it is not known where %s comes from", name)
		}
	}
}
