package plugin

import (
	"archive/zip"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"
)

func newDownload(s *session) *cobra.Command {
	var output, part string
	command := &cobra.Command{
		Use: "download MODEL|JOB|FILE-ID", Short: "Download a model, or a file",
		Long: "Download all parts of a model into a folder, or one of them. The model is named by its ID or by the job that trained it. " +
			"An ID such as file-lw3zjxrg2k7q names an uploaded file or a results file.",
		Example: "  kubectl swath download landcover -o landcover-model\n  kubectl swath download model-5ms9ja6hk2x0 --part model.onnx",
		Args:    cobra.ExactArgs(1), ValidArgsFunction: s.completeJobs,
		RunE: func(c *cobra.Command, args []string) error {
			return s.download(c.Context(), args[0], output, part)
		},
	}
	command.Flags().StringVarP(&output, "output", "o", "", "the folder, or with --part or for a file the file, to write to")
	command.Flags().StringVar(&part, "part", "", "the only part to download, such as model.onnx or report.html")
	return command
}

func (s *session) download(ctx context.Context, name, output, part string) error {
	gateway, err := s.connect(ctx)
	if err != nil {
		return err
	}
	defer gateway.close()
	if strings.HasPrefix(name, "file-") {
		about, err := callJSON[uploadedFile](ctx, gateway, http.MethodGet, path("files", name), nil)
		if err != nil {
			return fmt.Errorf("downloading %s: %w", name, err)
		}
		if output == "" {
			output = filepath.Base(about.Filename)
		}
		return s.save(ctx, gateway, path("files", name, "content"), output)
	}
	model, err := s.modelNamed(ctx, name)
	if err != nil {
		return err
	}
	content := path("models", model, "content")
	if part != "" {
		if output == "" {
			output = part
		}
		return s.save(ctx, gateway, content+"?part="+url.QueryEscape(part), output)
	}
	if output == "" {
		output = model
	}
	archive := output + ".zip.part"
	defer os.Remove(archive)
	if err := s.fetch(ctx, gateway, content, archive); err != nil {
		return err
	}
	if err := unpack(archive, output); err != nil {
		return fmt.Errorf("unpacking model %s into %s: %w", model, output, err)
	}
	fmt.Fprintln(s.Out, output)
	return nil
}

// modelNamed is the ID of a model that is named by it or by the job that trained it.
func (s *session) modelNamed(ctx context.Context, name string) (string, error) {
	if strings.HasPrefix(name, "model-") {
		return name, nil
	}
	cluster, err := s.cluster()
	if err != nil {
		return "", err
	}
	job, err := s.job(ctx, cluster, name)
	if err != nil {
		return "", err
	}
	if job.Status.TrainedModel == "" {
		return "", fmt.Errorf("TrainingJob %s has no model: it is %s", job.Name, job.Status.Phase)
	}
	return job.Status.TrainedModel, nil
}

// save downloads into a file that is there whole or not at all.
func (s *session) save(ctx context.Context, gateway *gatewayClient, from, name string) error {
	if err := s.fetch(ctx, gateway, from, name+".part"); err != nil {
		return err
	}
	if err := os.Rename(name+".part", name); err != nil {
		return fmt.Errorf("saving to %s: %w", name, err)
	}
	fmt.Fprintln(s.Out, name)
	return nil
}

func (s *session) fetch(ctx context.Context, gateway *gatewayClient, from, name string) error {
	response, err := gateway.call(ctx, http.MethodGet, from, "", nil)
	if err != nil {
		return fmt.Errorf("downloading: %w", err)
	}
	defer response.Body.Close()
	file, err := os.Create(name)
	if err != nil {
		return fmt.Errorf("saving: %w", err)
	}
	_, err = io.Copy(file, newTransfer(response.Body, s.ErrOut, filepath.Base(name), response.ContentLength))
	if err = errors.Join(err, file.Close()); err != nil {
		return errors.Join(fmt.Errorf("saving to %s: %w", name, err), os.Remove(name))
	}
	return nil
}

// unpack writes the files of an archive into a folder. Their names are plain ones; others are refused.
func unpack(archive, folder string) error {
	reader, err := zip.OpenReader(archive)
	if err != nil {
		return err
	}
	defer reader.Close()
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return err
	}
	for _, entry := range reader.File {
		if !filepath.IsLocal(entry.Name) || filepath.Base(entry.Name) != entry.Name {
			return fmt.Errorf("the archive has an entry named %q", entry.Name)
		}
		if err := unpackEntry(entry, filepath.Join(folder, entry.Name)); err != nil {
			return fmt.Errorf("%s: %w", entry.Name, err)
		}
	}
	return nil
}

func unpackEntry(entry *zip.File, name string) error {
	content, err := entry.Open()
	if err != nil {
		return err
	}
	defer content.Close()
	file, err := os.Create(name)
	if err != nil {
		return err
	}
	_, err = io.Copy(file, content)
	return errors.Join(err, file.Close())
}
