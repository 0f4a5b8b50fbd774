package training

import (
	"math"
	"math/bits"
)

// Settings are the hyperparameters that are used: all of them have a value. They stand in model.json and in the status
// of the job under the names of the TrainingJob.
type Settings struct {
	NumClasses   int     `json:"numClasses"`
	Epochs       int     `json:"epochs"`
	BatchSize    int     `json:"batchSize"`
	LearningRate float64 `json:"learningRate"`
	WeightDecay  float64 `json:"weightDecay"`
	// Warmup is the share of all steps in which the learning rate rises.
	Warmup       float64 `json:"warmup"`
	Seed         int64   `json:"seed"`
	ModelSize    string  `json:"modelSize"`
	Loss         string  `json:"loss"`
	ClassWeights string  `json:"classWeights"`
	// IgnoreLabel is nil where no label is left out.
	IgnoreLabel  *int   `json:"ignoreLabel,omitempty"`
	Augmentation string `json:"augmentation"`
	// EarlyStoppingPatience is 0 where training does not stop early.
	EarlyStoppingPatience int `json:"earlyStoppingPatience,omitempty"`
	// ValidationFraction is the share of the training file that is kept aside; 0 with a validation file.
	ValidationFraction float64 `json:"validationFraction"`
}

// DataSize is all that defaults are chosen by. Neither cores nor memory are in it, so that a job gives the same model
// on any machine.
type DataSize struct {
	// Samples is the number of chips in the training file.
	Samples int
	// Side is the height and width of a chip in pixels.
	Side int
	// Classes is one more than the largest label of the files.
	Classes int
	// HasValidation is whether there is a validation file.
	HasValidation bool
}

const (
	// leastToSplit is how many chips there must be before some are kept aside for validation.
	leastToSplit = 50
	// defaultFraction is the share that is then kept aside.
	defaultFraction = 0.2

	// leastBatch is how many chips of a classification are in a batch at least: of one chip alone batch norm takes away
	// what tells it from others, so that the network learns what it cannot use on other chips.
	leastBatch = 2

	defaultSeed        = 42
	defaultWeightDecay = 0.05
	defaultWarmup      = 0.1

	// A training has about 40 epochs, but at least minSteps steps, since few chips need as many steps to converge,
	// and at most maxSteps, which 100,000 chips need.
	defaultEpochs = 40
	minSteps      = 400
	maxSteps      = 20_000
)

// Resolve chooses what the request leaves open, by the task and the size of the data. The hyperparameters must have
// passed [Hyperparameters.Check].
func Resolve(h Hyperparameters, task Task, size DataSize) (Settings, error) {
	if h.NumClasses == nil && task == Segmentation {
		return Settings{}, usageErrorf("numClasses is missing: segmentation needs the number of classes")
	}
	fraction := 0.0
	if !size.HasValidation {
		if size.Samples >= leastToSplit {
			fraction = defaultFraction
		}
		fraction = or(h.ValidationFraction, fraction)
	}
	s := Settings{
		NumClasses:            or(h.NumClasses, max(2, size.Classes)),
		WeightDecay:           or(h.WeightDecay, defaultWeightDecay),
		Warmup:                or(h.Warmup, defaultWarmup),
		Seed:                  or(h.Seed, defaultSeed),
		ModelSize:             or(h.ModelSize, SizeSmall),
		Loss:                  or(h.Loss, LossCrossEntropy),
		ClassWeights:          or(h.ClassWeights, ClassWeightsNone),
		IgnoreLabel:           h.IgnoreLabel,
		Augmentation:          or(h.Augmentation, AugmentationD4),
		EarlyStoppingPatience: or(h.EarlyStoppingPatience, 0),
		ValidationFraction:    fraction,
	}
	trained := max(1, size.Samples-int(fraction*float64(size.Samples)))
	s.BatchSize = or(h.BatchSize, defaultBatch(trained, size.Side))
	if task == Classification {
		s.BatchSize = max(s.BatchSize, min(leastBatch, trained))
	}
	stepsPerEpoch := (trained + s.BatchSize - 1) / s.BatchSize
	s.LearningRate = or(h.LearningRate, defaultRate(s.ModelSize, s.BatchSize))
	steps := min(max(defaultEpochs*stepsPerEpoch, minSteps), maxSteps)
	s.Epochs = or(h.Epochs, (steps+stepsPerEpoch-1)/stepsPerEpoch)
	return s, nil
}

// defaultBatch is an eighth of the data within 4 to 32 chips, but at most 2^18 pixels (2 chips at least), rounded down
// to a power of two.
func defaultBatch(samples, side int) int {
	byCount := min(max(samples/8, 4), 32)
	byPixels := max(2, (1<<18)/(side*side))
	return 1 << (bits.Len(uint(min(byCount, byPixels))) - 1)
}

// rates are the learning rates for batches of 16 chips: what converged best on the Olinda files for the small networks, and
// less for those with more channels.
var rates = map[string]float64{SizeSmall: 0.006, SizeBase: 0.004, SizeLarge: 0.003}

// defaultRate grows with the root of the batch, as suits Adam (Malladi et al. 2022, arXiv:2205.10287), within batches of 4 to
// 64 chips, and is rounded to four digits after the point.
func defaultRate(modelSize string, batch int) float64 {
	within := float64(min(max(batch, 4), 64))
	return math.Round(1e4*rates[modelSize]*math.Sqrt(within/16)) / 1e4
}

func or[T any](value *T, fallback T) T {
	if value != nil {
		return *value
	}
	return fallback
}
