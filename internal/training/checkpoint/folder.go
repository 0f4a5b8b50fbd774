package checkpoint

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// Folder is a [Store] in a local folder, which is made when the first checkpoint is written.
type Folder string

// Names lists the files of the folder.
func (f Folder) Names(context.Context) ([]string, error) {
	entries, err := os.ReadDir(string(f))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names, nil
}

// Write writes a file under another name, flushes it to the disk and then renames it.
func (f Folder) Write(_ context.Context, name string, write func(io.Writer) error) error {
	if err := os.MkdirAll(string(f), 0o777); err != nil {
		return err
	}
	return WriteFile(filepath.Join(string(f), name), write)
}

// Open opens a file of the folder.
func (f Folder) Open(_ context.Context, name string) (io.ReadCloser, error) {
	return os.Open(filepath.Join(string(f), name))
}

// Remove removes a file of the folder.
func (f Folder) Remove(_ context.Context, name string) error {
	err := os.Remove(filepath.Join(string(f), name))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// WriteFile writes a file so that its name never stands for half of it, not even after a power cut: it is written and
// flushed under a temporary name beside it, then renamed. What a failure leaves is removed.
func WriteFile(path string, write func(io.Writer) error) (err error) {
	temporary, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			temporary.Close()
			os.Remove(temporary.Name())
		}
	}()
	if err = write(temporary); err != nil {
		return err
	}
	if err = temporary.Chmod(0o644); err != nil {
		return err
	}
	if err = temporary.Sync(); err != nil {
		return err
	}
	if err = temporary.Close(); err != nil {
		return err
	}
	if err = os.Rename(temporary.Name(), path); err != nil {
		return err
	}
	return syncFolder(filepath.Dir(path))
}

// syncFolder makes a rename last.
func syncFolder(path string) error {
	folder, err := os.Open(path)
	if err != nil {
		return fmt.Errorf("opening folder %s to flush it: %w", path, err)
	}
	defer folder.Close()
	// Some file systems cannot flush a folder; the rename is then as safe as they make it.
	_ = folder.Sync()
	return nil
}
