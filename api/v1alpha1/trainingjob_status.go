package v1alpha1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// Phase is the state of a job, in the documented words of the training API.
// +kubebuilder:validation:Enum=initializing;downloading_files;validating_files;queued;running;succeeded;failed;cancelled
type Phase string

// The phases, in the order in which a job passes them.
const (
	// PhaseInitializing means that the job's first Pod has not started to work.
	PhaseInitializing Phase = "initializing"
	// PhaseDownloadingFiles means that the files are being fetched from storage.
	PhaseDownloadingFiles Phase = "downloading_files"
	// PhaseValidatingFiles means that the files are being checked.
	PhaseValidatingFiles Phase = "validating_files"
	// PhaseQueued means that the files are valid and the job waits to train.
	PhaseQueued Phase = "queued"
	// PhaseRunning means that the trainer runs.
	PhaseRunning Phase = "running"
	// PhaseSucceeded means that the model is trained and stored; an end.
	PhaseSucceeded Phase = "succeeded"
	// PhaseFailed means that the job cannot succeed; an end.
	PhaseFailed Phase = "failed"
	// PhaseCancelled means that the job was cancelled and none of its Pods is
	// left; an end.
	PhaseCancelled Phase = "cancelled"
)

// Phases are all phases, in the order in which a job passes them.
var Phases = []Phase{
	PhaseInitializing, PhaseDownloadingFiles, PhaseValidatingFiles, PhaseQueued,
	PhaseRunning, PhaseSucceeded, PhaseFailed, PhaseCancelled,
}

// Finished tells whether the phase is an end: no phase ever follows it.
func (p Phase) Finished() bool {
	return p == PhaseSucceeded || p == PhaseFailed || p == PhaseCancelled
}

// TrainingJobStatus is what has become of a training request.
type TrainingJobStatus struct {
	// id is the job's ID in the training API, such as trainingjob-5ms9ja6hk2x0.
	// It is made from the object's UID when the job is first seen and stays.
	// +kubebuilder:validation:MaxLength=64
	// +optional
	ID string `json:"id,omitempty"`

	// phase is the state of the job in the words of the training API, initializing
	// from the start. It is for people; programs watch the conditions.
	// +default="initializing"
	// +optional
	Phase Phase `json:"phase,omitempty"`

	// observedGeneration is the generation of the spec that this status is
	// about; -1 until anything is recorded of the job.
	// +optional
	ObservedGeneration int64 `json:"observedGeneration,omitempty"`

	// trainedModel is the ID of the trained model, such as model-3b05uri7. It
	// is there once the job has succeeded.
	// +kubebuilder:validation:MaxLength=64
	// +optional
	TrainedModel string `json:"trainedModel,omitempty"`

	// modelDigest is the SHA-256 (hexadecimal) of the model's manifest, model.json,
	// which has the digests of its other parts: with it a download can be checked.
	// +kubebuilder:validation:MinLength=64
	// +kubebuilder:validation:MaxLength=64
	// +kubebuilder:validation:Pattern=`^[0-9a-f]{64}$`
	// +optional
	ModelDigest string `json:"modelDigest,omitempty"`

	// bestEpoch is the epoch whose weights the model has, from 1.
	// +optional
	BestEpoch int32 `json:"bestEpoch,omitempty"`

	// metrics are those of the stored model by name, as decimal numbers in strings:
	// the figures of its manifest.
	// +kubebuilder:validation:MaxProperties=32
	// +mapType=atomic
	// +optional
	Metrics map[string]string `json:"metrics,omitempty"`

	// warnings are what the user should know though nothing failed: first those of
	// the files, then those of the model.
	// +kubebuilder:validation:MaxItems=32
	// +kubebuilder:validation:items:MaxLength=512
	// +listType=atomic
	// +optional
	Warnings []string `json:"warnings,omitempty"`

	// resultsFile is the ID of the file with the metrics of each epoch (CSV).
	// +kubebuilder:validation:MaxLength=64
	// +optional
	ResultsFile string `json:"resultsFile,omitempty"`

	// error says why the job failed: what went wrong, where, and what to do.
	// +kubebuilder:validation:MaxLength=2048
	// +optional
	Error string `json:"error,omitempty"`

	// startedAt is when training started for the first time.
	// +optional
	StartedAt *metav1.Time `json:"startedAt,omitempty"`

	// finishedAt is when the job ended.
	// +optional
	FinishedAt *metav1.Time `json:"finishedAt,omitempty"`

	// phaseTimes say when each phase was entered last, in the order in which that
	// happened. The times are those of the containers' nodes, whose clocks may differ.
	// +kubebuilder:validation:MaxItems=8
	// +listType=atomic
	// +optional
	PhaseTimes []PhaseTime `json:"phaseTimes,omitempty"`

	// files are the files as they were validated. Training refuses others.
	// +structType=atomic
	// +optional
	Files *ValidatedFiles `json:"files,omitempty"`

	// hyperparameters are those that are used: the request's, and for the rest
	// what the trainer chose from the data.
	// +structType=atomic
	// +optional
	Hyperparameters *Hyperparameters `json:"hyperparameters,omitempty"`

	// prepares is how often the preparation (download and validation) was
	// started.
	// +optional
	Prepares int32 `json:"prepares,omitempty"`

	// starts is how often training was started.
	// +optional
	Starts int32 `json:"starts,omitempty"`

	// retries is how many of the starts used up a retry of backoffLimit.
	// +optional
	Retries int32 `json:"retries,omitempty"`

	// disruptions is how often the job was interrupted without a fault of its
	// own. They cost no retry.
	// +optional
	Disruptions int32 `json:"disruptions,omitempty"`

	// consecutiveDisruptions is how many of them came in a row without a newer
	// checkpoint in between. Each makes the next start wait longer.
	// +optional
	ConsecutiveDisruptions int32 `json:"consecutiveDisruptions,omitempty"`

	// trainedSeconds is how long the job has trained over all ended starts, in
	// seconds.
	// +optional
	TrainedSeconds int64 `json:"trainedSeconds,omitempty"`

	// attempts are the last five starts that ended without success, the newest last.
	// +kubebuilder:validation:MaxItems=5
	// +listType=atomic
	// +optional
	Attempts []Attempt `json:"attempts,omitempty"`

	// blockedSince is since when the job's Pod cannot start, for the reason that
	// the condition Running names; it goes once the Pod can.
	// +optional
	BlockedSince *metav1.Time `json:"blockedSince,omitempty"`

	// queuePosition is the job's place among those that wait to train, from 1,
	// for the first ten; kubectl swath and the HTTP API know it for all.
	// +kubebuilder:validation:Minimum=1
	// +optional
	QueuePosition *int32 `json:"queuePosition,omitempty"`

	// progress is how far the training is, and after its end how far it came.
	// +structType=atomic
	// +optional
	Progress *Progress `json:"progress,omitempty"`

	// conditions tell the story in the Kubernetes way: Complete, Failed,
	// Cancelled, FilesReady, Suspended, Running, and Reconciling and Stalled for tools
	// that follow kstatus.
	// +kubebuilder:validation:MaxItems=16
	// +listType=map
	// +listMapKey=type
	// +patchStrategy=merge
	// +patchMergeKey=type
	// +optional
	Conditions []metav1.Condition `json:"conditions,omitempty" patchStrategy:"merge" patchMergeKey:"type"`
}

