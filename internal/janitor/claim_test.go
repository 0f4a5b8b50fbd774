package janitor_test

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/swath-dev/swath/api/v1alpha1"
	"github.com/swath-dev/swath/internal/contract"
	"github.com/swath-dev/swath/internal/janitor"
	"github.com/swath-dev/swath/internal/storage"
)

// of are the options of the janitor of a cluster.
func of(cluster string) janitor.Options {
	other := options
	other.Cluster = cluster
	return other
}

func TestStorageOfAnotherClusterIsLeftAlone(t *testing.T) {
	store, _ := open(t)
	id := contract.JobID("living")
	put(t, store, id)
	living := job("living", v1alpha1.PhaseSucceeded, contract.ModelID(id))
	check(t, "its own cluster", clean(t, store, of("this"), day, living), janitor.Done{Marked: 1})
	nothing := func(context.Context) ([]v1alpha1.TrainingJob, error) { return nil, nil }
	for _, later := range []time.Duration{0, 8 * 24 * time.Hour, 30 * 24 * time.Hour} {
		done, err := janitor.Clean(t.Context(), store, nothing, of("another"), day.Add(later), slog.New(slog.NewTextHandler(t.Output(), nil)))
		foreign, ok := errors.AsType[*janitor.ForeignError](err)
		if !ok || foreign.Cluster != "this" || foreign.Ours != "another" || !strings.Contains(err.Error(), "--take-over") {
			t.Errorf("cleaning another's storage gives %+v, %v", done, err)
		}
	}
	if _, err := store.ModelInfo(t.Context(), contract.ModelID(id)); err != nil {
		t.Errorf("the model: %v", err)
	}
	takeOver := of("another")
	takeOver.TakeOver = true
	check(t, "taking over", clean(t, store, takeOver, day.Add(30*24*time.Hour)), janitor.Done{Marked: 2})
	check(t, "a week after taking over", clean(t, store, of("another"), day.Add(37*24*time.Hour)),
		janitor.Done{Checkpoints: []string{id}, Models: []string{contract.ModelID(id)}})
}

// Clusters that share a bucket may have namespaces of the same name, whose UIDs differ.
func TestStorageIsClaimedForTheNamespaceOnlyWhereItIsTheClusters(t *testing.T) {
	store, _ := open(t)
	put(t, store, contract.JobID("living"))
	namespaceOf := func(cluster string) janitor.Options {
		o := of(cluster)
		o.UID = "uid-in-" + cluster
		return o
	}
	owner := func(when, want string) {
		t.Helper()
		if got, err := store.Owner(t.Context()); got != want || err != nil {
			t.Errorf("%s: it belongs to %q (%v), not to %q", when, got, err, want)
		}
	}
	nothing := func(context.Context) ([]v1alpha1.TrainingJob, error) { return nil, nil }
	if err := store.PutJanitorMarks(t.Context(), []byte(`{"cluster":"this"}`), true); err != nil {
		t.Fatal(err)
	}
	if _, err := janitor.Clean(t.Context(), store, nothing, namespaceOf("another"), day, slog.Default()); err == nil {
		t.Error("another cluster may clean it")
	}
	owner("after another cluster's janitor", "")
	found := namespaceOf("another")
	found.OnlyClaimed = true
	clean(t, store, found, day)
	owner("once another cluster's janitor has found it", "")
	dry := namespaceOf("this")
	dry.DryRun = true
	clean(t, store, dry, day)
	owner("without doing it", "")
	clean(t, store, namespaceOf("this"), day)
	owner("after its own cluster's janitor", "uid-in-this")
}

// A cluster whose namespace does not own the storage leaves no marks in it either: they would lock the owner's janitor out.
func TestStorageOfAnotherNamespaceIsNotMarked(t *testing.T) {
	store, _ := open(t)
	put(t, store, contract.JobID("living"))
	if err := store.Claim(t.Context(), "uid-of-its-owner"); err != nil {
		t.Fatal(err)
	}
	nothing := func(context.Context) ([]v1alpha1.TrainingJob, error) { return nil, nil }
	mine := of("another")
	mine.UID = "uid-of-another"
	_, err := janitor.Clean(t.Context(), store, nothing, mine, day, slog.Default())
	if _, foreign := errors.AsType[*storage.NotOwnerError](err); !foreign {
		t.Errorf("cleaning it gives %v", err)
	}
	if marks, err := store.JanitorMarks(t.Context()); marks != nil || err != nil {
		t.Errorf("it leaves the marks %s (%v)", marks, err)
	}
}

