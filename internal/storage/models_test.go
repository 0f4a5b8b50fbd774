package storage_test

import (
	"encoding/json"
	"errors"
	"io"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

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

// manifestOf is a manifest that lists the parts, as trainers write it.
func manifestOf(t *testing.T, trainer string, parts []storage.Part) []byte {
	t.Helper()
	type listed struct {
		Name   string `json:"name"`
		SHA256 string `json:"sha256"`
	}
	m := struct {
		Trainer string   `json:"trainer"`
		Parts   []listed `json:"parts"`
	}{Trainer: trainer}
	for _, part := range parts {
		m.Parts = append(m.Parts, listed{part.Name, storage.DigestOf(part.Content).SHA256})
	}
	data, err := json.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func read(t *testing.T, store *storage.Store, id, part string) string {
	t.Helper()
	reader, err := store.OpenModelPart(t.Context(), id, part)
	if err != nil {
		t.Fatalf("opening %s: %v", part, err)
	}
	defer reader.Close()
	data, err := io.ReadAll(reader)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// Trainers of different versions write different parts. Whoever's manifest wins, the parts are its own, however the others
// write in between.
func TestTrainersOfDifferentVersionsDoNotMixTheirParts(t *testing.T) {
	eachBucket(t, func(t *testing.T, store *storage.Store) {
		const trainers = 6
		var wait sync.WaitGroup
		errs := make([]error, trainers)
		for i := range trainers {
			wait.Go(func() {
				version := strings.Repeat("v", i+1)
				parts := []storage.Part{{Name: "model.onnx", Content: []byte("weights of " + version)}, {Name: "report.html", Content: []byte("report of " + version)}}
				if i == 0 {
					parts = append(parts, storage.Part{Name: "only-here.png", Content: []byte("picture")})
				}
				_, errs[i] = store.CommitModel(t.Context(), "model-a", parts, manifestOf(t, version, parts))
			})
		}
		wait.Wait()
		winner := slices.Index(errs, nil)
		if winner < 0 {
			t.Fatalf("nobody has won: %v", errs)
		}
		version := strings.Repeat("v", winner+1)
		if weights, report := read(t, store, "model-a", "model.onnx"), read(t, store, "model-a", "report.html"); weights != "weights of "+version || report != "report of "+version {
			t.Errorf("of the trainer %s there are %q and %q", version, weights, report)
		}
		want := []string{"model.json", "model.onnx", "report.html"}
		if winner == 0 {
			want = []string{"model.json", "model.onnx", "only-here.png", "report.html"}
		}
		for range 2 {
			parts, err := store.ModelParts(t.Context(), "model-a")
			var names []string
			var bytes int64
			for _, part := range parts {
				names, bytes = append(names, part.Key), bytes+part.Bytes
			}
			if diff := cmp.Diff(want, names); diff != "" || err != nil {
				t.Errorf("its parts (%v): %s", err, diff)
			}
			if info, err := store.ModelInfo(t.Context(), "model-a"); err != nil || info.Bytes != bytes {
				t.Errorf("described as %+v (%v), want %d bytes", info, err, bytes)
			}
			if err := store.DeleteStrayParts(t.Context(), "model-a"); err != nil {
				t.Fatal(err)
			}
			if folders, err := store.ModelFolders(t.Context(), 10); err != nil || len(folders) != 1 || folders[0].Mixed {
				t.Errorf("left once stray parts are deleted: %+v (%v)", folders, err)
			}
		}
	})
}

// A model that was stored before parts had a folder of their own has them beside its manifest.
func TestPartsBesideTheirManifestAreRead(t *testing.T) {
	eachBucket(t, func(t *testing.T, store *storage.Store) {
		parts := []storage.Part{{Name: "model.onnx", Content: []byte("weights")}}
		if _, err := store.CommitModel(t.Context(), "model-a", parts, []byte("{}")); err != nil {
			t.Fatal(err)
		}
		manifest := manifestOf(t, "old", parts)
		if err := storage.OverwriteManifest(t.Context(), store, "model-a", manifest); err != nil {
			t.Fatal(err)
		}
		if got := read(t, store, "model-a", "model.onnx"); got != "weights" {
			t.Errorf("read %q", got)
		}
		listed, err := store.ModelParts(t.Context(), "model-a")
		want := []storage.Object{{Key: "model.json", Bytes: int64(len(manifest))}, {Key: "model.onnx", Bytes: 7}}
		if diff := cmp.Diff(want, listed, cmpopts.IgnoreFields(storage.Object{}, "Changed")); diff != "" || err != nil {
			t.Errorf("its parts (%v): %s", err, diff)
		}
	})
}

func TestAManifestThatListsOtherPartsIsNotCommitted(t *testing.T) {
	store := open(t, "file://"+t.TempDir())
	parts := []storage.Part{{Name: "model.onnx", Content: []byte("weights")}}
	manifest := manifestOf(t, "a", parts)
	parts[0].Content = []byte("others")
	if _, err := store.CommitModel(t.Context(), "model-a", parts, manifest); err == nil {
		t.Error("it is committed")
	}
	if folders, err := store.ModelFolders(t.Context(), 10); len(folders) != 0 || err != nil {
		t.Errorf("left: %v (%v)", folders, err)
	}
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
