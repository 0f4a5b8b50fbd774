package storage_test

import (
	"bytes"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"github.com/swath-dev/swath/internal/storage"
)

// withLargeManifest opens the storage of a namespace that has a model with the largest manifest that is read.
func withLargeManifest(t *testing.T, namespace string) *storage.Store {
	t.Helper()
	store, err := storage.Open(t.Context(), "file://"+t.TempDir(), namespace)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = store.Close() })
	parts := []storage.Part{{Name: "model.onnx", Content: []byte("weights")}}
	if _, err := store.CommitModel(t.Context(), "model-a", parts, bytes.Repeat([]byte(" "), 4<<20)); err != nil {
		t.Fatal(err)
	}
	return store
}

// However many ask, 8 MiB of a namespace's manifests are in memory, and 32 MiB of all.
func TestManifestsInMemoryAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		proceed := make(chan struct{})
		var inUse, ended atomic.Int32
		hold := func(store *storage.Store) {
			for range 6 {
				go func() {
					err := store.WithManifest(t.Context(), "model-a", func(manifest []byte) error {
						if len(manifest) != 4<<20 {
							t.Errorf("the manifest has %d bytes", len(manifest))
						}
						inUse.Add(1)
						<-proceed
						return nil
					})
					if err != nil {
						t.Error(err)
					}
					ended.Add(1)
				}()
			}
			synctest.Wait()
		}
		for i, want := range []int32{2, 4, 6, 8, 8, 8} {
			hold(withLargeManifest(t, fmt.Sprintf("tenant-%d", i)))
			if got := inUse.Load(); got != want {
				t.Errorf("%d manifests of %d namespaces are in memory, want %d", got, i+1, want)
			}
		}
		close(proceed)
		synctest.Wait()
		if got := ended.Load(); got != 36 {
			t.Errorf("%d have had their manifest, want 36", got)
		}
	})
}

// Whatever reads a manifest waits for its turn: here the share of the namespace is in use.
func TestWhatReadsAManifestWaitsForItsTurn(t *testing.T) {
	for name, call := range map[string]func(*testing.T, *storage.Store) error{
		"ModelInfo": func(t *testing.T, s *storage.Store) error {
			info, err := s.ModelInfo(t.Context(), "model-a")
			if info.Bytes != 4<<20+int64(len("weights")) {
				return fmt.Errorf("described as %+v (%w)", info, err)
			}
			return err
		},
		"ModelParts": func(t *testing.T, s *storage.Store) error {
			_, err := s.ModelParts(t.Context(), "model-a")
			return err
		},
		"OpenModelPart": func(t *testing.T, s *storage.Store) error {
			reader, err := s.OpenModelPart(t.Context(), "model-a", "model.onnx")
			if err != nil {
				return err
			}
			return reader.Close()
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				store := withLargeManifest(t, "tenant")
				proceed, done := make(chan struct{}), make(chan error, 1)
				for range 2 {
					go func() {
						_ = store.WithManifest(t.Context(), "model-a", func([]byte) error {
							<-proceed
							return nil
						})
					}()
				}
				synctest.Wait()
				go func() { done <- call(t, store) }()
				synctest.Wait()
				select {
				case err := <-done:
					t.Errorf("it does not wait (%v)", err)
				default:
				}
				close(proceed)
				synctest.Wait()
				select {
				case err := <-done:
					if err != nil {
						t.Error(err)
					}
				default:
					t.Error("it still waits")
				}
			})
		})
	}
	if _, err := withLargeManifest(t, "tenant").ModelInfo(t.Context(), "model-b"); !errors.Is(err, storage.ErrNotFound) {
		t.Errorf("a model that is not there: %v", err)
	}
}
