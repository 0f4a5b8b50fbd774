package storage

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"gocloud.dev/blob"
)

// durable makes what is written to a file:// bucket outlive a crash of the
// machine: a bucket of a cloud does so by itself, a file only after fsync.
type durable struct {
	// file is the temporary file; nil where the bucket has none.
	file *os.File
}

// options are the given ones, with the temporary file caught and with a content
// type, without which the first bytes would be held back until Close.
func (d *durable) options(given *blob.WriterOptions) *blob.WriterOptions {
	options := blob.WriterOptions{}
	if given != nil {
		options = *given
	}
	if options.ContentType == "" {
		options.ContentType = "application/octet-stream"
	}
	options.BeforeWrite = func(as func(any) bool) error {
		as(&d.file)
		return nil
	}
	return &options
}

// syncContent is called when all is written, before the file gets its name.
func (d *durable) syncContent() error {
	if d.file == nil {
		return nil
	}
	return d.file.Sync()
}

// syncName is called when the file has its name.
func (d *durable) syncName() (err error) {
	if d.file == nil {
		return nil
	}
	folder, err := os.Open(filepath.Dir(d.file.Name()))
	if err != nil {
		return fmt.Errorf("syncing a folder: %w", err)
	}
	defer func() { err = errors.Join(err, folder.Close()) }()
	return folder.Sync()
}
