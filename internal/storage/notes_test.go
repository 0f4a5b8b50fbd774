package storage_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/swath-dev/swath/internal/storage"
	"github.com/swath-dev/swath/test/await"
)

func TestNotesAreNoFiles(t *testing.T) {
	eachBucket(t, func(t *testing.T, store *storage.Store) {
		if _, err := store.PutFile(t.Context(), "file-a", "a.h5", strings.NewReader("a"), noon); err != nil {
			t.Fatal(err)
		}
		if info, err := store.FileInfo(t.Context(), "file-a.json"); !errors.Is(err, storage.ErrNotFound) {
			t.Errorf("the note is described as the file %+v (%v)", info, err)
		}
		if _, err := store.OpenFile(t.Context(), "file-a.json", 0, -1); !errors.Is(err, storage.ErrNotFound) {
			t.Errorf("the note is read as a file: %v", err)
		}
		if err := store.DeleteFile(t.Context(), "file-a.json"); err != nil {
			t.Errorf("deleting: %v", err)
		}
		if info, err := store.FileInfo(t.Context(), "file-a"); err != nil || info.Filename != "a.h5" {
			t.Errorf("the file has lost its note: %+v (%v)", info, err)
		}
		if _, err := store.PutFile(t.Context(), "file-a.json", "of its own", strings.NewReader("{}"), noon); err != nil {
			t.Fatal(err)
		}
		if files, _, err := store.Files(t.Context(), "", 10); err != nil || len(files) != 2 || files[0].Filename != "a.h5" || files[1].Filename != "of its own" {
			t.Errorf("listed: %+v (%v)", files, err)
		}
	})
}

// Whatever a writer is killed at, no file is there that nothing is known of; the janitor takes the rest.
func TestKilledUploadsAndDeletionsLeaveNoUnknownFile(t *testing.T) {
	folder := t.TempDir()
	store := open(t, "file://"+folder)
	below := filepath.Join(folder, prefix)
	// Stopped at the very end of the file, the note is what is there, or nothing.
	seen := io.MultiReader(strings.NewReader("chips"), readerFunc(func([]byte) (int, error) {
		if files, _, err := store.Files(t.Context(), "", 10); len(files) != 0 || err != nil {
			t.Errorf("before all is there, listed: %v (%v)", files, err)
		}
		return 0, io.EOF
	}))
	if _, err := store.PutFile(t.Context(), "file-a", "a.h5", seen, noon); err != nil {
		t.Fatal(err)
	}
	// Killed between the two writes, or between the two deletions.
	if err := os.Remove(filepath.Join(below, "files", "file-a")); err != nil {
		t.Fatal(err)
	}
	if _, err := store.FileInfo(t.Context(), "file-a"); !errors.Is(err, storage.ErrNotFound) {
		t.Errorf("a note on nothing is a file: %v", err)
	}
	if files, _, err := store.Files(t.Context(), "", 10); len(files) != 0 || err != nil {
		t.Errorf("listed: %v (%v)", files, err)
	}
	if _, err := store.PutFile(t.Context(), "file-b", "b.h5", strings.NewReader("b"), noon); err != nil {
		t.Fatal(err)
	}
	if keys, err := store.CutOff(t.Context(), time.Now().Add(-time.Hour)); len(keys) != 0 || err != nil {
		t.Errorf("a new note counts as cut off: %v (%v)", keys, err)
	}
	for _, name := range []string{"files/f", "models/m/model.onnx", "jobs/j/checkpoint", "notes/f.json", "janitor.json"} {
		path := filepath.Join(below, name+".18ab3f00aa11bb22.tmp")
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, nil, 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	later := time.Now().Add(time.Hour)
	if err := store.RemoveCutOff(t.Context(), later); err != nil {
		t.Fatal(err)
	}
	if left := filesBelow(t, folder); len(left) != 2 || !strings.HasSuffix(left[0], "files/file-b") || !strings.HasSuffix(left[1], "notes/file-b.json") {
		t.Errorf("left: %v", left)
	}
}

func TestNoteOnAnotherContentIsPassedOver(t *testing.T) {
	folder := t.TempDir()
	store := open(t, "file://"+folder)
	if _, err := store.PutFile(t.Context(), "file-a", "a.h5", strings.NewReader("chips"), noon); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(folder, prefix, "files", "file-a"), []byte("more chips"), 0o600); err != nil {
		t.Fatal(err)
	}
	if info, err := store.FileInfo(t.Context(), "file-a"); err != nil || info.Bytes != 10 || info.SHA256 != "" || info.Filename != "a.h5" {
		t.Errorf("described as %+v (%v)", info, err)
	}
}

