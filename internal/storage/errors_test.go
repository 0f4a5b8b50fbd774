package storage_test

import (
	"context"
	"errors"
	"io"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/swath-dev/swath/internal/storage"
	"github.com/swath-dev/swath/test/s3"
	"github.com/swath-dev/swath/test/volume"
)

func TestStorageThatStopsIsUnavailableUntilItIsBack(t *testing.T) {
	server := startS3(t)
	store := open(t, server.Bucket(t, "swath"))
	if _, err := store.PutFile(t.Context(), "file-a", "a.h5", strings.NewReader("a"), noon); err != nil {
		t.Fatal(err)
	}
	server.Stop()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	if _, err := store.FileInfo(ctx, "file-a"); !errors.Is(err, storage.ErrUnavailable) {
		t.Errorf("asking a server that is down: %v", err)
	}
	if _, err := store.PutFile(ctx, "file-b", "b.h5", strings.NewReader("b"), noon); !errors.Is(err, storage.ErrUnavailable) {
		t.Errorf("putting a file to a server that is down: %v", err)
	}
	server.Restart(t)
	if _, err := store.FileInfo(t.Context(), "file-a"); err != nil {
		t.Errorf("asking the server that is back: %v", err)
	}
}

func TestWhatIsWrongWithABucketIsTold(t *testing.T) {
	server := startS3(t)
	url := server.Bucket(t, "swath")
	t.Run("no such bucket", func(t *testing.T) {
		store := open(t, server.BucketURL("missing"))
		if _, err := store.FileInfo(t.Context(), "file-a"); !errors.Is(err, storage.ErrConfiguration) {
			t.Errorf("asking for a file: %v", err)
		}
		if _, err := store.PutFile(t.Context(), "file-a", "a.h5", strings.NewReader("a"), noon); !errors.Is(err, storage.ErrConfiguration) {
			t.Errorf("putting a file: %v", err)
		}
	})
	for name, key := range map[string]string{"unknown key": "nobody", "wrong secret": s3.AccessKey} {
		t.Run(name, func(t *testing.T) {
			t.Setenv("AWS_ACCESS_KEY_ID", key)
			t.Setenv("AWS_SECRET_ACCESS_KEY", "wrong")
			store := open(t, url)
			if _, err := store.PutFile(t.Context(), "file-a", "a.h5", strings.NewReader("a"), noon); !errors.Is(err, storage.ErrDenied) {
				t.Errorf("putting a file: %v", err)
			}
			if _, _, err := store.Files(t.Context(), "", 1); !errors.Is(err, storage.ErrDenied) {
				t.Errorf("listing files: %v", err)
			}
		})
	}
}

func TestFullBucketIsTold(t *testing.T) {
	tooMuch := func() io.Reader { return io.LimitReader(zeros{}, 32<<20) }
	t.Run("file", func(t *testing.T) {
		folder := volume.Small(t, 8)
		store := open(t, "file://"+folder)
		if _, err := store.PutFile(t.Context(), "file-a", "a.h5", tooMuch(), noon); !errors.Is(err, storage.ErrFull) {
			t.Errorf("putting more than there is room for: %v", err)
		}
		if left := filesBelow(t, filepath.Join(folder, prefix)); len(left) != 0 {
			t.Errorf("left: %v", left)
		}
	})
	t.Run("s3", func(t *testing.T) {
		if testing.Short() {
			t.Skip("the S3 server takes a minute to build the first time")
		}
		server := s3.StartIn(t, volume.Small(t, 8))
		server.Setenv(t)
		store := open(t, server.Bucket(t, "swath"))
		if _, err := store.PutFile(t.Context(), "file-a", "a.h5", tooMuch(), noon); !errors.Is(err, storage.ErrFull) {
			t.Errorf("putting more than there is room for: %v", err)
		}
		if files, _, err := store.Files(t.Context(), "", 1); len(files) != 0 || err != nil {
			t.Errorf("left: %v (%v)", files, err)
		}
	})
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}
