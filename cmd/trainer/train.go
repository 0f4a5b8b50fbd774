package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/swath-dev/swath/internal/dataset"
	"github.com/swath-dev/swath/internal/training"
	"github.com/swath-dev/swath/internal/training/checkpoint"
	"github.com/swath-dev/swath/internal/version"
)

// trainOptions are the flags of train.
type trainOptions struct {
	task, trainingFile, validationFile, output string
	dryRun                                     bool
	workers                                    int
	checkpointInterval                         time.Duration
	hyper                                      hyperparameterFlags
}

func newTrain() *cobra.Command {
	o := &trainOptions{}
	c := &cobra.Command{
		Use:   "train --task TASK --training-file FILE [--validation-file FILE] --output DIR",
		Short: "Train a model",
		Long: "Train a model and write it to a folder: model.onnx, model.json, results.csv, report.html and pictures.\n" +
			"Hyperparameters that are not given are chosen by the data. Interrupted, the same command goes on where it was.",
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error { return o.run(c) },
	}
	flags := c.Flags()
	flags.SortFlags = false
	flags.StringVar(&o.task, "task", "", "classification or segmentation (required)")
	flags.StringVar(&o.trainingFile, "training-file", "", "training file (required)")
	flags.StringVar(&o.validationFile, "validation-file", "", "validation file")
	flags.StringVar(&o.output, "output", "", "folder to write the model to (required, but for --dry-run)")
	flags.BoolVar(&o.dryRun, "dry-run", false, "check the files and say how long training would take and how much memory")
	o.hyper.register(flags)
	flags.IntVar(&o.workers, "workers", 0, "threads that compute; they change the time only (by default all cores)")
	flags.DurationVar(&o.checkpointInterval, "checkpoint-interval", training.CheckpointInterval, "how often checkpoints are written at most")
	return c
}

func (o *trainOptions) check() error {
	if err := checkTask(o.task, o.hyper.numClasses); err != nil {
		return err
	}
	switch {
	case o.trainingFile == "":
		return usageError{errors.New("--training-file is missing")}
	case o.output == "" && !o.dryRun:
		return usageError{errors.New("--output is missing: name the folder to write the model to")}
	}
	return nil
}

func (o *trainOptions) run(c *cobra.Command) error {
	if err := o.check(); err != nil {
		return err
	}
	ctx := c.Context()
	keepMemory(0)
	display := newDisplay(c.ErrOrStderr())
	display.checking()
	session, err := training.Prepare(ctx, o.request())
	if err != nil {
		display.end()
		return err
	}
	defer session.Close()
	for _, warning := range session.Warnings() {
		display.warn(warning)
	}
	display.settings(session)
	if o.dryRun {
		return o.estimate(ctx, c.OutOrStdout(), session)
	}
	folder := outputFolder(o.output)
	standing, err := folder.standing(session)
	if err != nil {
		return err
	}
	if standing {
		fmt.Fprintf(c.OutOrStdout(), "%s has this model already\n", o.output)
		return nil
	}
	if err := os.MkdirAll(o.output, 0o777); err != nil {
		return fmt.Errorf("making the output folder: %w", err)
	}
	outcome, err := o.train(ctx, session, display)
	if err != nil {
		return err
	}
	display.finish(outcome)
	fmt.Fprintf(c.OutOrStdout(), "wrote the model to %s; %s shows how good it is\n", o.output, filepath.Join(o.output, "report.html"))
	return nil
}

// train trains with checkpoints in the output folder, and writes the model there.
func (o *trainOptions) train(ctx context.Context, session *training.Session, display *display) (*training.Outcome, error) {
	store := checkpoint.Folder(filepath.Join(o.output, checkpointFolder))
	checkpoints := training.NewCheckpoints(store, o.checkpointInterval, display.warn)
	run := &trainingRun{session: session, checkpoints: checkpoints, progress: &training.Progress{}, watcher: display, read: once, store: once}
	outcome, err := run.do(ctx, func(_ context.Context, outcome *training.Outcome) error {
		if err := outputFolder(o.output).write(outcome); err != nil {
			return fmt.Errorf("writing the model: %w", err)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	if err := errors.Join(checkpoints.Clear(ctx), os.RemoveAll(string(store))); err != nil {
		display.warn(fmt.Sprintf("the checkpoints could not be removed: %v", err))
	}
	return outcome, nil
}

func (o *trainOptions) request() training.Request {
	return training.Request{
		Task:            dataset.Task(o.task),
		Training:        localFile(o.trainingFile),
		Validation:      localFile(o.validationFile),
		Hyperparameters: o.hyper.values(),
		Workers:         o.workers,
		Trainer:         version.String(),
	}
}

// localFile is a file whose name does not depend on where the command was started.
func localFile(path string) training.File {
	if path == "" {
		return training.File{}
	}
	return training.File{Path: path, Name: filepath.Base(path)}
}

func (o *trainOptions) estimate(ctx context.Context, w io.Writer, session *training.Session) error {
	estimate, err := session.Estimate(ctx)
	if err != nil {
		return err
	}
	settings, err := json.Marshal(session.Settings())
	if err != nil {
		return fmt.Errorf("encoding the hyperparameters: %w", err)
	}
	_, err = fmt.Fprintf(w, "hyperparameters  %s\nsteps            %d\ntime             about %s on this machine\nmemory           about %s\n",
		settings, estimate.Steps, duration(estimate.Duration), training.Bytes(estimate.Memory))
	return err
}
