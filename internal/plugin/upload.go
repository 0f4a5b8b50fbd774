package plugin

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"
)

func newUpload(s *session) *cobra.Command {
	return &cobra.Command{
		Use:     "upload FILE…",
		Short:   "Upload training or validation files, and print their IDs",
		Example: "  kubectl swath upload ships-train.h5 ships-validation.h5",
		Args:    cobra.MinimumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			gateway, err := s.connect(c.Context())
			if err != nil {
				return err
			}
			defer gateway.close()
			for _, name := range args {
				uploaded, err := s.uploadFile(c.Context(), gateway, name)
				if err != nil {
					return err
				}
				fmt.Fprintln(s.Out, uploaded.ID)
			}
			return nil
		},
	}
}

func (s *session) uploadFile(ctx context.Context, gateway *gatewayClient, name string) (uploadedFile, error) {
	file, err := os.Open(name)
	if err != nil {
		return uploadedFile{}, fmt.Errorf("opening the file: %w", err)
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return uploadedFile{}, fmt.Errorf("opening the file: %w", err)
	}
	if info.IsDir() {
		return uploadedFile{}, fmt.Errorf("%s is a folder; name a file", name)
	}
	uploaded, err := gateway.upload(ctx, filepath.Base(name), newTransfer(io.Reader(file), s.ErrOut, name, info.Size()))
	if err != nil {
		return uploadedFile{}, fmt.Errorf("uploading %s: %w", name, err)
	}
	fmt.Fprintf(s.ErrOut, "%s uploaded as %s, %s\n", name, uploaded.ID, byteCount(uploaded.Bytes))
	return uploaded, nil
}
