package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/swath-dev/swath/internal/contract"
	"github.com/swath-dev/swath/internal/dataset"
	"github.com/swath-dev/swath/internal/storage"
	"github.com/swath-dev/swath/internal/training"
	"github.com/swath-dev/swath/internal/version"
)

// stageOptions are the arguments of a stage, and where things are in its Pod.
type stageOptions struct {
	contract.Args
	// workDir, messagePath and address are those of the contract, but in tests.
	workDir, messagePath, address string
	interval, storeTime           time.Duration
	// fetched are the digests of the files that this process has fetched, by ID.
	fetched map[string]storage.Digest
	log     *stageLog
}

func newStage() *cobra.Command {
	c := &cobra.Command{
		Use:   "stage",
		Short: "Run a stage of a TrainingJob, in its Pod",
		Long: "Run a stage of a TrainingJob as the operator's contract says. Where storage is comes from the environment: " +
			contract.EnvStorageURL + " and " + contract.EnvStoragePrefix + ".",
		Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			return usageError{errors.New("name a stage: download, validate or train")}
		},
	}
	c.AddCommand(
		newOneStage(contract.StageDownload, "Fetch the files from storage", downloadStage),
		newOneStage(contract.StageValidate, "Check the files", validateStage),
		newOneStage(contract.StageTrain, "Train, and store the model", trainStage),
	)
	return c
}

func newOneStage(stage contract.Stage, short string, do func(context.Context, *stageOptions) (contract.Message, error)) *cobra.Command {
	o := &stageOptions{Args: contract.Args{Stage: stage}, fetched: map[string]storage.Digest{}}
	c := &cobra.Command{
		Use: string(stage), Short: short, Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error { return o.run(c, do) },
	}
	flags := c.Flags()
	flags.StringVar(&o.Job, contract.FlagJob, "", "ID of the job (required)")
	flags.Int32Var(&o.Start, contract.FlagStart, 0, "number of the start")
	flags.StringVar(&o.Task, contract.FlagTask, "", "classification or segmentation (required)")
	flags.StringVar(&o.TrainingFile, contract.FlagTrainingFile, "", "ID of the training file (required)")
	flags.StringVar(&o.ValidationFile, contract.FlagValidationFile, "", "ID of the validation file")
	flags.StringVar(&o.TrainingDigest, contract.FlagTrainingDigest, "", "SHA-256 that the training file must have")
	flags.StringVar(&o.ValidationDigest, contract.FlagValidationDigest, "", "SHA-256 that the validation file must have")
	flags.StringVar(&o.Hyperparameters, contract.FlagHyperparameters, "", "hyperparameters as JSON")
	flags.StringVar(&o.workDir, "work-dir", contract.WorkDir, "folder to write to")
	flags.StringVar(&o.messagePath, "termination-message-path", contract.TerminationMessagePath, "file for the termination message, which must be there")
	flags.DurationVar(&o.interval, "checkpoint-interval", training.CheckpointInterval, "how often checkpoints are written at most")
	flags.DurationVar(&o.storeTime, "store-time", retryStoring, "how long storing the model is tried while storage is unavailable")
	flags.StringVar(&o.address, "listen", fmt.Sprintf(":%d", contract.ProgressPort), "address to serve progress and metrics at")
	return c
}

// run does the stage and says how it ended, in the termination message and in the exit code.
func (o *stageOptions) run(c *cobra.Command, do func(context.Context, *stageOptions) (contract.Message, error)) error {
	o.log = newStageLog(c.ErrOrStderr())
	message, err := contract.Message{}, o.check()
	if err == nil {
		message, err = do(c.Context(), o)
	}
	message.Job, message.Start, message.Stage = o.Job, o.Start, o.Stage
	if errors.Is(err, storage.ErrDenied) {
		err = fmt.Errorf("%w; renew the credentials that the Pods of this namespace have, or their rights: the next start uses the new ones", err)
	}
	if err != nil {
		message.Error = o.nameFiles(c.Context(), sentence(err))
	}
	if writeErr := o.writeMessage(message); writeErr != nil {
		o.log.Warn("the termination message could not be written", "error", writeErr)
	}
	return err
}

func (o *stageOptions) check() error {
	switch {
	case o.Job == "":
		return usageError{errors.New("--job is missing")}
	case o.TrainingFile == "":
		return usageError{errors.New("--training-file is missing")}
	}
	for _, id := range []string{o.Job, o.TrainingFile, o.ValidationFile} {
		if id != "" {
			if err := storage.CheckName(id); err != nil {
				return err
			}
		}
	}
	switch dataset.Task(o.Task) {
	case dataset.Classification, dataset.Segmentation:
		return nil
	}
	return usageError{fmt.Errorf("--task is %q and must be classification or segmentation", o.Task)}
}

// writeMessage writes the termination message into the file that the kubelet has made; elsewhere there is none, and
// nothing is written.
func (o *stageOptions) writeMessage(message contract.Message) error {
	data, err := message.Encode()
	if err != nil {
		return err
	}
	file, err := os.OpenFile(o.messagePath, os.O_WRONLY|os.O_TRUNC, 0)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if _, err := file.Write(data); err != nil {
		return errors.Join(err, file.Close())
	}
	return file.Close()
}

