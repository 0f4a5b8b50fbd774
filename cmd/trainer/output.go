package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/swath-dev/swath/internal/training"
	"github.com/swath-dev/swath/internal/training/checkpoint"
	"github.com/swath-dev/swath/internal/training/manifest"
)

// checkpointFolder is the folder of the checkpoints in that of the output.
const checkpointFolder = ".checkpoints"

// outputFolder is where train writes a model to.
type outputFolder string

// standing reports whether the folder has the model of the session already. Another model there is an error: it is found
// before training, not after.
func (f outputFolder) standing(session *training.Session) (bool, error) {
	data, err := os.ReadFile(filepath.Join(string(f), training.ManifestName))
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("looking for a model in the output folder: %w", err)
	}
	m, err := manifest.Decode(data)
	if err != nil || !session.Made(m) {
		return false, &conflictError{string(f)}
	}
	return true, nil
}

// write writes all parts, and the manifest last: with it the model is there.
func (f outputFolder) write(o *training.Outcome) error {
	write := func(name string, content []byte) error {
		return checkpoint.WriteFile(filepath.Join(string(f), name), func(w io.Writer) error {
			_, err := io.Copy(w, bytes.NewReader(content))
			return err
		})
	}
	if err := write(training.ResultsName, o.Results); err != nil {
		return err
	}
	for _, part := range o.Parts {
		if err := write(part.Name, part.Content); err != nil {
			return err
		}
	}
	return write(training.ManifestName, o.ManifestBytes)
}
