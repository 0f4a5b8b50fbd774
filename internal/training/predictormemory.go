package training

import "github.com/swath-dev/swath/internal/nn"

// Bytes is how much memory predicting n chips of side × side pixels takes beside the model's weights and the chips. A
// predictor keeps it for the next call. A side that the network cannot take is an error.
func (p *Predictor) Bytes(n, side int) (int64, error) {
	batch := max(1, min(n, predictionBatch(side)))
	return nn.PlanBytes(p.network.Graph, nn.PlanConfig{Mode: nn.Infer, MaxBatch: batch, Height: side, Width: side})
}

// Batch is how many chips of side × side pixels are predicted at a time.
func (p *Predictor) Batch(side int) int { return predictionBatch(side) }

// Factor is the number that the sides of chips must be divisible by.
func (p *Predictor) Factor() int { return p.network.Graph.Factor() }
