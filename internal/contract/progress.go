package contract

import (
	"encoding/json"
	"fmt"
	"math"
	"time"
)

// MaxProgressBytes is the largest answer at ProgressPath that is read.
const MaxProgressBytes = 16 << 10

const (
	maxMetrics       = 32
	maxMetricName    = 63
	maxSummary       = 128
	maxProgressCount = int64(1) << 53
)

// Progress is the answer at ProgressPath: how far the training is.
type Progress struct {
	// PodUID is the UID of the answering Pod: addresses are used again, and an
	// answer of another Pod must not be taken.
	PodUID string `json:"podUID"`
	Job    string `json:"job"`
	Start  int32  `json:"start"`
	// Summary says it in a few words, such as "epoch 7/45, mean IoU 0.912".
	Summary string `json:"summary"`
	// Epoch and Step are done, Epochs and Steps are to do.
	Epoch  int32 `json:"epoch"`
	Epochs int32 `json:"epochs"`
	Step   int64 `json:"step"`
	Steps  int64 `json:"steps"`
	// Checkpoint is the step of the newest checkpoint that is stored; 0 for none.
	Checkpoint int64 `json:"checkpoint,omitempty"`
	// EstimatedFinishedAt is when training is expected to end.
	EstimatedFinishedAt *time.Time `json:"estimatedFinishedAt,omitempty"`
	// Metrics are the newest metrics by name.
	Metrics map[string]float64 `json:"metrics,omitempty"`
	// Hyperparameters are those that are used, by their names in the TrainingJob.
	Hyperparameters json.RawMessage `json:"hyperparameters,omitempty"`
	UpdatedAt       time.Time       `json:"updatedAt"`
}

// DecodeProgress reads an answer at ProgressPath and checks that its values are
// finite and bounded: it comes from a Pod that runs on users' data.
func DecodeProgress(data []byte) (Progress, error) {
	var p Progress
	if len(data) > MaxProgressBytes {
		return p, fmt.Errorf("progress of %d bytes is over the limit of %d", len(data), MaxProgressBytes)
	}
	if err := json.Unmarshal(data, &p); err != nil {
		return p, fmt.Errorf("reading progress: %w", err)
	}
	return p, p.check()
}

func (p *Progress) check() error {
	if err := checkCounts(p.Epoch, p.Epochs, p.Step, p.Steps); err != nil {
		return err
	}
	if p.Checkpoint < 0 || p.Checkpoint > maxProgressCount {
		return fmt.Errorf("progress has a checkpoint of step %d, which is out of bounds", p.Checkpoint)
	}
	if err := checkMetrics(p.Metrics); err != nil {
		return err
	}
	p.Summary = cut(p.Summary, maxSummary)
	return nil
}

func checkCounts(epoch, epochs int32, step, steps int64) error {
	if epoch < 0 || epochs < 0 || step < 0 || steps < 0 || step > maxProgressCount || steps > maxProgressCount {
		return fmt.Errorf("progress has counts out of bounds: epoch %d/%d, step %d/%d", epoch, epochs, step, steps)
	}
	return nil
}

func checkMetrics(metrics map[string]float64) error {
	if len(metrics) > maxMetrics {
		return fmt.Errorf("progress has %d metrics, over the limit of %d", len(metrics), maxMetrics)
	}
	for name, value := range metrics {
		if name == "" || len(name) > maxMetricName {
			return fmt.Errorf("progress has a metric with a name of %d bytes; 1 to %d are allowed", len(name), maxMetricName)
		}
		if math.IsNaN(value) || math.IsInf(value, 0) {
			return fmt.Errorf("progress has a metric %s that is not finite", name)
		}
	}
	return nil
}
