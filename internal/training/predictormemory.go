package training

import "github.com/swath-dev/swath/internal/nn"

// Bytes is how much memory predicting n chips of side × side pixels takes beside the model's weights and the chips. A
// predictor keeps it for the next call. A side that the network cannot take is an error.
func (p *Predictor) Bytes(n, side int) (int64, error) {
	batch := max(1, min(n, predictionBatch(side)))
	return nn.PlanBytes(p.network.Graph, nn.PlanConfig{Mode: nn.Infer, MaxBatch: batch, Height: side, Width: side})
}

// LoadBytes bounds what [NewPredictor] takes of memory while it reads a file of so many bytes, the file included: its numbers
// are there once as they were read and once in the network, and its structure is bounded.
func LoadBytes(size int64) int64 { return 3*size + loadOverhead }

// loadOverhead is what the structure and the description of a model take at most while they are read.
const loadOverhead = 10 << 20

// KeptBytes is what a model of a file of so many bytes takes of memory once it is loaded: its weights, as the network has them
// and as the kernels want them, and the structure of the network with what is planned for each node.
func (p *Predictor) KeptBytes(size int64) int64 {
	return 2*size + int64(len(p.network.Graph.Nodes))*nodeBytes
}

// nodeBytes is about what a node and its stage of a plan take beside numbers.
const nodeBytes = 4 << 10

// Batch is how many chips of side × side pixels are predicted at a time.
func (p *Predictor) Batch(side int) int { return predictionBatch(side) }

// Factor is the number that the sides of chips must be divisible by.
func (p *Predictor) Factor() int { return p.network.Graph.Factor() }
