package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/swath-dev/swath/internal/storage"
)

func newUpload() *cobra.Command {
	var url, namespace, id string
	c := &cobra.Command{
		Use:   "upload FILE --storage URL --namespace NAMESPACE",
		Short: "Put a training file into storage and say its ID",
		Args:  cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			switch {
			case url == "":
				return usageError{errors.New("--storage is missing: give the bucket's URL, such as s3://bucket?region=eu-central-1 or file:///folder")}
			case namespace == "":
				return usageError{errors.New("--namespace is missing")}
			}
			if id == "" {
				id = newFileID()
			}
			info, err := upload(c.Context(), args[0], url, namespace, id)
			if err != nil {
				return err
			}
			_, err = fmt.Fprintln(c.OutOrStdout(), info.ID)
			return err
		},
	}
	c.Flags().StringVar(&url, "storage", "", "the bucket's URL (required)")
	c.Flags().StringVar(&namespace, "namespace", "", "namespace whose jobs are to use the file (required)")
	c.Flags().StringVar(&id, "id", "", "ID of the file (by default a new one)")
	return c
}

// newFileID makes an ID that nobody can guess and no other file has.
func newFileID() string { return "file-" + strings.ToLower(rand.Text()[:12]) }

func upload(ctx context.Context, path, url, namespace, id string) (_ storage.FileInfo, err error) {
	file, err := os.Open(path)
	if err != nil {
		return storage.FileInfo{}, fmt.Errorf("uploading: %w", err)
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	store, err := storage.Open(ctx, url, namespace)
	if err != nil {
		return storage.FileInfo{}, err
	}
	defer func() { err = errors.Join(err, store.Close()) }()
	return store.PutFile(ctx, id, filepath.Base(path), file, time.Now())
}
