//go:build linux

package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
)

// ask runs a program that reads JSON and answers with JSON.
func ask(cmd *exec.Cmd, question, answer any) error {
	var stdout, stderr bytes.Buffer
	if question != nil {
		given, err := json.Marshal(question)
		if err != nil {
			return fmt.Errorf("writing what %s reads: %w", filepath.Base(cmd.Path), err)
		}
		cmd.Stdin = bytes.NewReader(given)
	}
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("running %s: %w: %s", filepath.Base(cmd.Path), err, lastLine(stderr.String()))
	}
	if err := json.Unmarshal(stdout.Bytes(), answer); err != nil {
		return fmt.Errorf("reading the answer of %s: %w", filepath.Base(cmd.Path), err)
	}
	return nil
}

func lastLine(s string) string {
	lines := strings.Split(strings.TrimSpace(s), "\n")
	return lines[len(lines)-1]
}
