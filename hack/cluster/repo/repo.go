// Package repo finds the repository that a tool is run in.
package repo

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
)

// moduleLine is how the go.mod at the repository's root begins.
var moduleLine = []byte("module github.com/swath-dev/swath\n")

// Root returns the repository's root: the nearest folder, from the working directory upwards, whose go.mod is Swath's.
func Root() (string, error) {
	start, err := os.Getwd()
	if err != nil {
		return "", fmt.Errorf("finding the repository: %w", err)
	}
	for dir := start; ; dir = filepath.Dir(dir) {
		content, err := os.ReadFile(filepath.Join(dir, "go.mod"))
		if err == nil && bytes.HasPrefix(content, moduleLine) {
			return dir, nil
		}
		if dir == filepath.Dir(dir) {
			return "", fmt.Errorf("finding the repository: no go.mod of Swath in %s or above; run this inside a clone", start)
		}
	}
}
