package volume

import (
	"context"
	"fmt"
	"io"
	"os"

	"gocloud.dev/blob/driver"
)

// contentType is that of every file: a volume keeps none.
const contentType = "application/octet-stream"

// reader reads a part of a file.
type reader struct {
	io.Reader
	file       *os.File
	attributes driver.ReaderAttributes
}

// NewRangeReader implements driver.Bucket.
func (b *bucket) NewRangeReader(_ context.Context, key string, offset, length int64, _ *driver.ReaderOptions) (driver.Reader, error) {
	root, err := b.open()
	if err != nil {
		return nil, err
	}
	defer root.Close()
	file, info, err := openFile(root, key)
	if err != nil {
		return nil, err
	}
	if _, err := file.Seek(offset, io.SeekStart); err != nil {
		_ = file.Close()
		return nil, fmt.Errorf("reading from byte %d on: %w", offset, err)
	}
	r := &reader{Reader: file, file: file, attributes: driver.ReaderAttributes{ContentType: contentType, ModTime: info.ModTime(), Size: info.Size()}}
	if length >= 0 {
		r.Reader = io.LimitReader(file, length)
	}
	return r, nil
}

// Attributes implements driver.Reader.
func (r *reader) Attributes() *driver.ReaderAttributes { return &r.attributes }

// As implements driver.Reader.
func (r *reader) As(any) bool { return false }

// Close implements driver.Reader.
func (r *reader) Close() error { return r.file.Close() }