func TestUploadThatFailsAtTheEndLeavesNoNote(t *testing.T) {
	folder := t.TempDir()
	store := open(t, "file://"+folder)
	if err := os.MkdirAll(filepath.Join(folder, prefix, "files", "file-a"), 0o755); err != nil {
		t.Fatal(err)
	}
	if _, err := store.PutFile(t.Context(), "file-a", "a.h5", strings.NewReader("chips"), noon); err == nil {
		t.Fatal("a file was put in the place of a folder")
	}
	if left := filesBelow(t, folder); len(left) != 0 {
		t.Errorf("left: %v", left)
	}
}

func TestAPageOfFilesDoesNotReadTheOthers(t *testing.T) {
	server := startS3(t)
	counting := countRequests(t, server)
	store := open(t, counting.bucket(server.Bucket(t, "swath")))
	const many = 30
	for i := range many {
		id := "file-" + string(rune('a'+i/26)) + string(rune('a'+i%26))
		if _, err := store.PutFile(t.Context(), id, id, bytes.NewReader(nil), noon); err != nil {
			t.Fatal(err)
		}
	}
	counting.reset()
	files, more, err := store.Files(t.Context(), "file-az", 2)
	if err != nil || !more || len(files) != 2 || files[0].ID != "file-ba" {
		t.Errorf("listed: %v, %t (%v)", files, more, err)
	}
	if asked := counting.queries(); len(asked) != 1 || !strings.Contains(asked[0], "start-after=tenant%2Ffiles%2Ffile-az") {
		t.Errorf("asked for lists: %v", asked)
	}
}

func TestMultipartUploadThatGetsOnIsNotCutOff(t *testing.T) {
	server := startS3(t)
	store := open(t, server.Bucket(t, "swath"))
	reader, writer := io.Pipe()
	ended := make(chan error, 1)
	go func() {
		_, err := store.PutFile(t.Context(), "file-slow", "slow.h5", reader, noon)
		ended <- err
	}()
	piece := bytes.Repeat([]byte("x"), 3*large) // Some parts.
	if _, err := writer.Write(piece); err != nil {
		t.Fatal(err)
	}
	cutOff := func(before time.Time) bool {
		keys, err := store.CutOff(t.Context(), before)
		if err != nil {
			t.Fatal(err)
		}
		return len(keys) == 1
	}
	until(t, "the upload has begun", func() bool { return cutOff(time.Now().Add(time.Hour)) })
	var begun time.Time
	until(t, "the first part is old", func() bool { begun = time.Now().Truncate(time.Second); return cutOff(begun) }) // S3 may tell whole seconds.
	if _, err := writer.Write(piece); err != nil {
		t.Fatal(err)
	}
	until(t, "a part has come since", func() bool { return !cutOff(begun) })
	_ = writer.CloseWithError(context.Canceled)
	if err := <-ended; err == nil {
		t.Error("an upload cut off ends well")
	}
}

// until waits for a state that comes by itself.
func until(t *testing.T, what string, holds func() bool) {
	t.Helper()
	await.True(t, await.Patience, 50*time.Millisecond, what, func() (string, bool) { return "it does not hold", holds() })
}