// PhaseTime is when a phase was entered.
type PhaseTime struct {
	// phase is the phase that was entered.
	// +required
	Phase Phase `json:"phase,omitempty"`

	// at is when it was entered, by the clocks of the containers where they
	// tell it.
	// +required
	At metav1.Time `json:"at,omitzero"`
}

// ValidatedFiles are the files of a job as they were validated.
type ValidatedFiles struct {
	// training is the training file.
	// +required
	Training ValidatedFile `json:"training,omitzero"`

	// validation is the validation file, when there is one.
	// +optional
	Validation *ValidatedFile `json:"validation,omitempty"`
}

// ValidatedFile is a file as it was validated.
type ValidatedFile struct {
	// sha256 is the digest of the file's bytes, in hexadecimal.
	// +kubebuilder:validation:MinLength=64
	// +kubebuilder:validation:MaxLength=64
	// +kubebuilder:validation:Pattern=`^[0-9a-f]{64}$`
	// +required
	SHA256 string `json:"sha256,omitempty"`

	// bytes is the size of the file.
	// +optional
	Bytes int64 `json:"bytes,omitempty"`

	// samples is the number of samples in the file.
	// +optional
	Samples int64 `json:"samples,omitempty"`
}

// Attempt is a start that ended without success.
type Attempt struct {
	// stage is download, validate or train.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=16
	// +required
	Stage string `json:"stage,omitempty"`

	// number is the start's number, from 1.
	// +optional
	Number int32 `json:"number,omitempty"`

	// pod is the name of the Pod.
	// +kubebuilder:validation:MaxLength=253
	// +optional
	Pod string `json:"pod,omitempty"`

	// node is the name of the node that it ran on.
	// +kubebuilder:validation:MaxLength=253
	// +optional
	Node string `json:"node,omitempty"`

	// exitCode is the container's exit code, when there is one.
	// +optional
	ExitCode *int32 `json:"exitCode,omitempty"`

	// reason is why it ended, in one CamelCase word.
	// +kubebuilder:validation:MaxLength=64
	// +optional
	Reason string `json:"reason,omitempty"`

	// message says it in a sentence.
	// +kubebuilder:validation:MaxLength=1024
	// +optional
	Message string `json:"message,omitempty"`

	// checkpoint is the step of the newest checkpoint that was stored when it
	// ended, as far as the trainer said so.
	// +optional
	Checkpoint int64 `json:"checkpoint,omitempty"`

	// finishedAt is when it ended.
	// +optional
	FinishedAt *metav1.Time `json:"finishedAt,omitempty"`
}

// Progress is how far the training is.
type Progress struct {
	// summary says it in a few words, such as "epoch 7/45, mean IoU 0.912".
	// +kubebuilder:validation:MaxLength=128
	// +optional
	Summary string `json:"summary,omitempty"`

	// epoch is the number of epochs done.
	// +optional
	Epoch int32 `json:"epoch,omitempty"`

	// epochs is the number of epochs to do.
	// +optional
	Epochs int32 `json:"epochs,omitempty"`

	// step is the number of steps done.
	// +optional
	Step int64 `json:"step,omitempty"`

	// steps is the number of steps to do.
	// +optional
	Steps int64 `json:"steps,omitempty"`

	// checkpoint is the step of the newest checkpoint that is stored.
	// +optional
	Checkpoint int64 `json:"checkpoint,omitempty"`

	// estimatedFinishedAt is when the training is expected to end, while it runs.
	// +optional
	EstimatedFinishedAt *metav1.Time `json:"estimatedFinishedAt,omitempty"`

	// metrics are the newest metrics by name, as decimal numbers in strings. Once
	// the job has succeeded they are those of the model.
	// +kubebuilder:validation:MaxProperties=32
	// +optional
	Metrics map[string]string `json:"metrics,omitempty"`

	// updatedAt is when the trainer told this.
	// +optional
	UpdatedAt *metav1.Time `json:"updatedAt,omitempty"`
}
