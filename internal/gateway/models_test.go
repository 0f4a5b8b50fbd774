package gateway

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/swath-dev/swath/internal/training"
)

// fakePredictor works in n × side bytes, and predicts when it may.
type fakePredictor struct {
	proceed chan struct{}
	busy    atomic.Int32
}

func (*fakePredictor) About() training.About            { return training.About{} }
func (*fakePredictor) Factor() int                      { return 8 }
func (*fakePredictor) Batch(int) int                    { return 32 }
func (*fakePredictor) KeptBytes(size int64) int64       { return size }
func (*fakePredictor) Bytes(n, side int) (int64, error) { return int64(n * side), nil }
func (f *fakePredictor) Predict(_ context.Context, n, _ int, _ []float32) ([]training.Prediction, error) {
	if f.busy.Add(1) > 1 {
		return nil, errors.New("two predict at a time")
	}
	defer f.busy.Add(-1)
	if f.proceed != nil {
		<-f.proceed
	}
	return make([]training.Prediction, n), nil
}

// loader gives a function that loads a model of so many bytes.
func loader(m *models, key modelKey, bytes int64, predictor *fakePredictor) func(context.Context) (*loadedModel, error) {
	return func(ctx context.Context) (*loadedModel, error) {
		if err := m.take(ctx, key.namespace, bytes); err != nil {
			return nil, err
		}
		return newLoadedModel(key, predictor, bytes), nil
	}
}

func mustGet(t *testing.T, m *models, namespace, id string, bytes int64, predictor *fakePredictor) *loadedModel {
	t.Helper()
	key := modelKey{namespace, id}
	model, err := m.getBy(t.Context(), key, loader(m, key, bytes, predictor))
	if err != nil {
		t.Fatalf("getting %s: %v", id, err)
	}
	return model
}

func mustPredict(t *testing.T, m *models, model *loadedModel, n, side int) {
	t.Helper()
	if _, err := m.predict(t.Context(), model, n, side, nil); err != nil {
		t.Fatalf("predicting with %s: %v", model.key.id, err)
	}
}

func TestModelUsedLongestAgoGoesFirst(t *testing.T) {
	m := newModels(100, 100, time.Second)
	for _, id := range []string{"a", "b", "a"} {
		m.done(mustGet(t, m, "ships", id, 40, &fakePredictor{}))
	}
	m.done(mustGet(t, m, "ships", "c", 40, &fakePredictor{}))
	if m.use(modelKey{"ships", "b"}) != nil {
		t.Error("b is still there")
	}
	if m.use(modelKey{"ships", "a"}) == nil || m.use(modelKey{"ships", "c"}) == nil {
		t.Error("a or c went")
	}
	if m.taken != 80 || m.takenBy["ships"] != 80 {
		t.Errorf("%d bytes are taken, %v", m.taken, m.takenBy)
	}
}

func TestModelInUseStays(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newModels(100, 100, time.Second)
		used := mustGet(t, m, "ships", "a", 80, &fakePredictor{})
		key := modelKey{"ships", "b"}
		if _, err := m.getBy(t.Context(), key, loader(m, key, 80, &fakePredictor{})); !errors.Is(err, errTooMuch) {
			t.Errorf("loading another beside it: %v", err)
		}
		waited := make(chan error, 1)
		go func() {
			_, err := m.getBy(t.Context(), key, loader(m, key, 80, &fakePredictor{}))
			waited <- err
		}()
		synctest.Wait()
		m.done(used)
		if err := <-waited; err != nil {
			t.Errorf("once it is not used any more: %v", err)
		}
		if m.taken != 80 {
			t.Errorf("%d bytes are taken", m.taken)
		}
	})
}

