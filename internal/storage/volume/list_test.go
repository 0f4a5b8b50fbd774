package volume

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"gocloud.dev/blob"
)

// crowded is a volume with many folders that have nothing, more than are held at a time, and behind them files.
func crowded(t *testing.T) (folder string, keys []string) {
	t.Helper()
	folder = t.TempDir()
	for i := range 2*heldEntries + 10 {
		if err := os.MkdirAll(filepath.Join(folder, "files", fmt.Sprintf("a%06d", i)), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for i := range heldEntries + 10 {
		key := fmt.Sprintf("files/b%06d", i)
		if err := os.WriteFile(filepath.Join(folder, key), nil, 0o600); err != nil {
			t.Fatal(err)
		}
		keys = append(keys, key)
	}
	return folder, keys
}

// A tenant may make millions of entries: each is listed once and in order, and few are held at a time.
func TestAFolderOfManyEntriesIsListedWithFewAtATime(t *testing.T) {
	folder, want := crowded(t)
	bucket, err := Open(folder)
	if err != nil {
		t.Fatal(err)
	}
	defer bucket.Close()
	var got []string
	for objects := bucket.List(&blob.ListOptions{Prefix: "files/"}); ; {
		object, err := objects.Next(t.Context())
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, object.Key)
	}
	if !slices.Equal(got, want) {
		t.Errorf("%d objects are listed, %d are there", len(got), len(want))
	}
	root, err := os.OpenRoot(folder)
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	l := &lister{ctx: t.Context(), root: root, prefix: "files/"}
	entries, more, err := l.next("files", "")
	if err != nil || !more || len(entries) != heldEntries || cap(entries) > 4*heldEntries {
		t.Errorf("%d entries with room for %d are held at a time, and others follow: %v (%v)", len(entries), cap(entries), more, err)
	}
	if rest, more, err := l.next("files", "b"); err != nil || !more || rest[0].Name() != "b000000" {
		t.Errorf("behind b there are %d entries (%v)", len(rest), err)
	}
}
