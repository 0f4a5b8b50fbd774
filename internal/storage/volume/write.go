package volume

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"syscall"

	"gocloud.dev/blob/driver"
)

// temporarySuffix ends the names of files that are being written: their key, 16 hexadecimal digits, and this.
const temporarySuffix = ".tmp"

// writer writes a file under a name of its own, and gives it its key when it is closed.
type writer struct {
	ctx            context.Context
	root           *os.Root
	file           *os.File
	key, temporary string
	onlyIfNone     bool
}

// NewTypedWriter implements driver.Bucket.
func (b *bucket) NewTypedWriter(ctx context.Context, key, _ string, options *driver.WriterOptions) (_ driver.Writer, err error) {
	if !fs.ValidPath(key) || key == "." {
		return nil, &fs.PathError{Op: "write", Path: key, Err: fs.ErrInvalid}
	}
	root, err := b.open()
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			_ = root.Close()
		}
	}()
	if err := makeFolder(root, path.Dir(key)); err != nil {
		return nil, err
	}
	w := &writer{ctx: ctx, root: root, key: key, onlyIfNone: options.IfNotExist}
	var random [8]byte
	_, _ = rand.Read(random[:]) // It never fails.
	w.temporary = key + "." + hex.EncodeToString(random[:]) + temporarySuffix
	if w.file, err = root.OpenFile(w.temporary, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666); err != nil {
		return nil, err
	}
	return w, nil
}

// makeFolder makes a folder below the root, and those that it is in.
func makeFolder(root *os.Root, folder string) error {
	err := checkFolder(root, folder)
	if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if info, err := root.Lstat(folder); err == nil && !info.IsDir() {
		return fmt.Errorf("%s is no folder, and a link is not followed: %w", folder, fs.ErrPermission)
	}
	parent := path.Dir(folder)
	if err := makeFolder(root, parent); err != nil {
		return err
	}
	if err := root.Mkdir(folder, 0o777); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	if err := checkFolder(root, folder); err != nil {
		return err
	}
	return syncFolder(root, parent)
}

// syncFolder makes the names in a folder outlive a crash.
func syncFolder(root *os.Root, folder string) (err error) {
	opened, err := root.OpenFile(folder, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return fmt.Errorf("syncing folder %s: %w", folder, err)
	}
	defer func() { err = errors.Join(err, opened.Close()) }()
	return opened.Sync()
}

// Write implements driver.Writer.
func (w *writer) Write(data []byte) (int, error) { return w.file.Write(data) }

// Close implements driver.Writer. A writer whose context has ended leaves nothing.
func (w *writer) Close() error {
	defer w.root.Close()
	err := w.ctx.Err()
	if err == nil {
		err = w.file.Sync()
	}
	if closing := w.file.Close(); err == nil {
		err = closing
	}
	if err == nil {
		err = w.commit()
	}
	if err != nil {
		_ = w.root.Remove(w.temporary) // It may have its key already.
		return err
	}
	return syncFolder(w.root, path.Dir(w.key))
}

// commit gives the file its key.
func (w *writer) commit() error {
	if !w.onlyIfNone {
		return w.root.Rename(w.temporary, w.key)
	}
	err := w.root.Link(w.temporary, w.key)
	switch {
	case err == nil:
		return w.root.Remove(w.temporary)
	case errors.Is(err, fs.ErrExist):
		return fmt.Errorf("%s %w", w.key, errExists)
	case !errors.Is(err, errors.ErrUnsupported) && !errors.Is(err, fs.ErrPermission):
		return err
	}
	// A file system without hard links: of two who write at the same moment both may succeed there.
	if _, err := w.root.Lstat(w.key); !errors.Is(err, fs.ErrNotExist) {
		return errors.Join(fmt.Errorf("%s %w", w.key, errExists), err)
	}
	return w.root.Rename(w.temporary, w.key)
}
