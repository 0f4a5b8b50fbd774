package storage_test

import (
	"bytes"
	"io"
	"testing"
	"time"
)

func TestMultipartUploadThatWasCutOffIsFoundAndRemoved(t *testing.T) {
	server := startS3(t)
	store := open(t, server.Bucket(t, "swath"))
	reader, writer := io.Pipe()
	ended := make(chan error, 1)
	go func() {
		_, err := store.PutFile(t.Context(), "file-cut", "cut.h5", reader, noon)
		ended <- err
	}()
	if _, err := writer.Write(bytes.Repeat([]byte("x"), 3*large)); err != nil {
		t.Fatal(err)
	}
	later := time.Now().Add(time.Hour)
	if keys, err := store.CutOff(t.Context(), time.Now().Add(-time.Hour)); err != nil || len(keys) != 0 {
		t.Errorf("an upload that goes on counts as cut off: %v (%v)", keys, err)
	}
	until(t, "the upload is found", func() bool {
		keys, err := store.CutOff(t.Context(), later)
		if err != nil {
			t.Fatal(err)
		}
		return len(keys) > 0
	})
	// A part that is on its way when an upload is aborted may still arrive (S3's AbortMultipartUpload): it is removed again.
	until(t, "nothing is left of the upload", func() bool {
		if err := store.RemoveCutOff(t.Context(), later); err != nil {
			t.Fatalf("removing: %v", err)
		}
		keys, err := store.CutOff(t.Context(), later)
		if err != nil {
			t.Fatal(err)
		}
		return len(keys) == 0
	})
	_ = writer.Close()
	if err := <-ended; err == nil {
		t.Error("the upload ends well though its parts were removed")
	}
}
