package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/swath-dev/swath/internal/contract"
	"github.com/swath-dev/swath/internal/storage"
	"github.com/swath-dev/swath/internal/training"
	"github.com/swath-dev/swath/internal/training/manifest"
)

// logName is the object of a job that holds the end of the log of one start of its training.
func logName(start int32) string { return fmt.Sprintf("train-log-%d.txt", start) }

// memoryLimit is the container's, as the operator says it; 0 where it does not.
func memoryLimit() (int64, error) {
	return bytesVariable(contract.EnvMemoryLimit)
}

// trainStage fetches the files, trains from the last checkpoint on, and stores the model. If the model is there already,
// it only says so again.
func trainStage(ctx context.Context, o *stageOptions) (_ contract.Message, err error) {
	store, err := openStorage(ctx)
	if err != nil {
		return contract.Message{}, err
	}
	defer store.Close()
	if err := o.checkOwner(ctx, store.Claim); err != nil {
		return contract.Message{}, err
	}
	if message, done, err := o.standing(ctx, store); done || err != nil {
		return message, err
	}
	defer func() { storeLog(store, o, err) }()
	server, err := startServer(ctx, o)
	if err != nil {
		return contract.Message{}, err
	}
	defer server.stop()
	message, err := o.fetchAndTrain(ctx, store, server)
	if err != nil {
		return server.reached(), err
	}
	return message, nil
}

// fetchAndTrain is trainStage while progress is served.
func (o *stageOptions) fetchAndTrain(ctx context.Context, store *storage.Store, server *progressServer) (contract.Message, error) {
	if err := o.fetch(ctx, store); err != nil {
		return contract.Message{}, err
	}
	session, err := o.prepare(ctx)
	if err != nil {
		return contract.Message{}, err
	}
	defer session.Close()
	if err := server.use(session); err != nil {
		return contract.Message{}, err
	}
	return o.train(ctx, store, session, server)
}

// errStored means that another start has stored the model meanwhile.
var errStored = errors.New("the model is stored already")

// train trains with checkpoints in the bucket, stores results and model there, and says what was stored.
func (o *stageOptions) train(ctx context.Context, store *storage.Store, session *training.Session, server *progressServer) (contract.Message, error) {
	warn := func(text string) { o.log.Warn(text) }
	checkpoints := training.NewCheckpoints(jobCheckpoints{store, o.Job}, o.interval, warn)
	checkpoints.OnStored(server.progress.Stored)
	var stored contract.Message
	run := &trainingRun{
		session: session, checkpoints: checkpoints, progress: server.progress, watcher: stageWatcher{o.log}, read: o.reading, store: o.storing,
		// A start that overlaps this one removes its checkpoints once its model is stored.
		looked: func(ctx context.Context) error {
			message, found, err := o.standing(ctx, store)
			if err == nil && found {
				stored, err = message, errStored
			}
			return err
		},
	}
	var standing []byte
	outcome, err := run.do(ctx, func(ctx context.Context, outcome *training.Outcome) (err error) {
		standing, err = o.commit(ctx, store, outcome)
		return err
	})
	if errors.Is(err, errStored) {
		return stored, nil
	}
	if err != nil {
		return contract.Message{}, err
	}
	for _, warning := range outcome.NewWarnings {
		o.log.Warn(warning)
	}
	o.log.Info("stored the model", "model", outcome.Manifest.ID)
	// The model is safe: that some checkpoints stay is no failure.
	if err := checkpoints.Clear(ctx); err != nil {
		o.log.Warn("the checkpoints could not be removed", "error", err.Error())
	}
	return o.success(outcome.Manifest, standing, outcome.NewWarnings)
}

// stageWatcher writes a line for each epoch, and for what is done after the last one.
type stageWatcher struct{ log *stageLog }

func (w stageWatcher) resumed(step int) { w.log.Info("resumed from a checkpoint", "step", step) }

func (w stageWatcher) watch(s training.Snapshot, epoch bool) {
	switch {
	case epoch:
		w.log.Info("epoch", epochValues(s)...)
	case s.Doing != "":
		w.log.Info(s.Doing, "left", duration(s.Left))
	}
}

