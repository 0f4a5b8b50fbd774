package training

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/swath-dev/swath/internal/dataset"
	"github.com/swath-dev/swath/internal/nn"
)

// ignoredClass stands for an ignored label in the bytes that nn reads. With an ignored label there are at most 255
// classes, so that no class has this number.
const ignoredClass = 255

// batch is a batch as the network reads it.
type batch struct {
	nn.Batch
	labels  []uint8
	samples []int32
}

// source gives the batches of a view, one epoch after the other.
type source struct {
	loader *dataset.Loader
	raw    *dataset.Batch
	labels []uint8
	// perChip is the number of pixels of a chip over all bands, labelsPerChip that of its labels.
	perChip, labelsPerChip int
}

func newSource(ctx context.Context, view *dataset.View, s Settings, batchSize int, budget int64) (*source, error) {
	options := dataset.LoaderOptions{
		BatchSize: batchSize, Seed: uint64(s.Seed), MemoryBudget: budget, NumClasses: s.NumClasses, IgnoreLabel: wide(s.IgnoreLabel),
	}
	loader, err := dataset.NewLoader(ctx, view, options)
	if err != nil {
		return nil, err
	}
	raw := loader.NewBatch()
	return &source{
		loader: loader, raw: raw, labels: make([]uint8, 0, cap(raw.Labels)),
		perChip: view.File().PixelsPerSample(), labelsPerChip: view.File().LabelsPerSample(),
	}, nil
}

func wide(label *int) *int64 {
	if label == nil {
		return nil
	}
	value := int64(*label)
	return &value
}

// each calls visit for the batches of an epoch; prepare, which may be nil, may change the chips of a batch before.
func (s *source) each(epoch *dataset.Epoch, prepare func(*dataset.Batch), visit func(batch) error) error {
	defer epoch.Close()
	for {
		err := epoch.Next(s.raw)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("reading a batch: %w", err)
		}
		if prepare != nil {
			prepare(s.raw)
		}
		if err := visit(s.convert()); err != nil {
			return err
		}
	}
}

// convert turns labels into bytes.
func (s *source) convert() batch {
	s.labels = s.labels[:0]
	for _, label := range s.raw.Labels {
		if label == dataset.Ignored {
			label = ignoredClass
		}
		s.labels = append(s.labels, uint8(label))
	}
	return batch{Batch: nn.Batch{N: s.raw.Len(), Pixels: s.raw.Pixels}, labels: s.labels, samples: s.raw.Samples}
}
