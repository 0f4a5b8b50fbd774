package training

import (
	"github.com/swath-dev/swath/internal/contract"
	"github.com/swath-dev/swath/internal/dataset"
	"github.com/swath-dev/swath/internal/nn"
)

// Memory is how many bytes training needs at least: with chips that are read from the file again in each epoch.
func (s *Session) Memory() (int64, error) {
	side := s.report.Training.Shape[1]
	largest := largestBatch(s.train.Len(), s.settings.BatchSize)
	streaming := dataset.LoaderOptions{BatchSize: s.settings.BatchSize}
	need := contract.LeastMemory + s.train.MemoryBytes(streaming)
	train, err := nn.PlanBytes(s.graph, s.planConfig(nn.Train, largest, side))
	if err != nil {
		return 0, err
	}
	if s.valid != nil {
		largest = max(largest, largestBatch(s.valid.Len(), s.settings.BatchSize))
		need += s.valid.MemoryBytes(dataset.LoaderOptions{BatchSize: s.settings.BatchSize, InOrder: true})
	}
	infer, err := nn.PlanBytes(s.graph, s.planConfig(nn.Infer, largest, side))
	if err != nil {
		return 0, err
	}
	weights := 0
	for _, spec := range s.graph.Params {
		weights += spec.Len()
	}
	// Weights, two moments, the chosen weights, and the copy of all four that a checkpoint is written from.
	const copies = 8
	return need + train + infer + copies*4*int64(weights), nil
}

// largestBatch is the number of chips in the largest of the batches that dataset.Loader makes of n chips.
func largestBatch(n, size int) int {
	switch rest := n % size; {
	case n < size:
		return n
	case 2*rest < size:
		return size + rest
	}
	return size
}

// cacheBudget is how many bytes decoded chips may take: half of what training leaves of the limit.
func (s *Session) cacheBudget() (int64, error) {
	need, err := s.Memory()
	if err != nil {
		return 0, err
	}
	if need > s.request.MemoryLimit {
		return 0, &MemoryError{Need: need, Limit: s.request.MemoryLimit}
	}
	return (s.request.MemoryLimit - need) / 2, nil
}
