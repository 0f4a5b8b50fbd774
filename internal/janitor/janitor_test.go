package janitor_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/swath-dev/swath/api/v1alpha1"
	"github.com/swath-dev/swath/internal/contract"
	"github.com/swath-dev/swath/internal/janitor"
	"github.com/swath-dev/swath/internal/storage"
)

var (
	day     = time.Date(2026, 7, 1, 3, 0, 0, 0, time.UTC)
	options = janitor.Options{Cluster: "this", CutOff: time.Hour, Checkpoints: 24 * time.Hour, Models: 7 * 24 * time.Hour}
)

func job(uid string, phase v1alpha1.Phase, model string) v1alpha1.TrainingJob {
	return v1alpha1.TrainingJob{
		ObjectMeta: metav1.ObjectMeta{UID: types.UID(uid)},
		Status:     v1alpha1.TrainingJobStatus{Phase: phase, TrainedModel: model},
	}
}

func open(t *testing.T) (store *storage.Store, folder string) {
	t.Helper()
	folder = t.TempDir()
	store, err := storage.Open(t.Context(), "file://"+folder, "tenant")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = store.Close() })
	return store, folder
}

func clean(t *testing.T, store *storage.Store, options janitor.Options, now time.Time, jobs ...v1alpha1.TrainingJob) janitor.Done {
	t.Helper()
	list := func(context.Context) ([]v1alpha1.TrainingJob, error) { return jobs, nil }
	done, err := janitor.Clean(t.Context(), store, list, options, now, slog.New(slog.NewTextHandler(t.Output(), nil)))
	if err != nil {
		t.Fatalf("cleaning: %v", err)
	}
	return done
}

func put(t *testing.T, store *storage.Store, jobID string) {
	t.Helper()
	if _, err := store.PutJobObject(t.Context(), jobID, "checkpoint", strings.NewReader("x")); err != nil {
		t.Fatal(err)
	}
	if _, err := store.CommitModel(t.Context(), contract.ModelID(jobID), nil, []byte("{}")); err != nil {
		t.Fatal(err)
	}
}

func check(t *testing.T, when string, got, want janitor.Done) {
	t.Helper()
	if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("%s: %s", when, diff)
	}
}

func TestOnlyWhatNothingRefersToIsRemovedAndOnlyAfterItsTime(t *testing.T) {
	store, _ := open(t)
	succeeded, running, gone := contract.JobID("succeeded"), contract.JobID("running"), contract.JobID("gone")
	for _, id := range []string{succeeded, running, gone} {
		put(t, store, id)
	}
	jobs := []v1alpha1.TrainingJob{job("succeeded", v1alpha1.PhaseSucceeded, contract.ModelID(succeeded)), job("running", v1alpha1.PhaseRunning, "")}
	check(t, "the first time", clean(t, store, options, day, jobs...), janitor.Done{Marked: 3})
	check(t, "an hour later", clean(t, store, options, day.Add(time.Hour), jobs...), janitor.Done{Marked: 3})
	after := clean(t, store, options, day.Add(24*time.Hour), jobs...)
	check(t, "a day later", after, janitor.Done{Checkpoints: sorted(gone, succeeded), Marked: 1})
	check(t, "a week later", clean(t, store, options, day.Add(7*24*time.Hour), jobs...), janitor.Done{Models: []string{contract.ModelID(gone)}})
	check(t, "once clean", clean(t, store, options, day.Add(30*24*time.Hour), jobs...), janitor.Done{})
	models, err := store.ModelIDs(t.Context())
	if diff := cmp.Diff(sorted(contract.ModelID(succeeded), contract.ModelID(running)), models); diff != "" || err != nil {
		t.Errorf("models left (%v): %s", err, diff)
	}
}

func TestModelsOfJobsThatComeBackAreKept(t *testing.T) {
	store, _ := open(t)
	id := contract.JobID("restored")
	put(t, store, id)
	clean(t, store, options, day)
	back := job("restored", v1alpha1.PhaseSucceeded, contract.ModelID(id))
	clean(t, store, options, day.Add(6*24*time.Hour), back)
	if done := clean(t, store, options, day.Add(8*24*time.Hour)); len(done.Models) != 0 {
		t.Errorf("removed %v, though a job named it two days ago", done.Models)
	}
}

func TestDryRunRemovesNothing(t *testing.T) {
	store, _ := open(t)
	id := contract.JobID("gone")
	put(t, store, id)
	clean(t, store, options, day)
	dry := options
	dry.DryRun = true
	for range 2 {
		done := clean(t, store, dry, day.Add(30*24*time.Hour))
		if len(done.Models) != 1 || len(done.Checkpoints) != 1 {
			t.Errorf("would remove %+v", done)
		}
	}
	if _, err := store.ModelInfo(t.Context(), contract.ModelID(id)); err != nil {
		t.Errorf("the model: %v", err)
	}
}

