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
	retryTime  = 2 * time.Minute
)

// retry calls f until it succeeds, fails for good, or storage has been unavailable for too long.
func retry(ctx context.Context, log *stageLog, doing string, f func() error) error {
	began, wait := time.Now(), retryFirst
	for {
		err := f()
		if err == nil || !errors.Is(err, storage.ErrUnavailable) || time.Since(began)+wait > retryTime {
			return err
		}
		log.Warn("storage is unavailable, trying again", "doing", doing, "error", err.Error(), "after", wait.String())
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return errors.Join(ctx.Err(), err)
		}
		wait = min(2*wait, retryMost)
	}
}
