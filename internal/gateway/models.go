package gateway

import (
	"bytes"
	"container/list"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"

	"golang.org/x/sync/singleflight"

	"github.com/swath-dev/swath/internal/storage"
	"github.com/swath-dev/swath/internal/training"
)

// weightCopies is how often a model's weights are in memory, about: the network's, and as its kernels want them.
const weightCopies = 2

// models keeps the models in memory that were used last, up to a number of bytes.
type models struct {
	limit int64
	loads singleflight.Group

	mutex sync.Mutex
	bytes int64
	// order has the *loadedModel used last in front.
	order *list.List
	byKey map[modelKey]*list.Element
}

type modelKey struct{ namespace, id string }

type loadedModel struct {
	key       modelKey
	predictor *training.Predictor
	weights   int64
	// working is the memory that the predictor keeps from its last use.
	working int64
}

func (m *loadedModel) bytes() int64 { return m.weights + m.working }

func newModels(limit int64) *models {
	return &models{limit: limit, order: list.New(), byKey: map[modelKey]*list.Element{}}
}

// get gives the model, and reads it from storage if it is not in memory.
func (m *models) get(ctx context.Context, store *storage.Store, key modelKey) (*loadedModel, error) {
	if model := m.use(key); model != nil {
		return model, nil
	}
	loaded, err, _ := m.loads.Do(key.namespace+"/"+key.id, func() (any, error) {
		// Others may wait for it: the end of this request must not end it.
		model, err := m.load(context.WithoutCancel(ctx), store, key)
		if err == nil {
			m.keep(model)
		}
		return model, err
	})
	if err != nil {
		return nil, err
	}
	model, ok := loaded.(*loadedModel)
	if !ok {
		return nil, fmt.Errorf("loading model %s gave a %T", key.id, loaded)
	}
	return model, nil
}

func (m *models) use(key modelKey) *loadedModel {
	m.mutex.Lock()
	defer m.mutex.Unlock()
	element := m.byKey[key]
	if element == nil {
		return nil
	}
	m.order.MoveToFront(element)
	model, _ := element.Value.(*loadedModel)
	return model
}

func (m *models) load(ctx context.Context, store *storage.Store, key modelKey) (*loadedModel, error) {
	reader, err := store.OpenModelPart(ctx, key.id, training.ModelName)
	if err != nil {
		return nil, as(err, storage.ErrNotFound, errModelNotFound)
	}
	defer reader.Close()
	if reader.Size()*weightCopies > m.limit {
		return nil, &callError{status: http.StatusRequestEntityTooLarge, detail: fmt.Sprintf("The model has %d bytes, which is more than this gateway may load: download it and use trainer predict", reader.Size())}
	}
	var data bytes.Buffer
	if _, err := io.Copy(&data, reader); err != nil {
		return nil, errors.Join(fmt.Errorf("reading model %s: %w", key.id, err), storage.ErrUnavailable)
	}
	predictor, err := training.NewPredictor(data.Bytes())
	if err != nil {
		return nil, &callError{status: http.StatusUnprocessableEntity, detail: "The model was not made by Swath's own trainer: download it and use it with another tool", cause: err}
	}
	return &loadedModel{key: key, predictor: predictor, weights: weightCopies * int64(data.Len())}, nil
}

// keep puts the model in front, and drops those used longest ago while there are too many bytes.
func (m *models) keep(model *loadedModel) {
	m.mutex.Lock()
	defer m.mutex.Unlock()
	if m.byKey[model.key] == nil {
		m.byKey[model.key] = m.order.PushFront(model)
		m.bytes += model.bytes()
	}
	m.shrink()
}

// worked notes what memory the model keeps now.
func (m *models) worked(model *loadedModel, working int64) {
	m.mutex.Lock()
	defer m.mutex.Unlock()
	if m.byKey[model.key] != nil {
		m.bytes += working - model.working
	}
	model.working = working
	m.shrink()
}

func (m *models) shrink() {
	for m.bytes > m.limit {
		last := m.order.Back()
		dropped, ok := last.Value.(*loadedModel)
		if !ok {
			return
		}
		m.order.Remove(last)
		delete(m.byKey, dropped.key)
		m.bytes -= dropped.bytes()
	}
}