// openStorage opens the namespace's part of the bucket that the environment names.
func openStorage(ctx context.Context) (*storage.Store, error) {
	url, prefix := os.Getenv(contract.EnvStorageURL), os.Getenv(contract.EnvStoragePrefix)
	if url == "" || prefix == "" {
		return nil, usageError{fmt.Errorf("%s and %s must say where storage is", contract.EnvStorageURL, contract.EnvStoragePrefix)}
	}
	return storage.Open(ctx, url, prefix)
}

// checkOwner makes sure that storage belongs to the namespace of this Pod, by one of the ways of [storage.Store]. An operator
// from before there were owners says no UID.
func (o *stageOptions) checkOwner(ctx context.Context, check func(ctx context.Context, uid string) error) error {
	uid := os.Getenv(contract.EnvNamespaceUID)
	if uid == "" {
		return nil
	}
	return o.reading(ctx, "looking whose the storage is", func() error { return check(ctx, uid) })
}

// path is where a file of storage is in this Pod.
func (o *stageOptions) path(id string) string {
	if id == "" {
		return ""
	}
	return filepath.Join(o.workDir, id)
}

func (o *stageOptions) file(id string) training.File {
	digest := o.fetched[id]
	return training.File{Path: o.path(id), Name: id, SHA256: digest.SHA256, Bytes: digest.Bytes}
}

func (o *stageOptions) request() (training.Request, error) {
	hyperparameters, err := training.ParseHyperparameters(o.Hyperparameters)
	if err != nil {
		return training.Request{}, err
	}
	limit, err := memoryLimit()
	return training.Request{
		Task:            dataset.Task(o.Task),
		Training:        o.file(o.TrainingFile),
		Validation:      o.file(o.ValidationFile),
		Hyperparameters: hyperparameters,
		Job:             o.Job,
		Model:           contract.ModelID(o.Job),
		MemoryLimit:     limit,
		Trainer:         version.String(),
	}, err
}

// downloadStage fetches the files for the stage validate.
func downloadStage(ctx context.Context, o *stageOptions) (contract.Message, error) {
	store, err := openStorage(ctx)
	if err != nil {
		return contract.Message{}, err
	}
	defer store.Close()
	// Preparing does not write to storage: the storage of a new namespace is claimed by its first training.
	if err := o.checkOwner(ctx, store.CheckOwner); err != nil {
		return contract.Message{}, err
	}
	return contract.Message{}, o.fetch(ctx, store)
}

// fetch copies the files from storage and checks their digests where they are known.
func (o *stageOptions) fetch(ctx context.Context, store *storage.Store) error {
	if err := o.checkRoom(ctx, store); err != nil {
		return err
	}
	for _, file := range []struct{ id, digest string }{{o.TrainingFile, o.TrainingDigest}, {o.ValidationFile, o.ValidationDigest}} {
		if file.id == "" {
			continue
		}
		var digest storage.Digest
		err := o.reading(ctx, "fetching a file", func() (err error) {
			digest, err = store.FetchFile(ctx, file.id, o.path(file.id))
			return err
		})
		switch {
		case errors.Is(err, storage.ErrNotFound):
			return &noFileError{file.id}
		case err != nil:
			return fmt.Errorf("fetching file %s: %w", file.id, err)
		}
		if file.digest != "" && digest.SHA256 != file.digest {
			return &changedFileError{file.id, file.digest, digest.SHA256}
		}
		o.fetched[file.id] = digest
		o.log.Info("fetched", "file", file.id, "bytes", digest.Bytes, "sha256", digest.SHA256)
	}
	return nil
}

// prepare checks the files and chooses the hyperparameters, within the memory of the container.
func (o *stageOptions) prepare(ctx context.Context) (*training.Session, error) {
	request, err := o.request()
	if err != nil {
		return nil, err
	}
	keepMemory(request.MemoryLimit)
	session, err := training.Prepare(ctx, request)
	if err != nil {
		return nil, err
	}
	for _, warning := range session.Warnings() {
		o.log.Warn(warning)
	}
	return session, nil
}

// validateStage checks the files that the stage download has fetched. Its message says what training is going to use.
func validateStage(ctx context.Context, o *stageOptions) (contract.Message, error) {
	session, err := o.prepare(ctx)
	if err != nil {
		return contract.Message{}, err
	}
	defer session.Close()
	message := contract.Message{Job: o.Job, Start: o.Start, Stage: o.Stage, Warnings: session.Warnings()}
	for i, file := range session.Files() {
		into := &message.Training
		if i > 0 {
			into = &message.Validation
		}
		*into = &contract.File{SHA256: file.SHA256, Bytes: file.Bytes, Samples: int64(file.Samples)}
		o.log.Info("valid", "file", file.ID, "samples", file.Samples)
	}
	if message.Hyperparameters, err = json.Marshal(session.Settings()); err != nil {
		return contract.Message{}, fmt.Errorf("encoding the hyperparameters: %w", err)
	}
	return message, nil
}
