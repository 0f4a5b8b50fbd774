package plugin

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/swath-dev/swath/api/v1alpha1"
	"github.com/swath-dev/swath/internal/training/manifest"
)

// downloading are the flags of download.
type downloading struct {
	output, part string
	force        bool
}

func newDownload(s *session) *cobra.Command {
	var f downloading
	command := &cobra.Command{
		Use: "download MODEL|JOB|FILE-ID", Short: "Download a model, or a file",
		Long: "Download all parts of a model into a folder, or one of them. The model is named by its ID or by the job that trained it. " +
			"An ID such as file-lw3zjxrg2k7q names an uploaded file or a results file.\n\n" +
			"Without --output a model goes into a folder with its ID as name, a part into a file with its name, and a file into one with " +
			"the name that it was uploaded with, or with its ID where that name is no plain one. Nothing is overwritten without --force.",
		Example: "  kubectl swath download landcover -o landcover-model\n  kubectl swath download model-5ms9ja6hk2x0 --part model.onnx",
		Args:    cobra.ExactArgs(1), ValidArgsFunction: s.completeModelsAndFiles,
		RunE: func(c *cobra.Command, args []string) error {
			if strings.HasPrefix(args[0], filePrefix) {
				return s.downloadFile(c.Context(), args[0], f)
			}
			return s.downloadModel(c.Context(), args[0], f)
		},
	}
	command.Flags().StringVarP(&f.output, "output", "o", "", "the folder, or with --part or for a file the file, to write to")
	command.Flags().StringVar(&f.part, "part", "", "the only part to download, such as model.onnx or report.html")
	command.Flags().BoolVar(&f.force, "force", false, "overwrite what is there")
	return command
}

func (s *session) downloadFile(ctx context.Context, id string, f downloading) error {
	if f.part != "" {
		return fmt.Errorf("--part is for models, and %s is a file", id)
	}
	gateway, err := s.connect(ctx)
	if err != nil {
		return err
	}
	defer gateway.close()
	about, err := callJSON[uploadedFile](ctx, gateway, http.MethodGet, path("files", id), nil)
	if err != nil {
		return fmt.Errorf("downloading %s: %w", id, err)
	}
	name := target(f.output, plainName(about.Filename, about.ID))
	if err := s.save(ctx, gateway, path("files", id, "content"), name, f.force, nil); err != nil {
		return err
	}
	fmt.Fprintln(s.Out, name)
	return nil
}

func (s *session) downloadModel(ctx context.Context, name string, f downloading) error {
	model, err := s.modelNamed(ctx, name)
	if err != nil {
		return err
	}
	output := f.output
	if f.part != "" {
		output = target(output, plainName(f.part, model.id))
	} else if output == "" {
		output = model.id
	}
	if !f.force && f.part == "" {
		if err := freeFolder(output); err != nil {
			return err
		}
	}
	gateway, err := s.connect(ctx)
	if err != nil {
		return err
	}
	defer gateway.close()
	if err := model.complete(ctx, gateway); err != nil {
		return err
	}
	if f.part != "" {
		err = s.savePart(ctx, gateway, model, f.part, output, f.force)
	} else {
		err = s.saveModel(ctx, gateway, model, output, f.force)
	}
	if err != nil {
		return err
	}
	fmt.Fprintln(s.Out, output)
	return nil
}

// saveModel downloads all parts of a model into a folder.
func (s *session) saveModel(ctx context.Context, gateway *gatewayClient, model namedModel, folder string, force bool) error {
	archive := partialName(folder)
	defer os.Remove(archive) // It is there only if it was fetched.
	if err := s.fetch(ctx, gateway, path("models", model.id, "content"), archive); err != nil {
		return err
	}
	err := unpack(archive, folder, force, func(folder string) error { return checkFolder(folder, model.digest) })
	if damaged, ok := errors.AsType[*manifest.DamagedError](err); ok {
		return errDamaged(model.id, damaged)
	}
	if err != nil {
		return fmt.Errorf("unpacking the model into %s: %w", folder, err)
	}
	return nil
}

// savePart downloads one part of a model into a file.
func (s *session) savePart(ctx context.Context, gateway *gatewayClient, model namedModel, part, name string, force bool) error {
	from := func(part string) string {
		return path("models", model.id, "content") + "?part=" + url.QueryEscape(part)
	}
	err := s.save(ctx, gateway, from(part), name, force, func(partial string) error {
		list := partial
		if part != manifest.FileName {
			list = partialName(name)
			defer os.Remove(list) // It is there only if it was fetched.
			if err := s.fetch(ctx, gateway, from(manifest.FileName), list); err != nil {
				return fmt.Errorf("checking %s: %w", part, err)
			}
		}
		parts, err := readParts(list, model.digest)
		listed, ok := parts[part]
		switch {
		case err != nil || part == manifest.FileName || len(parts) == 0:
			return err
		case !ok:
			return &manifest.DamagedError{What: part, Problem: "model.json does not list it"}
		}
		return checkFile(partial, listed)
	})
	if damaged, ok := errors.AsType[*manifest.DamagedError](err); ok {
		return errDamaged(part+" of "+model.id, damaged)
	}
	return err
}

// namedModel is a model and the SHA-256 of its model.json, which is empty where it is not known.
type namedModel struct{ id, digest string }

// modelNamed finds a model that is named by its ID or by the job that trained it.
func (s *session) modelNamed(ctx context.Context, name string) (namedModel, error) {
	if strings.HasPrefix(name, "model-") {
		return namedModel{id: name}, nil
	}
	cluster, err := s.cluster()
	if err != nil {
		return namedModel{}, err
	}
	job, err := s.job(ctx, cluster, name)
	if err != nil {
		return namedModel{}, err
	}
	if job.Status.TrainedModel == "" {
		return namedModel{}, fmt.Errorf("TrainingJob %s has no model: it is %s", job.Name, job.Status.Phase)
	}
	return modelOf(job), nil
}

func modelOf(job *v1alpha1.TrainingJob) namedModel {
	return namedModel{id: job.Status.TrainedModel, digest: job.Status.ModelDigest}
}

// complete asks the gateway for the digest that is not known yet.
func (m *namedModel) complete(ctx context.Context, gateway *gatewayClient) error {
	if m.digest != "" {
		return nil
	}
	type described struct {
		ManifestSHA256 string `json:"manifest_sha256"`
	}
	about, err := callJSON[described](ctx, gateway, http.MethodGet, path("models", m.id), nil)
	if err != nil {
		return fmt.Errorf("looking for %s: %w", m.id, err)
	}
	m.digest = about.ManifestSHA256
	return nil
}
