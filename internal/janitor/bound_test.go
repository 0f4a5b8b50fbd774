package janitor_test

import (
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/swath-dev/swath/internal/janitor"
	"github.com/swath-dev/swath/internal/storage"
)

// The janitor looks at so many models in one go. What it has not looked at may be there: its entries stay.
func TestEntriesOfModelsThatAreNotLookedAtAreKept(t *testing.T) {
	store, _ := open(t)
	// The key of model-b-1 comes before that of model-b, for a slash follows the ID.
	for _, model := range []string{"model-a", "model-b-1", "model-b", "model-c", "model-d"} {
		if _, err := store.CommitModel(t.Context(), model, nil, []byte("{}")); err != nil {
			t.Fatal(err)
		}
	}
	ids := []string{"model-a", "model-a-gone", "model-b", "model-b-1", "model-c", "model-c-gone", "model-d"}
	for _, model := range ids {
		if err := store.PutCatalogEntry(t.Context(), storage.CatalogEntry{Model: model}); err != nil {
			t.Fatal(err)
		}
	}
	for _, test := range []struct {
		most int
		want []string
	}{
		{2, []string{"model-a-gone"}},
		{3, nil},
		{4, []string{"model-c-gone"}},
		{5, nil},
	} {
		bounded := options
		bounded.Models, bounded.Most = 0, test.most
		clean(t, store, bounded, day)
		if done := clean(t, store, bounded, day.Add(24*time.Hour)); !slices.Equal(test.want, done.Entries) {
			t.Errorf("of %d models, the entries %v are removed, want %v", test.most, done.Entries, test.want)
		}
	}
	left, err := store.CatalogIDs(t.Context(), "", 0)
	if diff := cmp.Diff([]string{"model-a", "model-b-1", "model-b", "model-c", "model-d"}, left); diff != "" || err != nil {
		t.Errorf("entries left (%v): %s", err, diff)
	}
}

// A tenant can put any number of entries into its catalog. Those that go make room for the next ones.
func TestEntriesAreLookedAtSoManyAtATime(t *testing.T) {
	store, _ := open(t)
	for _, model := range []string{"model-a", "model-b", "model-c"} {
		if err := store.PutCatalogEntry(t.Context(), storage.CatalogEntry{Model: model}); err != nil {
			t.Fatal(err)
		}
	}
	bounded := options
	bounded.Most = 2
	check(t, "the first time", clean(t, store, bounded, day), janitor.Done{Marked: 2})
	check(t, "a day later", clean(t, store, bounded, day.Add(24*time.Hour)), janitor.Done{Entries: []string{"model-a", "model-b"}})
	check(t, "the next time", clean(t, store, bounded, day.Add(25*time.Hour)), janitor.Done{Marked: 1})
}
