package main

import (
	"github.com/spf13/pflag"

	"github.com/swath-dev/swath/internal/training"
)

// hyperparameterFlags are the hyperparameters in kebab-case. A flag that is not given leaves the choice to the trainer.
type hyperparameterFlags struct {
	set *pflag.FlagSet

	numClasses, epochs, batchSize, ignoreLabel, patience int
	seed                                                 int64
	learningRate, weightDecay, warmup, fraction          float64
	modelSize, loss, classWeights, augmentation          string
}

func (f *hyperparameterFlags) register(set *pflag.FlagSet) {
	f.set = set
	set.IntVar(&f.numClasses, "num-classes", 0, "number of classes; required for segmentation (by default one more than the largest label)")
	set.IntVar(&f.epochs, "epochs", 0, "how often the training data is gone through (by default by the data)")
	set.IntVar(&f.batchSize, "batch-size", 0, "chips in a step (by default by the data)")
	set.Float64Var(&f.learningRate, "learning-rate", 0, "highest step length of AdamW (by default by the data)")
	set.Float64Var(&f.weightDecay, "weight-decay", 0, "decoupled weight decay of AdamW (by default 0.05)")
	set.Float64Var(&f.warmup, "warmup", 0, "share of all steps in which the learning rate rises (by default 0.1)")
	set.Int64Var(&f.seed, "seed", 0, "seed of every random choice (by default 42)")
	set.StringVar(&f.modelSize, "model-size", "", "small, base or large (by default small)")
	set.StringVar(&f.loss, "loss", "", "crossEntropy or focal (by default crossEntropy)")
	set.StringVar(&f.classWeights, "class-weights", "", "none or balanced (by default none)")
	set.IntVar(&f.ignoreLabel, "ignore-label", 0, "a label that stands for \"no label\" (by default none)")
	set.StringVar(&f.augmentation, "augmentation", "", "none, flips or d4 (by default d4)")
	set.IntVar(&f.patience, "early-stopping-patience", 0, "epochs without a smaller validation loss after which training ends (by default never)")
	set.Float64Var(&f.fraction, "validation-fraction", 0, "share of the training file kept aside where there is no validation file (by default 0.2, or 0 below 50 chips)")
}

// values are those that were given.
func (f *hyperparameterFlags) values() training.Hyperparameters {
	return training.Hyperparameters{
		NumClasses:            given(f.set, "num-classes", &f.numClasses),
		Epochs:                given(f.set, "epochs", &f.epochs),
		BatchSize:             given(f.set, "batch-size", &f.batchSize),
		LearningRate:          given(f.set, "learning-rate", &f.learningRate),
		WeightDecay:           given(f.set, "weight-decay", &f.weightDecay),
		Warmup:                given(f.set, "warmup", &f.warmup),
		Seed:                  given(f.set, "seed", &f.seed),
		ModelSize:             given(f.set, "model-size", &f.modelSize),
		Loss:                  given(f.set, "loss", &f.loss),
		ClassWeights:          given(f.set, "class-weights", &f.classWeights),
		IgnoreLabel:           given(f.set, "ignore-label", &f.ignoreLabel),
		Augmentation:          given(f.set, "augmentation", &f.augmentation),
		EarlyStoppingPatience: given(f.set, "early-stopping-patience", &f.patience),
		ValidationFraction:    given(f.set, "validation-fraction", &f.fraction),
	}
}

func given[T any](set *pflag.FlagSet, name string, value *T) *T {
	if !set.Changed(name) {
		return nil
	}
	return value
}
