package training

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"math"
	"slices"

	"github.com/swath-dev/swath/internal/nn"
	"github.com/swath-dev/swath/internal/training/checkpoint"
	"github.com/swath-dev/swath/internal/training/metrics"
	"github.com/swath-dev/swath/internal/training/results"
)

// state is all that a training is at a moment, the numbers of the network and the optimiser aside. With those it is what
// a checkpoint holds: training that goes on from it does what it would have done without interruption.
type state struct {
	// Identity names job, data, settings and numerics; a checkpoint of another training is never taken.
	Identity string `json:"identity"`
	// Epoch counts epochs that are wholly done, Step all steps, Batch the batches of the epoch under way.
	Epoch int `json:"epoch"`
	Step  int `json:"step"`
	Batch int `json:"batch"`
	// Partial are the sums of the epoch under way.
	Partial partial `json:"partial"`
	// Rows are the results so far.
	Rows []results.Row `json:"rows"`
	// Chosen is the epoch whose weights are the best so far, 0 before the first; ChosenLoss is its validation loss.
	Chosen     int     `json:"chosen"`
	ChosenLoss float64 `json:"chosenLoss"`
	// StoppedEarly says that patience ran out.
	StoppedEarly bool `json:"stoppedEarly"`
	// OptimizerSteps is the optimiser's own counter.
	OptimizerSteps int64 `json:"optimizerSteps"`
	// Resumed and Seconds are about time only: how often training went on from a checkpoint, and how long it took up to here.
	Resumed int     `json:"resumed"`
	Seconds float64 `json:"seconds"`
}

// clone copies the state as far as training goes on to change it. Rows are only ever added.
func (s state) clone() state {
	s.Partial.Confusion = s.Partial.Confusion.Clone()
	s.Rows = slices.Clip(s.Rows)
	return s
}

// partial sums up the batches of an epoch as they go by.
type partial struct {
	Loss      float64            `json:"loss"`
	Weight    float64            `json:"weight"`
	Confusion *metrics.Confusion `json:"confusion"`
	// Chips is the number of chips, TrainSeconds and Seconds are the time of the steps and of all.
	Chips        int     `json:"chips"`
	TrainSeconds float64 `json:"trainSeconds"`
	Seconds      float64 `json:"seconds"`
}

func (p *partial) reset() {
	confusion := p.Confusion
	confusion.Reset()
	*p = partial{Confusion: confusion}
}

// evaluation is the mean loss and the scores of the sums.
func (p *partial) evaluation() results.Evaluation {
	e := results.Evaluation{Scores: p.Confusion.Scores()}
	if p.Weight > 0 {
		e.Loss = p.Loss / p.Weight
	}
	return e
}

// The names of the tensors in a checkpoint.
const (
	tensorWeights          = "weights"
	tensorStatistics       = "statistics"
	tensorFirst            = "adamw.first"
	tensorSecond           = "adamw.second"
	tensorChosenWeights    = "chosen.weights"
	tensorChosenStatistics = "chosen.statistics"
)

// tensors lists all numbers of a training, for saving and for loading.
func (l *Loop) tensors() []checkpoint.Tensor {
	return []checkpoint.Tensor{
		{Name: tensorWeights, Values: l.model.Weights},
		{Name: tensorStatistics, Values: l.model.Statistics},
		{Name: tensorFirst, Values: l.optimizer.First},
		{Name: tensorSecond, Values: l.optimizer.Second},
		{Name: tensorChosenWeights, Values: l.chosen.Weights},
		{Name: tensorChosenStatistics, Values: l.chosen.Statistics},
	}
}

// restore takes over a checkpoint's numbers.
func (l *Loop) restore(s state, from []checkpoint.Tensor) error {
	to := l.tensors()
	if len(from) != len(to) {
		return fmt.Errorf("the checkpoint has %d tensors in place of %d", len(from), len(to))
	}
	for i, t := range to {
		if from[i].Name != t.Name || len(from[i].Values) != len(t.Values) {
			return fmt.Errorf("the checkpoint has %s of %d values in place of %s of %d", from[i].Name, len(from[i].Values), t.Name, len(t.Values))
		}
	}
	for i, t := range to {
		copy(t.Values, from[i].Values)
	}
	l.state = s
	l.optimizer.Steps = s.OptimizerSteps
	return nil
}

// weightsDigest is the SHA-256 of a model's weights and statistics, in hexadecimal.
func weightsDigest(m *nn.Model) string {
	digest := sha256.New()
	buffer := make([]byte, 0, 4096)
	for _, values := range [][]float32{m.Weights, m.Statistics, m.Mean, m.Deviation} {
		for _, v := range values {
			buffer = binary.LittleEndian.AppendUint32(buffer, math.Float32bits(v))
			if len(buffer) == cap(buffer) {
				digest.Write(buffer)
				buffer = buffer[:0]
			}
		}
	}
	digest.Write(buffer)
	return hex.EncodeToString(digest.Sum(nil))
}
