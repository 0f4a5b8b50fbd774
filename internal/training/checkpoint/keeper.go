package checkpoint

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"reflect"
	"slices"
	"strings"
)

// Store is where checkpoints are: a folder ([Folder]) or a bucket.
type Store interface {
	// Names lists what is there, in any order.
	Names(ctx context.Context) ([]string, error)
	// Write stores what the function writes under a name, wholly or not at all, in place of what had the name.
	Write(ctx context.Context, name string, write func(io.Writer) error) error
	// Open reads what is stored under a name. The error wraps fs.ErrNotExist if nothing is.
	Open(ctx context.Context, name string) (io.ReadCloser, error)
	// Remove removes a name; that it is not there is no error.
	Remove(ctx context.Context, name string) error
}

// ErrDenied is what a [Store] wraps when the credentials that this process has do not allow a call.
var ErrDenied = errors.New("access is denied")

// maxLists bounds how often checkpoints are listed again because one of them disappeared before it was opened.
const maxLists = 10

// kept is how many checkpoints stay: the last, and the one before in case the last is damaged.
const kept = 2

const (
	prefix = "checkpoint-"
	suffix = ".swath"
)

// Keeper saves checkpoints of one run to a store and finds the last good one.
type Keeper struct {
	store Store
}

// NewKeeper returns a keeper of the checkpoints in a store, which must be for one run alone.
func NewKeeper(store Store) *Keeper { return &Keeper{store} }

// Save writes the checkpoint of a step and removes all but the last two. An error of the removal is not returned: the
// checkpoint is safe, and the next one removes again.
func (k *Keeper) Save(ctx context.Context, step int, state any, tensors []Tensor) error {
	name := fmt.Sprintf("%s%012d%s", prefix, step, suffix)
	err := k.store.Write(ctx, name, func(w io.Writer) error { return Write(w, state, tensors) })
	if err != nil {
		return fmt.Errorf("saving checkpoint %s: %w", name, err)
	}
	k.removeOld(ctx)
	return nil
}

// removeOld removes all but the last two checkpoints, as far as that is possible now.
func (k *Keeper) removeOld(ctx context.Context) {
	whole, leftovers, err := k.names(ctx)
	if err != nil {
		return
	}
	for _, old := range append(leftovers, whole[min(kept, len(whole)):]...) {
		_ = k.store.Remove(ctx, old)
	}
}

// Load reads the newest checkpoint that is whole into state, a pointer. Damaged ones are passed over and named in
// skipped. Without any, found is false. An error means that the store could not be read, which may get better: a run
// must not start afresh because of it. A checkpoint that disappears before it is opened was removed by another process
// of the same run, which has saved a newer one or is done: Load lists again.
func (k *Keeper) Load(ctx context.Context, state any) (tensors []Tensor, found bool, skipped []error, err error) {
	for range maxLists {
		tensors, found, skipped, err = k.loadListed(ctx, state)
		if !errors.Is(err, fs.ErrNotExist) {
			return tensors, found, skipped, err
		}
	}
	return nil, false, skipped, fmt.Errorf("checkpoints disappear as soon as they are listed: %w", err)
}

// loadListed is Load with a single listing. The error is fs.ErrNotExist if a listed checkpoint has disappeared.
func (k *Keeper) loadListed(ctx context.Context, state any) (tensors []Tensor, found bool, skipped []error, err error) {
	names, _, err := k.names(ctx)
	if err != nil {
		return nil, false, nil, fmt.Errorf("listing checkpoints: %w", err)
	}
	for _, name := range names {
		tensors, err := k.read(ctx, name, state)
		switch {
		case err == nil:
			return tensors, true, skipped, nil
		case errors.Is(err, ErrDamaged):
			skipped = append(skipped, fmt.Errorf("checkpoint %s: %w", name, err))
		default:
			return nil, false, skipped, fmt.Errorf("reading checkpoint %s: %w", name, err)
		}
	}
	return nil, false, skipped, nil
}

func (k *Keeper) read(ctx context.Context, name string, state any) ([]Tensor, error) {
	r, err := k.store.Open(ctx, name)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	// What a checkpoint before this one left, which could not be decoded to its end, must not shine through.
	reflect.ValueOf(state).Elem().SetZero()
	return Read(r, state)
}

// RemoveAll removes every checkpoint, once the model is safe, and what killed processes left of them.
func (k *Keeper) RemoveAll(ctx context.Context) error {
	whole, leftovers, err := k.names(ctx)
	if err != nil {
		return fmt.Errorf("listing checkpoints: %w", err)
	}
	var failed []error
	for _, name := range append(leftovers, whole...) {
		failed = append(failed, k.store.Remove(ctx, name))
	}
	if err := errors.Join(failed...); err != nil {
		return fmt.Errorf("removing checkpoints: %w", err)
	}
	return nil
}

// names lists the checkpoints, the newest first, and the temporary files that a process left which was killed while it
// wrote one: their names are a checkpoint's with something before or behind it.
func (k *Keeper) names(ctx context.Context) (whole, leftovers []string, err error) {
	all, err := k.store.Names(ctx)
	if err != nil {
		return nil, nil, err
	}
	for _, name := range all {
		switch {
		case strings.HasPrefix(name, prefix) && strings.HasSuffix(name, suffix):
			whole = append(whole, name)
		case strings.Contains(name, prefix):
			leftovers = append(leftovers, name)
		}
	}
	slices.Sort(whole)
	slices.Reverse(whole)
	return whole, leftovers, nil
}
