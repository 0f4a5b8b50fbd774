package storage

import (
	"testing"

	"gocloud.dev/blob"
)

// A file:// bucket hands out its temporary file before anything is written, so
// that it can be synced; without it nothing would be.
func TestTemporaryFileIsCaught(t *testing.T) {
	bucket, err := blob.OpenBucket(t.Context(), "file://"+t.TempDir()+"?no_tmp_dir=true&metadata=skip")
	if err != nil {
		t.Fatal(err)
	}
	defer bucket.Close()
	var d durable
	writer, err := bucket.NewWriter(t.Context(), "key", d.options(nil))
	if err != nil {
		t.Fatal(err)
	}
	if d.file == nil {
		t.Fatal("the temporary file was not caught")
	}
	if _, err := writer.Write([]byte("chips")); err != nil {
		t.Fatal(err)
	}
	if err := d.syncContent(); err != nil {
		t.Errorf("syncing the content: %v", err)
	}
	if err := writer.Close(); err != nil {
		t.Fatal(err)
	}
	if err := d.syncName(); err != nil {
		t.Errorf("syncing the name: %v", err)
	}
}
