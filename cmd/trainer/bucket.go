package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"

	"github.com/swath-dev/swath/internal/storage"
	"github.com/swath-dev/swath/internal/training/checkpoint"
)

// jobCheckpoints keeps the checkpoints of a job in its bucket.
type jobCheckpoints struct {
	store *storage.Store
	job   string
}

// Names implements checkpoint.Store.
func (c jobCheckpoints) Names(ctx context.Context) ([]string, error) {
	objects, err := c.store.JobObjects(ctx, c.job)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, object := range objects {
		names = append(names, object.Key)
	}
	return names, nil
}

// Write implements checkpoint.Store. The bucket shows an object when it is whole, and not before.
func (c jobCheckpoints) Write(ctx context.Context, name string, write func(io.Writer) error) error {
	reader, writer := io.Pipe()
	written := make(chan struct{})
	go func() {
		defer close(written)
		writer.CloseWithError(write(writer))
	}()
	_, err := c.store.PutJobObject(ctx, c.job, name, reader)
	// Where the bucket did not take everything the goroutine ends now; it must not read on while training goes on.
	reader.CloseWithError(io.ErrClosedPipe)
	<-written
	return denied(err)
}

// Open implements checkpoint.Store.
func (c jobCheckpoints) Open(ctx context.Context, name string) (io.ReadCloser, error) {
	reader, err := c.store.OpenJobObject(ctx, c.job, name)
	if errors.Is(err, storage.ErrNotFound) {
		return nil, fmt.Errorf("%w: %w", fs.ErrNotExist, err)
	}
	if err != nil {
		return nil, err
	}
	return reader, nil
}

// Remove implements checkpoint.Store.
func (c jobCheckpoints) Remove(ctx context.Context, name string) error {
	return c.store.DeleteJobObject(ctx, c.job, name)
}

// denied says of an error of storage in the words of checkpoint.Store that access is denied.
func denied(err error) error {
	if errors.Is(err, storage.ErrDenied) {
		return fmt.Errorf("%w: %w", checkpoint.ErrDenied, err)
	}
	return err
}
