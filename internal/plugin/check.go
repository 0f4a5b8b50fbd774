package plugin

import (
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"

	"github.com/swath-dev/swath/internal/training/manifest"
)

// errDamaged says what to do about a download that is not what training stored.
func errDamaged(model string, err error) error {
	return fmt.Errorf("%s is not what training stored, and is not kept: %w; download it again, and if that does not help, train again", model, err)
}

// readParts reads the model.json at that path, which has to have the digest, and returns the parts that it lists. An
// empty digest is not known.
func readParts(name, digest string) (map[string]manifest.Part, error) {
	data, err := os.ReadFile(name)
	if err != nil {
		return nil, fmt.Errorf("checking the model: %w", err)
	}
	if err := manifest.CheckManifest(data, digest); err != nil {
		return nil, err
	}
	return manifest.Parts(data)
}

// checkFolder reports whether the files in a folder are all parts of the model whose manifest has the digest. A manifest
// of another trainer may list no parts.
func checkFolder(folder, digest string) error {
	parts, err := readParts(filepath.Join(folder, manifest.FileName), digest)
	if err != nil || len(parts) == 0 {
		return err
	}
	for name, part := range parts {
		if err := checkFile(filepath.Join(folder, name), part); err != nil {
			return err
		}
	}
	entries, err := os.ReadDir(folder)
	if err != nil {
		return fmt.Errorf("checking the model: %w", err)
	}
	for _, entry := range entries {
		if _, listed := parts[entry.Name()]; !listed && entry.Name() != manifest.FileName {
			return &manifest.DamagedError{What: entry.Name(), Problem: "model.json does not list it"}
		}
	}
	return nil
}

func checkFile(name string, part manifest.Part) error {
	file, err := os.Open(name)
	if os.IsNotExist(err) {
		return &manifest.DamagedError{What: part.Name, Problem: "it is missing"}
	}
	if err != nil {
		return fmt.Errorf("checking the model: %w", err)
	}
	defer file.Close()
	return manifest.CheckPart(part, file)
}

// announced is the SHA-256 (hexadecimal) of what an answer brings, as its Repr-Digest (RFC 9530) says; empty where it
// says none.
func announced(header http.Header) string {
	for _, field := range strings.Split(header.Get("Repr-Digest"), ",") {
		text, ok := strings.CutPrefix(strings.TrimSpace(field), "sha-256=:")
		if !ok {
			continue
		}
		if sum, err := base64.StdEncoding.DecodeString(strings.TrimSuffix(text, ":")); err == nil {
			return hex.EncodeToString(sum)
		}
	}
	return ""
}
