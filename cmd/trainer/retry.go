package main

import (
	"context"
	"errors"
	"time"

	"github.com/swath-dev/swath/internal/storage"
)

// How long storage that fails for now is tried again, before the stage ends and leaves further tries to the operator.
const (
	retryFirst = time.Second
	retryMost  = 15 * time.Second
	// retryTime is for what comes before training: another start costs nothing then. A model that is trained is worth
	// waiting for: storing it is tried for as long as the Pod may live, within retryStoring.
	retryTime    = 2 * time.Minute
	retryStoring = 24 * time.Hour
)

// retry calls f until it succeeds, fails for good, or storage has been unavailable for too long.
func (o *stageOptions) retry(ctx context.Context, most time.Duration, doing string, f func() error) error {
	began, wait := time.Now(), retryFirst
	for {
		err := f()
		if err == nil || !errors.Is(err, storage.ErrUnavailable) || time.Since(began)+wait > most {
			return err
		}
		o.log.Warn("storage is unavailable, trying again", "doing", doing, "error", err.Error(), "after", wait.String())
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return errors.Join(ctx.Err(), err)
		}
		wait = min(2*wait, retryMost)
	}
}

// reading tries again what comes before training.
func (o *stageOptions) reading(ctx context.Context, doing string, f func() error) error {
	return o.retry(ctx, retryTime, doing, f)
}

// storing tries again to store a model.
func (o *stageOptions) storing(ctx context.Context, doing string, f func() error) error {
	return o.retry(ctx, o.storeTime, doing, f)
}