// standing looks for the model of this job: it is there when a message was lost after the model was stored.
func (o *stageOptions) standing(ctx context.Context, store *storage.Store) (contract.Message, bool, error) {
	var standing []byte
	err := o.reading(ctx, "looking for the model", func() (err error) {
		standing, err = store.ModelManifest(ctx, contract.ModelID(o.Job))
		return err
	})
	if errors.Is(err, storage.ErrNotFound) {
		return contract.Message{}, false, nil
	}
	if err != nil {
		return contract.Message{}, false, fmt.Errorf("looking for the model: %w", err)
	}
	m, err := manifest.Decode(standing)
	if err != nil || m.Training.Job != o.Job {
		return contract.Message{}, false, &conflictError{store.Location("models/" + contract.ModelID(o.Job))}
	}
	o.log.Info("the model is stored already", "model", m.ID)
	message, err := o.success(m, standing, nil)
	return message, err == nil, err
}

// commit stores the results and the model, and gives the manifest that stands there then.
func (o *stageOptions) commit(ctx context.Context, store *storage.Store, outcome *training.Outcome) ([]byte, error) {
	parts := make([]storage.Part, 0, len(outcome.Parts))
	for _, part := range outcome.Parts {
		parts = append(parts, storage.Part{Name: part.Name, Content: part.Content})
	}
	// Results of a model that comes too late must not replace those of the model that stands.
	if standing, err := store.ModelManifest(ctx, outcome.Manifest.ID); err == nil && !manifest.SameModel(standing, outcome.ManifestBytes) {
		return nil, &conflictError{store.Location("models/" + outcome.Manifest.ID)}
	}
	_, err := store.PutFile(ctx, contract.ResultsFileID(o.Job), training.ResultsName, bytes.NewReader(outcome.Results), time.Now())
	if err != nil {
		return nil, fmt.Errorf("storing the results: %w", err)
	}
	standing, err := store.CommitModel(ctx, outcome.Manifest.ID, parts, outcome.ManifestBytes)
	switch {
	case err == nil, errors.Is(err, storage.ErrExists) && manifest.SameModel(standing, outcome.ManifestBytes):
		return standing, nil
	case errors.Is(err, storage.ErrExists):
		return nil, &conflictError{store.Location("models/" + outcome.Manifest.ID)}
	}
	return nil, fmt.Errorf("storing the model: %w", err)
}

// success is the message that proves the model. The given warnings of it come first: nobody has heard them yet.
func (o *stageOptions) success(m *manifest.Manifest, standing []byte, first []string) (contract.Message, error) {
	var hyperparameters bytes.Buffer
	if err := json.Compact(&hyperparameters, m.Training.Hyperparameters); err != nil {
		return contract.Message{}, fmt.Errorf("reading the hyperparameters of the model: %w", err)
	}
	planned, err := training.PlannedOf(m)
	if err != nil {
		return contract.Message{}, err
	}
	rest := slices.DeleteFunc(slices.Clone(m.Warnings), func(warning string) bool { return slices.Contains(first, warning) })
	return contract.Message{
		Model: m.ID, Manifest: storage.DigestOf(standing).SHA256, ResultsFile: contract.ResultsFileID(o.Job), Summary: training.Summary(m),
		Epoch: int32(m.Training.Epochs), Epochs: int32(planned.Epochs), Step: int64(m.Training.Steps), Steps: int64(planned.Steps),
		BestEpoch: int32(m.Metrics.Epoch), Metrics: modelMetrics(m),
		Hyperparameters: hyperparameters.Bytes(), Warnings: append(slices.Clone(first), rest...),
	}, nil
}

// storeLog keeps the end of the log with the job, so that it survives the Pod.
func storeLog(store *storage.Store, o *stageOptions, end error) {
	if end != nil {
		fmt.Fprintf(o.log.tail, "trainer: %s\n", sentence(end))
	}
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	if _, err := store.PutJobObject(ctx, o.Job, logName(o.Start), bytes.NewReader(o.log.tail.Bytes())); err != nil {
		o.log.Warn("the log could not be stored", "error", err.Error())
	}
}
