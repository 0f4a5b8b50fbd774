package v1alpha1

// ModelSize is how large a network is trained.
// +kubebuilder:validation:Enum=small;base;large
type ModelSize string

// Loss is the function that training makes small.
// +kubebuilder:validation:Enum=crossEntropy;focal
type Loss string

// ClassWeights is how classes are weighted in the loss.
// +kubebuilder:validation:Enum=none;balanced
type ClassWeights string

// Augmentation is how training chips are varied.
// +kubebuilder:validation:Enum=none;flips;d4
type Augmentation string

// Hyperparameters steer the training. None has a default here: what is left
// out is chosen by the trainer from the data. Numbers are numbers, as in the
// training API.
type Hyperparameters struct {
	// numClasses is the number of classes. Required for segmentation; for
	// classification it is taken from the labels when left out.
	// +kubebuilder:validation:Minimum=2
	// +kubebuilder:validation:Maximum=256
	// +optional
	NumClasses *int32 `json:"numClasses,omitempty"`

	// epochs is how often the training data is gone through.
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=100000
	// +optional
	Epochs *int32 `json:"epochs,omitempty"`

	// batchSize is the number of chips in a step.
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=4096
	// +optional
	BatchSize *int32 `json:"batchSize,omitempty"`

	// learningRate is the highest step length of AdamW.
	// +kubebuilder:validation:XValidation:rule="self > 0.0",message="learningRate must be greater than 0"
	// +kubebuilder:validation:Minimum=1e-8
	// +kubebuilder:validation:Maximum=1
	// +optional
	LearningRate *float64 `json:"learningRate,omitempty"`

	// weightDecay is the decoupled weight decay of AdamW.
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=10
	// +optional
	WeightDecay *float64 `json:"weightDecay,omitempty"`

	// warmup is the share of all steps in which the learning rate rises.
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=1
	// +optional
	Warmup *float64 `json:"warmup,omitempty"`

	// seed is the seed of every random choice; the same seed and data give the
	// same model, byte for byte. It is 42 when left out.
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=9007199254740991
	// +optional
	Seed *int64 `json:"seed,omitempty"`

	// modelSize is the size of the network: small, base or large.
	// +optional
	ModelSize *ModelSize `json:"modelSize,omitempty"`

	// loss is crossEntropy, or focal, which weighs hard samples more.
	// +optional
	Loss *Loss `json:"loss,omitempty"`

	// classWeights is none, or balanced: rare classes weigh more.
	// +optional
	ClassWeights *ClassWeights `json:"classWeights,omitempty"`

	// ignoreLabel is a label that stands for "no label": such pixels or chips
	// are left out of loss, weights, metrics and counts.
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=255
	// +optional
	IgnoreLabel *int32 `json:"ignoreLabel,omitempty"`

	// augmentation varies the training chips: none, flips (left-right and
	// up-down) or d4 (flips and transposes).
	// +optional
	Augmentation *Augmentation `json:"augmentation,omitempty"`

	// earlyStoppingPatience is after how many epochs without a smaller
	// validation loss training ends early. Off when left out.
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=100000
	// +optional
	EarlyStoppingPatience *int32 `json:"earlyStoppingPatience,omitempty"`

	// validationFraction is the share of the training file that is kept aside
	// for validation when there is no validation file.
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=0.5
	// +optional
	ValidationFraction *float64 `json:"validationFraction,omitempty"`
}
