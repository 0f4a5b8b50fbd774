package storage_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/swath-dev/swath/internal/storage"
)

// put writes a file below the tenant's folder, as the tenant itself may.
func put(t *testing.T, folder, key string, content []byte) {
	t.Helper()
	path := filepath.Join(folder, prefix, key)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
}

// allocated is how many bytes are allocated in all while f runs.
func allocated(f func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

// Notes that are none do not keep files from being listed, and large ones are not read.
func TestNotesOfATenantItself(t *testing.T) {
	folder := t.TempDir()
	store := open(t, "file://"+folder)
	large := []byte(`{"id":"file-0","filename":"` + strings.Repeat("x", 16<<20) + `"}`)
	notes := map[string][]byte{
		"file-0": large, "file-1": []byte("not JSON"), "file-2": []byte(`{"id":"another"}`), "file-3": bytes.Repeat([]byte{0}, 100), "file-4": []byte(`[]`),
		"file-5": []byte(`{"id":"file-5","filename":"named.h5","bytes":1}`),
	}
	for id, note := range notes {
		put(t, folder, "files/"+id, []byte("x"))
		put(t, folder, "notes/"+id+".json", note)
	}
	var files []storage.FileInfo
	var err error
	used := allocated(func() { files, _, err = store.Files(t.Context(), "", 100) })
	if err != nil || len(files) != len(notes) {
		t.Fatalf("listed: %+v (%v)", files, err)
	}
	for i, file := range files {
		want := fmt.Sprintf("file-%d", i)
		if i == 5 {
			want = "named.h5"
		}
		if file.Filename != want || file.Bytes != 1 {
			t.Errorf("listed %+v, want it as %s", file, want)
		}
	}
	if used > 4<<20 {
		t.Errorf("listing %d files allocates %d bytes", len(files), used)
	}
}

// A model's folder may have any number of parts that a tenant has put there.
func TestPartsOfATenantItself(t *testing.T) {
	folder := t.TempDir()
	store := open(t, "file://"+folder)
	parts := []storage.Part{{Name: "model.onnx", Content: []byte("weights")}}
	if _, err := store.CommitModel(t.Context(), "model-a", parts, []byte("{}")); err != nil {
		t.Fatal(err)
	}
	for i := range 300 {
		put(t, folder, fmt.Sprintf("models/model-a/a%03d", i), []byte("x"))
	}
	if _, err := store.ModelParts(t.Context(), "model-a"); !errors.Is(err, storage.ErrTooManyParts) {
		t.Errorf("its parts are listed: %v", err)
	}
	if info, err := store.ModelInfo(t.Context(), "model-a"); err != nil || info.CreatedAt.IsZero() || info.Bytes == 0 {
		t.Errorf("it is described as %+v (%v)", info, err)
	}
	put(t, folder, "models/model-a/model.json", bytes.Repeat([]byte(" "), 5<<20))
	if _, err := store.ModelManifest(t.Context(), "model-a"); !errors.Is(err, storage.ErrConfiguration) {
		t.Errorf("a manifest of 5 MiB is read: %v", err)
	}
	if err := store.DeleteModel(t.Context(), "model-a"); err != nil {
		t.Errorf("it cannot be deleted: %v", err)
	}
	if _, err := store.ModelInfo(t.Context(), "model-a"); !errors.Is(err, storage.ErrNotFound) {
		t.Errorf("it is still there: %v", err)
	}
}