func TestTimesOfZeroKeepEverything(t *testing.T) {
	store, _ := open(t)
	put(t, store, contract.JobID("gone"))
	for _, now := range []time.Time{day, day.Add(1000 * 24 * time.Hour)} {
		check(t, "with times of zero", clean(t, store, janitor.Options{Cluster: "this"}, now), janitor.Done{Marked: 2})
	}
}

func TestUploadsThatWereCutOffAreRemoved(t *testing.T) {
	store, folder := open(t)
	files := filepath.Join(folder, "tenant", "files")
	if err := os.MkdirAll(files, 0o755); err != nil {
		t.Fatal(err)
	}
	for name, age := range map[string]time.Duration{"file-a.18ab3f00aa11bb22.tmp": 2 * time.Hour, "file-b.18ab3f00aa11bb22.tmp": time.Minute, "file-c": 2 * time.Hour} {
		path := filepath.Join(files, name)
		if err := os.WriteFile(path, nil, 0o644); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(path, day.Add(-age), day.Add(-age)); err != nil {
			t.Fatal(err)
		}
	}
	check(t, "cleaning", clean(t, store, options, day), janitor.Done{CutOff: []string{"files/file-a.18ab3f00aa11bb22.tmp"}})
	check(t, "again", clean(t, store, options, day), janitor.Done{})
}

func sorted(a, b string) []string {
	if a > b {
		a, b = b, a
	}
	return []string{a, b}
}

// A trainer of another version whose manifest came too late has left its parts beside those of the model.
func TestPartsOfAModelThatCameTooLateAreRemoved(t *testing.T) {
	store, folder := open(t)
	id := contract.JobID("succeeded")
	model := contract.ModelID(id)
	if _, err := store.CommitModel(t.Context(), model, []storage.Part{{Name: "model.onnx", Content: []byte("weights")}}, []byte("{}")); err != nil {
		t.Fatal(err)
	}
	late := filepath.Join(folder, "tenant", "models", model, "parts-0123456789abcdef")
	if err := os.Mkdir(late, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(late, "model.onnx"), []byte("others"), 0o644); err != nil {
		t.Fatal(err)
	}
	running, succeeded := job("succeeded", v1alpha1.PhaseRunning, ""), job("succeeded", v1alpha1.PhaseSucceeded, model)
	check(t, "while a start may commit", clean(t, store, options, day, running), janitor.Done{})
	check(t, "once it has ended", clean(t, store, options, day, succeeded), janitor.Done{Marked: 1})
	check(t, "a day later", clean(t, store, options, day.Add(24*time.Hour), succeeded), janitor.Done{Strays: []string{model}})
	check(t, "once clean", clean(t, store, options, day.Add(48*time.Hour), succeeded), janitor.Done{})
	if parts, err := store.ModelParts(t.Context(), model); err != nil || len(parts) != 2 {
		t.Errorf("left: %v (%v)", parts, err)
	}
}

// Models are kept for good by default, also when their jobs are gone, and those that succeeded stay in the catalog.
func TestModelsWhoseJobsAreGoneAreKept(t *testing.T) {
	store, _ := open(t)
	id := contract.JobID("succeeded")
	model := contract.ModelID(id)
	put(t, store, id)
	forGood := options
	forGood.Models = 0
	clean(t, store, forGood, day, job("succeeded", v1alpha1.PhaseSucceeded, model))
	for _, days := range []int{0, 30, 1000} {
		if done := clean(t, store, forGood, day.Add(time.Duration(days)*24*time.Hour)); len(done.Models) != 0 {
			t.Fatalf("removed %v after %d days", done.Models, days)
		}
	}
	if entry, err := store.CatalogEntry(t.Context(), model); err != nil || entry.Job != id {
		t.Errorf("the catalog has %+v (%v)", entry, err)
	}
	// A platform team may set a time.
	clean(t, store, options, day.Add(1001*24*time.Hour))
	if _, err := store.CatalogEntry(t.Context(), model); !errors.Is(err, storage.ErrNotFound) {
		t.Errorf("the entry of the removed model: %v", err)
	}
}

