package storage_test

import (
	"os"
	"path/filepath"
	"testing"

	_ "gocloud.dev/blob/memblob" // mem://

	"github.com/swath-dev/swath/internal/storage"
	"github.com/swath-dev/swath/test/s3"
)

// prefix is the namespace that the tests work in.
const prefix = "tenant"

// eachBucket runs a test on every kind of bucket that runs here.
func eachBucket(t *testing.T, test func(t *testing.T, store *storage.Store)) {
	t.Run("mem", func(t *testing.T) { test(t, open(t, "mem://")) })
	t.Run("file", func(t *testing.T) { test(t, open(t, "file://"+t.TempDir())) })
	t.Run("s3", func(t *testing.T) {
		server := startS3(t)
		test(t, open(t, server.Bucket(t, "swath")))
	})
}

func startS3(t *testing.T) *s3.Server {
	t.Helper()
	if testing.Short() {
		t.Skip("the S3 server takes a minute to build the first time")
	}
	server := s3.Start(t)
	server.Setenv(t)
	return server
}

func open(t *testing.T, url string) *storage.Store {
	t.Helper()
	store, err := storage.Open(t.Context(), url, prefix)
	if err != nil {
		t.Fatalf("opening %s: %v", url, err)
	}
	t.Cleanup(func() { _ = store.Close() })
	return store
}

// filesBelow lists the files below a folder, for what must not be left there.
func filesBelow(t *testing.T, folder string) []string {
	t.Helper()
	var found []string
	err := filepath.WalkDir(folder, func(path string, entry os.DirEntry, err error) error {
		if err == nil && !entry.IsDir() {
			found = append(found, path)
		}
		return err
	})
	if err != nil {
		t.Fatalf("walking %s: %v", folder, err)
	}
	return found
}
