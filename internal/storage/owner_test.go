package storage_test

import (
	"errors"
	"fmt"
	"sync"
	"testing"

	"github.com/swath-dev/swath/internal/storage"
)

// Of namespaces that claim the same storage at once, one has it and all others are told whose it is.
func TestStorageBelongsToOneNamespace(t *testing.T) {
	eachBucket(t, func(t *testing.T, store *storage.Store) {
		const namespaces = 6
		if err := store.CheckOwner(t.Context(), "uid-0"); err != nil {
			t.Errorf("storage that is nobody's: %v", err)
		}
		var wait sync.WaitGroup
		var errs [2 * namespaces]error
		for i := range errs {
			wait.Go(func() { errs[i] = store.Claim(t.Context(), fmt.Sprintf("uid-%d", i%namespaces)) })
		}
		wait.Wait()
		owner, err := store.Owner(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for i, err := range errs {
			uid := fmt.Sprintf("uid-%d", i%namespaces)
			foreign, ok := errors.AsType[*storage.NotOwnerError](err)
			if uid == owner && err != nil || uid != owner && (!ok || foreign.Owner != owner || foreign.UID != uid) {
				t.Errorf("%s claims what is %s's: %v", uid, owner, err)
			}
		}
		if err := store.HandOver(t.Context(), "uid-new"); err != nil {
			t.Fatal(err)
		}
		if err := store.Claim(t.Context(), "uid-new"); err != nil {
			t.Errorf("once it is handed over: %v", err)
		}
		if err := store.CheckOwner(t.Context(), owner); err == nil {
			t.Error("it is still the earlier namespace's")
		}
	})
}