// What the auditors found: a model that is dropped and loaded again while it works made the count drift until dropping failed.
func TestBytesAreCountedRightHoweverModelsComeAndGo(t *testing.T) {
	m := newModels(1000, 1000, time.Minute)
	predictors := map[string]*fakePredictor{"a": {}, "b": {}, "c": {}, "d": {}}
	var users sync.WaitGroup
	for worker := range 8 {
		users.Go(func() {
			for i := range 300 {
				id := string(rune('a' + (i*7+worker*3)%4))
				key := modelKey{"ships", id}
				model, err := m.getBy(t.Context(), key, loader(m, key, 300, predictors[id]))
				if err != nil {
					t.Errorf("getting %s: %v", id, err)
					return
				}
				if _, err := m.predict(t.Context(), model, 1, 8*(1+(i+worker)%4), nil); err != nil {
					t.Errorf("predicting with %s: %v", id, err)
				}
				m.done(model)
			}
		})
	}
	users.Wait()
	var kept int64
	for element := m.order.Front(); element != nil; element = element.Next() {
		if model, ok := element.Value.(*loadedModel); ok {
			kept += model.weights + model.working
		}
	}
	if m.taken != kept || m.takenBy["ships"] != kept || kept > 1000 {
		t.Errorf("%d bytes are taken (%v), and the models have %d", m.taken, m.takenBy, kept)
	}
	m.drop("", 1<<40)
	if m.taken != 0 || len(m.takenBy) != 0 || m.order.Len() != 0 || len(m.byKey) != 0 {
		t.Errorf("with all dropped, %d bytes are taken (%v) by %d models", m.taken, m.takenBy, m.order.Len())
	}
}

func TestWorkingMemoryOfAllModelsIsOneSum(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newModels(300, 150, time.Second)
		slow := &fakePredictor{proceed: make(chan struct{})}
		one, two, three := mustGet(t, m, "a", "m", 10, slow), mustGet(t, m, "b", "m", 10, &fakePredictor{}), mustGet(t, m, "c", "m", 10, &fakePredictor{})
		ended := make(chan error, 1)
		go func() {
			_, err := m.predict(t.Context(), one, 10, 12, nil)
			ended <- err
		}()
		synctest.Wait()
		mustPredict(t, m, two, 10, 12)
		if _, err := m.predict(t.Context(), three, 10, 12, nil); !errors.Is(err, errTooMuch) {
			t.Errorf("a third that works beside the two: %v", err)
		}
		if m.taken != 270 {
			t.Errorf("%d bytes are taken", m.taken)
		}
		m.done(two) // It is kept while nobody needs its memory.
		mustPredict(t, m, three, 10, 12)
		if m.use(modelKey{"b", "m"}) != nil {
			t.Error("the model that nobody uses is still there")
		}
		close(slow.proceed)
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}

func TestWhatAModelWorksInIsTakenAndGivenBack(t *testing.T) {
	m := newModels(1000, 1000, time.Second)
	model := mustGet(t, m, "ships", "a", 100, &fakePredictor{})
	for _, step := range []struct {
		n, side int
		taken   int64
	}{{10, 8, 180}, {5, 8, 180}, {10, 16, 260}, {1, 8, 108}} {
		mustPredict(t, m, model, step.n, step.side)
		if m.taken != step.taken {
			t.Errorf("after %d images of %d pixels, %d bytes are taken and not %d", step.n, step.side, m.taken, step.taken)
		}
	}
	_, err := m.predict(t.Context(), model, 32, 64, nil)
	if refused, ok := errors.AsType[*callError](err); !ok || refused.status != http.StatusRequestEntityTooLarge {
		t.Errorf("more than there can be: %v", err)
	}
}

func TestNamespaceHasItsShareOfMemory(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBudget(100, 60, time.Second)
		one, two := b.holdFor("one"), b.holdFor("one")
		if err := one.take(t.Context(), 50); err != nil {
			t.Fatal(err)
		}
		if err := two.take(t.Context(), 50); !errors.Is(err, errTooMuch) {
			t.Errorf("more than the namespace's share: %v", err)
		}
		if err := one.take(t.Context(), 20); !errors.Is(err, errTooLargeForMemory) {
			t.Errorf("what can never be had: %v", err)
		}
		other := b.holdFor("other")
		if err := other.take(t.Context(), 50); err != nil {
			t.Errorf("another namespace: %v", err)
		}
		one.release()
		other.release()
		if b.taken != 0 || len(b.takenBy) != 0 {
			t.Errorf("%d bytes are taken in the end, %v", b.taken, b.takenBy)
		}
	})
}