func TestStorageIsClaimedAlsoWhereNothingIsMarked(t *testing.T) {
	store, _ := open(t)
	check(t, "of nothing", clean(t, store, of("this"), day), janitor.Done{Skipped: true})
	if marks, err := store.JanitorMarks(t.Context()); marks != nil || err != nil {
		t.Errorf("nothing is stored, and the janitor writes %s (%v)", marks, err)
	}
	if _, err := store.PutFile(t.Context(), "file-a", "a.h5", strings.NewReader("a"), day); err != nil {
		t.Fatal(err)
	}
	dry := of("this")
	dry.DryRun = true
	check(t, "without doing it", clean(t, store, dry, day), janitor.Done{})
	if marks, err := store.JanitorMarks(t.Context()); marks != nil || err != nil {
		t.Errorf("without doing it the janitor writes %s (%v)", marks, err)
	}
	found := of("another")
	found.OnlyClaimed = true
	check(t, "found by another cluster", clean(t, store, found, day), janitor.Done{Skipped: true})
	check(t, "of one file", clean(t, store, of("this"), day), janitor.Done{})
	check(t, "found by another cluster later", clean(t, store, found, day), janitor.Done{Skipped: true})
	if _, err := janitor.Clean(t.Context(), store, nil, of("another"), day, slog.Default()); err == nil {
		t.Error("another cluster may clean what is claimed")
	}
	found.Cluster = "this"
	check(t, "found by its own cluster", clean(t, store, found, day), janitor.Done{})
}

func TestLeftoversOfModelsAreRemoved(t *testing.T) {
	id := contract.JobID("ended")
	model := contract.ModelID(id)
	for name, test := range map[string]struct {
		deleted bool
		ended   v1alpha1.TrainingJob
	}{
		"killed in the commit":                             {false, job("ended", v1alpha1.PhaseFailed, "")},
		"killed in the deletion, with a job that names it": {true, job("ended", v1alpha1.PhaseSucceeded, model)},
	} {
		t.Run(name, func(t *testing.T) {
			store, folder := open(t)
			leaveParts(t, store, model)
			if test.deleted {
				if _, err := store.CommitModel(t.Context(), model, nil, []byte("{}")); err != nil {
					t.Fatal(err)
				}
				if err := os.Remove(filepath.Join(folder, "tenant", "models", model, storage.ManifestName)); err != nil {
					t.Fatal(err)
				}
			}
			check(t, "the first time", clean(t, store, options, day, test.ended), janitor.Done{Marked: 1})
			check(t, "an hour later", clean(t, store, options, day.Add(time.Hour), test.ended), janitor.Done{Marked: 1})
			check(t, "a day later", clean(t, store, options, day.Add(24*time.Hour), test.ended), janitor.Done{Parts: []string{model}})
			if left, err := store.ModelFolders(t.Context(), 10); len(left) != 0 || err != nil {
				t.Errorf("left: %v (%v)", left, err)
			}
		})
	}
}

// leaveParts leaves what a commit does that ends before the manifest.
func leaveParts(t *testing.T, store *storage.Store, model string) {
	t.Helper()
	parts := []storage.Part{{Name: "model.onnx", Content: []byte("weights")}, {Name: "not a name"}}
	if _, err := store.CommitModel(t.Context(), model, parts, []byte("{}")); err == nil {
		t.Fatal("the commit was not cut off")
	}
}

// A job that is made, or a model that is committed, between the janitor's looks at storage and at the jobs is known.
func TestWhatComesMeanwhileIsKept(t *testing.T) {
	store, _ := open(t)
	id := contract.JobID("restored")
	model := contract.ModelID(id)
	leaveParts(t, store, model)
	if _, err := store.PutJobObject(t.Context(), id, "checkpoint", strings.NewReader("x")); err != nil {
		t.Fatal(err)
	}
	check(t, "while there is no job", clean(t, store, options, day), janitor.Done{Marked: 2})
	week := day.Add(8 * 24 * time.Hour)
	run := func(now time.Time, list janitor.Lister) janitor.Done {
		t.Helper()
		done, err := janitor.Clean(t.Context(), store, list, options, now, slog.New(slog.NewTextHandler(t.Output(), nil)))
		if err != nil {
			t.Fatal(err)
		}
		return done
	}
	check(t, "a job made meanwhile", run(week, func(context.Context) ([]v1alpha1.TrainingJob, error) {
		return []v1alpha1.TrainingJob{job("restored", v1alpha1.PhaseRunning, "")}, nil
	}), janitor.Done{})
	check(t, "once it is gone", clean(t, store, options, week), janitor.Done{Marked: 2})
	committed := run(week.Add(8*24*time.Hour), func(ctx context.Context) ([]v1alpha1.TrainingJob, error) {
		// The trainer commits, and the operator records it, before the jobs are listed.
		_, err := store.CommitModel(ctx, model, []storage.Part{{Name: "model.onnx", Content: []byte("weights")}}, []byte("{}"))
		return []v1alpha1.TrainingJob{job("restored", v1alpha1.PhaseSucceeded, model)}, err
	})
	check(t, "a model committed meanwhile", committed, janitor.Done{Checkpoints: []string{id}})
	if info, err := store.ModelInfo(t.Context(), model); err != nil || info.Bytes != int64(len("weights{}")) {
		t.Errorf("the model committed meanwhile: %+v (%v)", info, err)
	}
}
