package storage_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/swath-dev/swath/internal/storage"
)

// large is more than one part of a multipart upload to S3.
const large = 12 << 20

var noon = time.Date(2026, 7, 1, 12, 0, 0, 0, time.UTC)

func TestFileIsReadBackAsItWasPut(t *testing.T) {
	eachBucket(t, func(t *testing.T, store *storage.Store) {
		for name, content := range map[string][]byte{"empty": {}, "small": []byte("chips"), "large": bytes.Repeat([]byte("0123456789abcdef"), large/16)} {
			put, err := store.PutFile(t.Context(), "file-"+name, "../../etc/"+name+".h5", bytes.NewReader(content), noon)
			if err != nil {
				t.Fatalf("putting %s: %v", name, err)
			}
			got, err := store.FileInfo(t.Context(), "file-"+name)
			if err != nil {
				t.Fatalf("asking for %s: %v", name, err)
			}
			if diff := cmp.Diff(put, got); diff != "" {
				t.Errorf("%s is described otherwise than when it was put: %s", name, diff)
			}
			if want := storage.DigestOf(content); got.SHA256 != want.SHA256 || got.Bytes != want.Bytes || got.Filename != "../../etc/"+name+".h5" {
				t.Errorf("%s is described as %+v", name, got)
			}
			path := filepath.Join(t.TempDir(), "fetched")
			if _, err := store.FetchFile(t.Context(), "file-"+name, path); err != nil {
				t.Fatalf("fetching %s: %v", name, err)
			}
			if fetched, err := os.ReadFile(path); err != nil || !bytes.Equal(fetched, content) {
				t.Errorf("%s came back as %d bytes (%v), not as the %d put", name, len(fetched), err, len(content))
			}
		}
	})
}

func TestUploadCutOffLeavesNothing(t *testing.T) {
	eachBucket(t, func(t *testing.T, store *storage.Store) {
		cut := io.MultiReader(bytes.NewReader(make([]byte, large)), iotest.ErrReader(io.ErrUnexpectedEOF))
		if _, err := store.PutFile(t.Context(), "file-cut", "cut.h5", cut, noon); !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("an upload cut off ends with %v", err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		stopped := io.MultiReader(bytes.NewReader(make([]byte, large)), readerFunc(func([]byte) (int, error) {
			cancel()
			return 0, ctx.Err()
		}))
		if _, err := store.PutFile(ctx, "file-stopped", "stopped.h5", stopped, noon); !errors.Is(err, context.Canceled) {
			t.Errorf("an upload that was cancelled ends with %v", err)
		}
		if _, err := store.FileInfo(t.Context(), "file-cut"); !errors.Is(err, storage.ErrNotFound) {
			t.Errorf("asking for the file cut off: %v", err)
		}
		files, more, err := store.Files(t.Context(), "", 10)
		if err != nil || more || len(files) != 0 {
			t.Errorf("the listing has %v, more %t (%v)", files, more, err)
		}
	})
}

func TestCutOffLeavesNothingOnTheVolume(t *testing.T) {
	folder := t.TempDir()
	store := open(t, "file://"+folder)
	cut := io.MultiReader(strings.NewReader("some"), iotest.ErrReader(io.ErrUnexpectedEOF))
	if _, err := store.PutFile(t.Context(), "file-cut", "cut.h5", cut, noon); err == nil {
		t.Fatal("an upload cut off is taken for whole")
	}
	if left := filesBelow(t, folder); len(left) != 0 {
		t.Errorf("left on the volume: %v", left)
	}
}

func TestFilesAreListedPageByPage(t *testing.T) {
	eachBucket(t, func(t *testing.T, store *storage.Store) {
		for i := range 7 {
			id := fmt.Sprintf("file-%d", i)
			if _, err := store.PutFile(t.Context(), id, id+".h5", strings.NewReader(id), noon); err != nil {
				t.Fatalf("putting %s: %v", id, err)
			}
		}
		var got []string
		for after, more := "", true; more; {
			var page []storage.FileInfo
			var err error
			page, more, err = store.Files(t.Context(), after, 3)
			if err != nil {
				t.Fatalf("listing: %v", err)
			}
			for _, info := range page {
				got = append(got, info.Filename)
				after = info.ID
			}
		}
		want := []string{"file-0.h5", "file-1.h5", "file-2.h5", "file-3.h5", "file-4.h5", "file-5.h5", "file-6.h5"}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("listed: %s", diff)
		}
	})
}

func TestFileOfAnotherToolIsKnownByItsName(t *testing.T) {
	folder := t.TempDir()
	store := open(t, "file://"+folder)
	below := filepath.Join(folder, prefix, "files")
	if err := os.MkdirAll(below, 0o755); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"ships.h5", "ships.h5.18ab3f00aa11bb22.tmp"} {
		if err := os.WriteFile(filepath.Join(below, name), []byte("chips"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	files, _, err := store.Files(t.Context(), "", 10)
	if err != nil || len(files) != 1 || files[0].ID != "ships.h5" || files[0].Filename != "ships.h5" || files[0].Bytes != 5 {
		t.Errorf("listed %+v (%v): wanted ships.h5 and not what is still being written", files, err)
	}
	if _, err := store.FileInfo(t.Context(), "ships.h5.18ab3f00aa11bb22.tmp"); !errors.Is(err, storage.ErrNotFound) {
		t.Errorf("what is still being written is found: %v", err)
	}
}

func TestDeletedFileIsGone(t *testing.T) {
	eachBucket(t, func(t *testing.T, store *storage.Store) {
		if _, err := store.PutFile(t.Context(), "file-a", "a.h5", strings.NewReader("a"), noon); err != nil {
			t.Fatal(err)
		}
		for range 2 { // Deleting what is gone is no error.
			if err := store.DeleteFile(t.Context(), "file-a"); err != nil {
				t.Fatalf("deleting: %v", err)
			}
		}
		if _, err := store.FileInfo(t.Context(), "file-a"); !errors.Is(err, storage.ErrNotFound) {
			t.Errorf("asking for the deleted file: %v", err)
		}
	})
}

func TestNamesCannotLeaveTheirFolder(t *testing.T) {
	store := open(t, "mem://")
	for _, id := range []string{"", ".", "..", "../x", "a/b", "a/../b", "/a", "a\\b", ".hidden", "a..b", "a\x00b", "a b", "ä", strings.Repeat("a", 129)} {
		if _, err := store.PutFile(t.Context(), id, "name", strings.NewReader(""), noon); !errors.Is(err, storage.ErrConfiguration) {
			t.Errorf("%q is taken for an ID: %v", id, err)
		}
	}
}

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }
