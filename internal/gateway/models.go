package gateway

import (
	"container/list"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"golang.org/x/sync/singleflight"

	"github.com/swath-dev/swath/internal/storage"
	"github.com/swath-dev/swath/internal/training"
)

// models keeps in memory the models that were used last. They, what they work in and what requests hold come out of one
// budget; who needs memory gets that of models that nobody uses just now.
type models struct {
	*budget
	loads singleflight.Group

	// order has the *loadedModel used last in front. The budget's mutex guards it and what is in it.
	order *list.List
	byKey map[modelKey]*list.Element
}

type modelKey struct{ namespace, id string }

// predictor is what models need of a [training.Predictor].
type predictor interface {
	About() training.About
	Factor() int
	Batch(side int) int
	KeptBytes(size int64) int64
	Bytes(n, side int) (int64, error)
	Predict(ctx context.Context, n, side int, pixels []float32) ([]training.Prediction, error)
}

type loadedModel struct {
	key       modelKey
	predictor predictor
	weights   int64
	// users is how many requests use it; it is kept as long as there are any.
	users int
	// turn is taken by whoever predicts with it, who alone changes what it works in.
	turn    chan struct{}
	side, n int
	// working is the memory that the predictor keeps for n images of side pixels.
	working int64
}

func newModels(limit, share int64, patience time.Duration) *models {
	m := &models{budget: newBudget(limit, share, patience), order: list.New(), byKey: map[modelKey]*list.Element{}}
	m.reclaim = m.drop
	return m
}

// get gives the model, and reads it from storage if it is not in memory. It stays there until done is called.
func (m *models) get(ctx context.Context, store *storage.Store, namespace string, model Model) (*loadedModel, error) {
	key := modelKey{namespace, model.ID}
	return m.getBy(ctx, key, func(ctx context.Context) (*loadedModel, error) { return m.load(ctx, store, key, model) })
}

func (m *models) getBy(ctx context.Context, key modelKey, load func(context.Context) (*loadedModel, error)) (*loadedModel, error) {
	for {
		if model := m.use(key); model != nil {
			return model, nil
		}
		if err := ctx.Err(); err != nil {
			return nil, fmt.Errorf("loading model %s: %w", key.id, err)
		}
		_, err, _ := m.loads.Do(key.namespace+"/"+key.id, func() (any, error) {
			// Others may wait for it: the end of this request must not end it.
			model, err := load(context.WithoutCancel(ctx))
			if err == nil {
				m.keep(model)
			}
			return nil, err
		})
		if err != nil {
			return nil, err
		}
	}
}

// use gives the model if it is in memory.
func (m *models) use(key modelKey) *loadedModel {
	m.mutex.Lock()
	defer m.mutex.Unlock()
	element := m.byKey[key]
	if element == nil {
		return nil
	}
	model, ok := element.Value.(*loadedModel)
	if !ok {
		return nil
	}
	m.order.MoveToFront(element)
	model.users++
	return model
}

// done ends a use.
func (m *models) done(model *loadedModel) {
	m.mutex.Lock()
	defer m.mutex.Unlock()
	if model.users--; model.users == 0 {
		m.wake() // Now it may go.
	}
}

// load reads a model and checks it. It takes the memory for it: more while its file is there, too.
func (m *models) load(ctx context.Context, store *storage.Store, key modelKey, model Model) (_ *loadedModel, err error) {
	reader, err := store.OpenModelPart(ctx, key.id, training.ModelName)
	if err != nil {
		return nil, as(err, storage.ErrNotFound, errModelNotFound)
	}
	defer reader.Close()
	size := reader.Size()
	if training.LoadBytes(size) > m.share {
		return nil, &callError{status: http.StatusRequestEntityTooLarge, detail: fmt.Sprintf("The model has %d bytes, which is more than this gateway may load: download it and use trainer predict", size)}
	}
	have := m.holdFor(key.namespace)
	if err := have.take(ctx, training.LoadBytes(size)); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			have.release()
		}
	}()
	data := make([]byte, size)
	if _, err := io.ReadFull(reader, data); err != nil {
		return nil, errors.Join(fmt.Errorf("reading model %s: %w", key.id, err), storage.ErrUnavailable)
	}
	if err := checkNetwork(ctx, store, model, data); err != nil {
		return nil, err
	}
	predictor, err := training.NewPredictor(data)
	if err != nil {
		return nil, &callError{status: http.StatusUnprocessableEntity, detail: "The model was not made by Swath's own trainer: download it and use it with another tool", cause: err}
	}
	kept := predictor.KeptBytes(size)
	if kept > have.bytes {
		if err := have.take(ctx, kept-have.bytes); err != nil {
			return nil, err
		}
	} else {
		have.give(have.bytes - kept)
	}
	return newLoadedModel(key, predictor, kept), nil
}

func newLoadedModel(key modelKey, predictor predictor, weights int64) *loadedModel {
	return &loadedModel{key: key, predictor: predictor, weights: weights, turn: make(chan struct{}, 1)}
}

// keep puts a model, whose memory is taken, in front.
func (m *models) keep(model *loadedModel) {
	m.mutex.Lock()
	defer m.mutex.Unlock()
	m.byKey[model.key] = m.order.PushFront(model)
}

// predict predicts n images with the model. Those who use the same one take turns.
func (m *models) predict(ctx context.Context, model *loadedModel, n, side int, pixels []float32) ([]training.Prediction, error) {
	select {
	case model.turn <- struct{}{}:
		defer func() { <-model.turn }()
	case <-ctx.Done():
		return nil, fmt.Errorf("waiting for model %s: %w", model.key.id, context.Cause(ctx))
	}
	if err := m.makeRoom(ctx, model, n, side); err != nil {
		return nil, err
	}
	found, err := model.predictor.Predict(ctx, n, side, pixels)
	if err != nil {
		return nil, fmt.Errorf("predicting with model %s: %w", model.key.id, err)
	}
	return found, nil
}

// makeRoom takes the memory that the model is going to work in, and gives back what it worked in before.
func (m *models) makeRoom(ctx context.Context, model *loadedModel, n, side int) error {
	if model.side == side && model.n >= n {
		return nil
	}
	needed, err := model.predictor.Bytes(n, side)
	if err != nil {
		return fmt.Errorf("planning the prediction of images of %d pixels a side: %w", side, err)
	}
	if model.weights+needed > m.share {
		return &callError{status: http.StatusRequestEntityTooLarge, detail: fmt.Sprintf("Images of %d × %d pixels take more memory than this gateway has for inference: cut them into smaller ones", side, side)}
	}
	if more := needed - model.working; more > 0 {
		if err := m.take(ctx, model.key.namespace, more); err != nil {
			return err
		}
	} else {
		m.give(model.key.namespace, -more)
	}
	m.mutex.Lock()
	defer m.mutex.Unlock()
	model.side, model.n, model.working = side, n, needed
	return nil
}

// drop drops models that nobody uses, those used longest ago first, until so many bytes are given back. The mutex is held.
func (m *models) drop(namespace string, bytes int64) {
	var before *list.Element
	for element := m.order.Back(); element != nil && bytes > 0; element = before {
		before = element.Prev()
		model, ok := element.Value.(*loadedModel)
		if !ok || model.users > 0 || namespace != "" && model.key.namespace != namespace {
			continue
		}
		m.order.Remove(element)
		delete(m.byKey, model.key)
		m.giveLocked(model.key.namespace, model.weights+model.working)
		bytes -= model.weights + model.working
	}
}
