// Package volume is a bucket of gocloud.dev/blob in a folder that others may write to as well, such as a volume of a tenant.
//
// It takes nothing that leads elsewhere: only regular files in real folders are there. A link, whether to a file or to a folder
// and whether it leads out of the volume or not, a FIFO, a socket and a device are not found, at once. Every path is opened
// through [os.Root], so that nothing that is put in another's place meanwhile can lead out of the volume either. (The library's
// own fileblob follows links, and waits for whoever opens a FIFO's other end.)
//
// What is written is visible whole or not at all, and outlives a crash of the machine once the writer is closed.
package volume

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"strings"
	"syscall"

	"gocloud.dev/blob"
	"gocloud.dev/blob/driver"
	"gocloud.dev/gcerrors"
)

// ErrNotMounted means that the folder of the bucket is not there, or is none.
var ErrNotMounted = errors.New("the volume is not mounted")

// errExists is a key that was to be written only if it is not there.
var errExists = errors.New("is there already")

// Open opens the bucket in a folder, which must be there: another error than ErrNotMounted is none of this package.
func Open(folder string) (*blob.Bucket, error) {
	b := &bucket{folder: folder}
	root, err := b.open()
	if err != nil {
		return nil, err
	}
	defer root.Close()
	return blob.NewBucket(b), nil
}

// bucket opens its folder for each call anew: a volume may be mounted again at its place.
type bucket struct{ folder string }

func (b *bucket) open() (*os.Root, error) {
	root, err := os.OpenRoot(b.folder)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrNotMounted, err)
	}
	return root, nil
}

// notThere is the error of a key under which there is nothing that may be read.
func notThere(key string) error {
	return &fs.PathError{Op: "open", Path: key, Err: fs.ErrNotExist}
}

// checkFolder returns an error unless a folder below the root is one, and those that it is in, and none of them a link.
func checkFolder(root *os.Root, folder string) error {
	if !fs.ValidPath(folder) {
		return notThere(folder)
	}
	for end := range len(folder) + 1 {
		if end < len(folder) && folder[end] != '/' {
			continue
		}
		info, err := root.Lstat(folder[:end])
		if err != nil {
			return err
		}
		if !info.IsDir() {
			return notThere(folder)
		}
	}
	return nil
}

// look describes the regular file that a key names.
func look(root *os.Root, key string) (fs.FileInfo, error) {
	if !fs.ValidPath(key) {
		return nil, notThere(key)
	}
	if err := checkFolder(root, path.Dir(key)); err != nil {
		return nil, err
	}
	info, err := root.Lstat(key)
	if err == nil && !info.Mode().IsRegular() {
		return nil, notThere(key)
	}
	return info, err
}

// tries is how often a file is opened that another one takes the place of meanwhile.
const tries = 5

// openFile opens the regular file that a key names: the very one that was looked at.
func openFile(root *os.Root, key string) (*os.File, fs.FileInfo, error) {
	for range tries {
		seen, err := look(root, key)
		if err != nil {
			return nil, nil, err
		}
		// A FIFO that was put in the file's place must not be waited for.
		file, err := root.OpenFile(key, os.O_RDONLY|syscall.O_NONBLOCK, 0)
		if err != nil {
			return nil, nil, err
		}
		info, err := file.Stat()
		if err == nil && os.SameFile(seen, info) {
			return file, info, nil
		}
		_ = file.Close()
		if err != nil {
			return nil, nil, err
		}
	}
	return nil, nil, notThere(key)
}

// Attributes implements driver.Bucket.
func (b *bucket) Attributes(_ context.Context, key string) (*driver.Attributes, error) {
	root, err := b.open()
	if err != nil {
		return nil, err
	}
	defer root.Close()
	info, err := look(root, key)
	if err != nil {
		return nil, err
	}
	return &driver.Attributes{ContentType: contentType, ModTime: info.ModTime(), Size: info.Size()}, nil
}

// Delete implements driver.Bucket.
func (b *bucket) Delete(_ context.Context, key string, _ *driver.DeleteOptions) error {
	root, err := b.open()
	if err != nil {
		return err
	}
	defer root.Close()
	if _, err := look(root, key); err != nil {
		return err
	}
	return root.Remove(key)
}

// ErrorCode implements driver.Bucket.
func (b *bucket) ErrorCode(err error) gcerrors.ErrorCode {
	switch {
	case errors.Is(err, ErrNotMounted):
		return gcerrors.Internal
	case errors.Is(err, errExists):
		return gcerrors.FailedPrecondition
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, syscall.ENOTDIR):
		return gcerrors.NotFound
	case errors.Is(err, fs.ErrPermission):
		return gcerrors.PermissionDenied
	case errors.Is(err, errors.ErrUnsupported):
		return gcerrors.Unimplemented
	}
	return gcerrors.Unknown
}

// Copy implements driver.Bucket; nothing here is copied.
func (b *bucket) Copy(context.Context, string, string, *driver.CopyOptions) error {
	return errors.ErrUnsupported
}

// SignedURL implements driver.Bucket; a volume has no URLs.
func (b *bucket) SignedURL(context.Context, string, *driver.SignedURLOptions) (string, error) {
	return "", errors.ErrUnsupported
}

// As implements driver.Bucket.
func (b *bucket) As(any) bool { return false }

// ErrorAs implements driver.Bucket.
func (b *bucket) ErrorAs(error, any) bool { return false }

// Close implements driver.Bucket.
func (b *bucket) Close() error { return nil }

// isBelow tells whether what is below a folder can have keys that begin with prefix.
func isBelow(folder, prefix string) bool {
	return strings.HasPrefix(folder, prefix) || strings.HasPrefix(prefix, folder)
}
