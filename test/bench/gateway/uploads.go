//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/swath-dev/swath/internal/storage"
)

// measureUploads uploads a file to each kind of storage, beside putting it there without the gateway.
func (b *bench) measureUploads(ctx context.Context) ([]upload, error) {
	path := filepath.Join(b.folder, "file")
	if err := b.makeFile(path); err != nil {
		return nil, err
	}
	for _, variable := range b.s3.environment() {
		name, value, _ := strings.Cut(variable, "=")
		if err := os.Setenv(name, value); err != nil {
			return nil, err
		}
	}
	ways := []struct {
		name, namespace string
		direct          func() error
	}{
		{"file://", namespaceFile, func() error { return copyFile(path, filepath.Join(b.volume(), "copy")) }},
		{"s3://", namespaceS3, func() error { return b.putToS3(ctx, path) }},
	}
	var uploads []upload
	for _, way := range ways {
		direct, err := b.throughput(way.direct)
		if err != nil {
			return nil, fmt.Errorf("putting a file to %s: %w", way.name, err)
		}
		ours, err := b.throughput(func() error { return b.upload(ctx, path, way.namespace) })
		if err != nil {
			return nil, fmt.Errorf("uploading a file to %s: %w", way.name, err)
		}
		uploads = append(uploads, upload{Storage: way.name, OursMBps: ours, DirectMBps: direct, Ratio: ours / direct})
	}
	return uploads, nil
}

// throughput is how many MB (10^6 bytes) a second something moves the file with.
func (b *bench) throughput(move func() error) (float64, error) {
	start := time.Now()
	if err := move(); err != nil {
		return 0, err
	}
	return float64(b.bytes) / 1e6 / time.Since(start).Seconds(), nil
}

// makeFile writes the file that is uploaded: bytes that no file system leaves out or shrinks.
func (b *bench) makeFile(path string) error {
	file, err := os.Create(path)
	if err != nil {
		return err
	}
	random, err := os.Open("/dev/urandom")
	if err != nil {
		return err
	}
	defer random.Close()
	_, err = io.CopyN(file, random, b.bytes)
	return errors.Join(err, file.Close())
}

// copyFile reads and writes as cp does; no file system may share the blocks.
func copyFile(from, to string) error {
	source, err := os.Open(from)
	if err != nil {
		return err
	}
	defer source.Close()
	target, err := os.Create(to)
	if err != nil {
		return err
	}
	defer os.Remove(to)
	_, err = io.CopyBuffer(struct{ io.Writer }{target}, struct{ io.Reader }{source}, make([]byte, 1<<20))
	return errors.Join(err, target.Close())
}

func (b *bench) putToS3(ctx context.Context, path string) error {
	store, err := storage.Open(ctx, b.s3.url, namespaceS3)
	if err != nil {
		return err
	}
	defer store.Close()
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	defer file.Close()
	if _, err := store.PutFile(ctx, "file-direct", "file", file, time.Now()); err != nil {
		return err
	}
	return store.DeleteFile(ctx, "file-direct")
}

// upload uploads as the guides do.
func (b *bench) upload(ctx context.Context, path, namespace string) error {
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	defer file.Close()
	reader, writer := io.Pipe()
	form := multipart.NewWriter(writer)
	go func() {
		part, err := form.CreateFormFile("file", "file.h5")
		if err == nil {
			_, err = io.CopyBuffer(part, struct{ io.Reader }{file}, make([]byte, 1<<20))
		}
		if err == nil {
			err = form.Close()
		}
		_ = writer.CloseWithError(err) // Never fails.
	}()
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, b.address+"/files", reader)
	if err != nil {
		return err
	}
	request.Header.Set("Content-Type", form.FormDataContentType())
	request.Header.Set("Authorization", "Bearer "+b.tokens[namespace+audience])
	response, err := b.http.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if answer, err := io.ReadAll(response.Body); err != nil || response.StatusCode != http.StatusOK {
		return fmt.Errorf("answered %s: %s (%w)", response.Status, answer, err)
	}
	return nil
}
