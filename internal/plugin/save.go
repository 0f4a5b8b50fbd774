package plugin

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxNameBytes is how long the names of files may be on usual file systems, less what partialName adds.
const maxNameBytes = 255 - 40

// plainName is the name that a download gets when the user says none: the base name of the one that is stored, which
// whoever uploaded the file has chosen, if that is a plain name, else the fallback. Names that are absolute, hidden, or
// look like flags are not plain.
func plainName(stored, fallback string) string {
	name := stored[strings.LastIndexAny(stored, `/\`)+1:]
	absolute := strings.HasPrefix(stored, "/") || strings.HasPrefix(stored, `\`) || strings.Contains(stored, ":")
	odd := strings.ContainsFunc(name, func(r rune) bool { return !unicode.IsPrint(r) })
	if absolute || odd || name == "" || name[0] == '.' || name[0] == '-' || len(name) > maxNameBytes || !utf8.ValidString(name) || !filepath.IsLocal(name) {
		return fallback
	}
	return name
}

// target is the path to save to: the one that is asked for, in it where it is a folder, else the name in the current one.
func target(output, name string) string {
	if output == "" {
		return name
	}
	if info, err := os.Stat(output); err == nil && info.IsDir() || strings.HasSuffix(output, "/") {
		return filepath.Join(output, name)
	}
	return output
}

// partialName is the name of what is not whole yet, beside where it will be.
func partialName(name string) string {
	return strings.TrimSuffix(name, "/") + "." + rand.Text() + ".part"
}

func existsError(name string) error {
	return fmt.Errorf("%s is there already: name another place with --output, or overwrite it with --force", name)
}

// save downloads into a file that is there whole or not at all. A file that is there is overwritten only by force. What
// came is checked before, by check if there is such a function.
func (s *session) save(ctx context.Context, gateway *gatewayClient, from, name string, force bool, check func(partial string) error) error {
	if _, err := os.Lstat(name); err == nil && !force {
		return existsError(name)
	}
	partial := partialName(name)
	defer os.Remove(partial) // It is gone unless something went wrong.
	if err := s.fetch(ctx, gateway, from, partial); err != nil {
		return err
	}
	if check != nil {
		if err := check(partial); err != nil {
			return err
		}
	}
	return settle(partial, name, force)
}

// settle gives a file its name. A link does not overwrite what has come there meanwhile; not every file system has links.
func settle(partial, name string, force bool) error {
	if !force {
		err := os.Link(partial, name)
		if err == nil {
			return nil
		}
		if _, there := os.Lstat(name); there == nil {
			return existsError(name)
		}
	}
	if err := os.Rename(partial, name); err != nil {
		return fmt.Errorf("saving to %s: %w", name, err)
	}
	return nil
}

// fetch downloads into a new file.
func (s *session) fetch(ctx context.Context, gateway *gatewayClient, from, name string) error {
	response, err := gateway.call(ctx, http.MethodGet, from, "", nil)
	if err != nil {
		return fmt.Errorf("downloading: %w", err)
	}
	defer response.Body.Close()
	file, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
	if err != nil {
		return fmt.Errorf("saving: %w", err)
	}
	hash := sha256.New()
	_, err = io.Copy(io.MultiWriter(file, hash), newTransfer(response.Body, s.ErrOut, "downloading", response.ContentLength))
	if err = errors.Join(err, file.Close()); err != nil {
		return errors.Join(fmt.Errorf("saving to %s: %w", name, err), os.Remove(name))
	}
	if found, want := hex.EncodeToString(hash.Sum(nil)), announced(response.Header); want != "" && found != want {
		return errors.Join(fmt.Errorf("what came has the SHA-256 %s, and the gateway announced %s: download it again", found, want), os.Remove(name))
	}
	return nil
}
