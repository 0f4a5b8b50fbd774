package storage_test

import (
	"errors"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/swath-dev/swath/internal/storage"
)

func TestModelIsCommittedOnce(t *testing.T) {
	parts := []storage.Part{{Name: "model.onnx", Content: []byte("weights")}, {Name: "card.md", Content: []byte("card")}}
	eachBucket(t, func(t *testing.T, store *storage.Store) {
		if _, err := store.ModelInfo(t.Context(), "model-a"); !errors.Is(err, storage.ErrNotFound) {
			t.Errorf("a model that nobody committed: %v", err)
		}
		for range 2 { // An equal one is success.
			if _, err := store.CommitModel(t.Context(), "model-a", parts, []byte("first")); err != nil {
				t.Fatalf("committing: %v", err)
			}
		}
		standing, err := store.CommitModel(t.Context(), "model-a", parts, []byte("second"))
		if !errors.Is(err, storage.ErrExists) || string(standing) != "first" {
			t.Errorf("another model in its place: %v, and %q stands", err, standing)
		}
		info, err := store.ModelInfo(t.Context(), "model-a")
		if err != nil || info.Bytes != int64(len("weights")+len("card")+len("first")) || info.CreatedAt.IsZero() {
			t.Errorf("described as %+v (%v)", info, err)
		}
		ids, err := store.ModelIDs(t.Context())
		if diff := cmp.Diff([]string{"model-a"}, ids); diff != "" || err != nil {
			t.Errorf("models listed (%v): %s", err, diff)
		}
		if err := store.DeleteModel(t.Context(), "model-a"); err != nil {
			t.Fatalf("deleting: %v", err)
		}
		if reader, err := store.OpenModelPart(t.Context(), "model-a", "model.onnx"); !errors.Is(err, storage.ErrNotFound) {
			t.Errorf("a part of the deleted model: %v, %v", reader, err)
		}
	})
}

func TestOneOfManyCommitsWins(t *testing.T) {
	eachBucket(t, func(t *testing.T, store *storage.Store) {
		const writers = 8
		var wait sync.WaitGroup
		errs := make([]error, writers)
		for i := range writers {
			wait.Go(func() {
				_, errs[i] = store.CommitModel(t.Context(), "model-a", nil, []byte(strings.Repeat("x", i+1)))
			})
		}
		wait.Wait()
		won := 0
		for _, err := range errs {
			switch {
			case err == nil:
				won++
			case !errors.Is(err, storage.ErrExists):
				t.Errorf("a commit that came late ends with %v", err)
			}
		}
		if won != 1 {
			t.Errorf("%d commits of different manifests succeeded", won)
		}
	})
}

func TestObjectsOfAJobAreListedAndDeleted(t *testing.T) {
	eachBucket(t, func(t *testing.T, store *storage.Store) {
		for _, name := range []string{"b", "a"} {
			if _, err := store.PutJobObject(t.Context(), "trainingjob-x", name, strings.NewReader(name)); err != nil {
				t.Fatal(err)
			}
		}
		objects, err := store.JobObjects(t.Context(), "trainingjob-x")
		if diff := cmp.Diff([]storage.Object{{Key: "a", Bytes: 1}, {Key: "b", Bytes: 1}}, objects); diff != "" || err != nil {
			t.Errorf("objects (%v): %s", err, diff)
		}
		if err := store.DeleteJob(t.Context(), "trainingjob-x"); err != nil {
			t.Fatal(err)
		}
		if objects, err := store.JobObjects(t.Context(), "trainingjob-x"); len(objects) != 0 || err != nil {
			t.Errorf("left: %v (%v)", objects, err)
		}
	})
}
