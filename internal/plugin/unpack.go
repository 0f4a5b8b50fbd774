package plugin

import (
	"archive/zip"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// unpack writes the files of an archive into a folder, all or none where the folder is not there yet. What is in a folder
// already is overwritten only by force. The files are checked before anything is overwritten.
func unpack(archive, folder string, force bool, check func(folder string) error) error {
	reader, err := zip.OpenReader(archive)
	if err != nil {
		return err
	}
	defer reader.Close()
	partial := partialName(folder)
	if err := os.Mkdir(partial, 0o777); err != nil {
		return err
	}
	defer os.RemoveAll(partial) // It is gone unless something went wrong.
	for _, entry := range reader.File {
		// Their names are plain ones; others lead out of the folder.
		if !filepath.IsLocal(entry.Name) || filepath.Base(entry.Name) != entry.Name {
			return fmt.Errorf("the archive has an entry named %q", entry.Name)
		}
		if err := unpackEntry(entry, filepath.Join(partial, entry.Name)); err != nil {
			return fmt.Errorf("%s: %w", entry.Name, err)
		}
	}
	if err := check(partial); err != nil {
		return err
	}
	if _, err := os.Lstat(folder); errors.Is(err, os.ErrNotExist) {
		return os.Rename(partial, folder)
	}
	for _, entry := range reader.File {
		if err := settle(filepath.Join(partial, entry.Name), filepath.Join(folder, entry.Name), force); err != nil {
			return err
		}
	}
	return nil
}

// freeFolder returns an error where a folder has something in it that could be overwritten.
func freeFolder(folder string) error {
	entries, err := os.ReadDir(folder)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("looking into the folder to write to: %w", err)
	}
	if len(entries) > 0 {
		return existsError(folder)
	}
	return nil
}

func unpackEntry(entry *zip.File, name string) error {
	content, err := entry.Open()
	if err != nil {
		return err
	}
	defer content.Close()
	file, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
	if err != nil {
		return err
	}
	_, err = io.Copy(file, content)
	return errors.Join(err, file.Close())
}