func TestModelsOfJobsWithoutSuccessAreRemovedAndNeverCatalogued(t *testing.T) {
	store, _ := open(t)
	cancelled, failed := contract.JobID("cancelled"), contract.JobID("failed")
	put(t, store, cancelled)
	put(t, store, failed)
	jobs := []v1alpha1.TrainingJob{job("cancelled", v1alpha1.PhaseCancelled, ""), job("failed", v1alpha1.PhaseFailed, "")}
	forGood := options
	forGood.Models, forGood.ListUnrecorded = 0, true
	clean(t, store, forGood, day, jobs...)
	done := clean(t, store, forGood, day.Add(24*time.Hour), jobs...)
	if diff := cmp.Diff(sorted(contract.ModelID(cancelled), contract.ModelID(failed)), done.Refused); diff != "" {
		t.Errorf("removed: %s", diff)
	}
	if ids, err := store.CatalogIDs(t.Context(), "", 0); len(ids) != 0 || err != nil {
		t.Errorf("catalogued: %v (%v)", ids, err)
	}
}

// From before an upgrade there are models that no catalog knows.
func TestModelsThatNobodyRecordedAreListedWhenTheJanitorIsToldTo(t *testing.T) {
	store, _ := open(t)
	model := contract.ModelID(contract.JobID("gone"))
	if _, err := store.CommitModel(t.Context(), model, nil, []byte(`{"task": "segmentation"}`)); err != nil {
		t.Fatal(err)
	}
	clean(t, store, options, day)
	if _, err := store.CatalogEntry(t.Context(), model); !errors.Is(err, storage.ErrNotFound) {
		t.Errorf("the entry of a model that may be of a cancelled job: %v", err)
	}
	listing := options
	listing.ListUnrecorded = true
	clean(t, store, listing, day)
	if entry, err := store.CatalogEntry(t.Context(), model); err != nil || entry.Task != "segmentation" {
		t.Errorf("the catalog has %+v (%v)", entry, err)
	}
}

// An entry outlives its model for a day only: a model may be deleted while its success is recorded.
func TestCatalogEntriesWithoutAModelAreRemoved(t *testing.T) {
	store, _ := open(t)
	model := contract.ModelID(contract.JobID("deleted"))
	if err := store.PutCatalogEntry(t.Context(), storage.CatalogEntry{Model: model}); err != nil {
		t.Fatal(err)
	}
	clean(t, store, options, day)
	check(t, "a day later", clean(t, store, options, day.Add(24*time.Hour)), janitor.Done{Entries: []string{model}})
}

// A tenant may write to its storage itself: one odd model there does not keep the rest from being cleaned.
func TestOddModelsDoNotStopTheCleaning(t *testing.T) {
	store, folder := open(t)
	write := func(path string, content []byte) {
		t.Helper()
		path = filepath.Join(folder, "tenant", path)
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, content, 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	const large, many, noJSON, deleted = "model-large", "model-many", "model-no-json", "model-without"
	for _, model := range []string{large, many, noJSON} {
		if _, err := store.CommitModel(t.Context(), model, []storage.Part{{Name: "model.onnx"}}, []byte("{}")); err != nil {
			t.Fatal(err)
		}
		write("models/"+model+"/parts-0123456789abcdef/model.onnx", nil)
	}
	for i := range 300 {
		write(fmt.Sprintf("models/%s/a%03d", many, i), nil)
	}
	write("models/"+large+"/model.json", bytes.Repeat([]byte(" "), 5<<20))
	write("models/"+noJSON+"/model.json", []byte("no JSON"))
	if err := store.PutCatalogEntry(t.Context(), storage.CatalogEntry{Model: deleted}); err != nil {
		t.Fatal(err)
	}
	cutOff := "files/file-a.18ab3f00aa11bb22.tmp"
	write(cutOff, nil)
	long := day.Add(-48 * time.Hour)
	if err := os.Chtimes(filepath.Join(folder, "tenant", cutOff), long, long); err != nil {
		t.Fatal(err)
	}
	all := options
	all.Models, all.ListUnrecorded = 0, true
	named := job("succeeded", v1alpha1.PhaseSucceeded, large)
	first := clean(t, store, all, day, named)
	if len(first.CutOff) != 1 {
		t.Errorf("what is cut off: %v", first.CutOff)
	}
	done := clean(t, store, all, day.Add(24*time.Hour), named)
	if diff := cmp.Diff([]string{deleted}, done.Entries); diff != "" {
		t.Errorf("entries removed: %s", diff)
	}
	if diff := cmp.Diff([]string{many, noJSON}, done.Strays); diff != "" {
		t.Errorf("strays removed: %s", diff)
	}
	if ids, err := store.ModelIDs(t.Context()); len(ids) != 3 || err != nil {
		t.Errorf("models left: %v (%v)", ids, err)
	}
}
