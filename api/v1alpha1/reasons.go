package v1alpha1

// Reasons of the condition Running while it is false: what the job waits for.
const (
	// ReasonPreparing: the files are being fetched and validated.
	ReasonPreparing = "Preparing"
	// ReasonWaitingForSlot: as many jobs run as the configuration allows.
	ReasonWaitingForSlot = "WaitingForSlot"
	// ReasonSuspended: spec.suspend holds the job; also of an attempt that was
	// stopped by it.
	ReasonSuspended = "Suspended"
	// ReasonBackOff: the next start waits after an attempt without success.
	ReasonBackOff = "BackOff"
	// ReasonStarting: the Pod is being made, scheduled or started.
	ReasonStarting = "Starting"
	// ReasonGated: a scheduling gate, such as Kueue's, holds the Pod.
	ReasonGated = "Gated"
	// ReasonUnschedulable: no node can take the Pod for now.
	ReasonUnschedulable = "Unschedulable"
	// ReasonStopping: a Pod has to go first.
	ReasonStopping = "Stopping"
	// ReasonDeleting: the TrainingJob is being deleted.
	ReasonDeleting = "Deleting"
)

// Reasons why a Pod cannot start; when they last, the job fails by them.
const (
	// ReasonImagePullFailed: the image cannot be pulled.
	ReasonImagePullFailed = "ImagePullFailed"
	// ReasonContainerConfigError: a Secret, ConfigMap or setting that the
	// container needs is missing or wrong.
	ReasonContainerConfigError = "ContainerConfigError"
	// ReasonVolumeUnavailable: a volume cannot be mounted.
	ReasonVolumeUnavailable = "VolumeUnavailable"
	// ReasonSandboxFailed: the node cannot make the Pod's sandbox. It never
	// fails a job, since it is the node's fault.
	ReasonSandboxFailed = "SandboxFailed"
	// ReasonQuotaExceeded: a quota of the namespace refuses the Pod.
	ReasonQuotaExceeded = "QuotaExceeded"
	// ReasonAdmissionRefused: the API server's admission refuses the Pod.
	ReasonAdmissionRefused = "AdmissionRefused"
	// ReasonPodNotAllowed: spec.pod asks for what the operator's configuration
	// does not allow.
	ReasonPodNotAllowed = "PodNotAllowed"
	// ReasonNoStorage: the operator's configuration has no storage for the
	// namespace.
	ReasonNoStorage = "NoStorage"
	// ReasonPodNameTaken: a Pod that is not this job's has the name.
	ReasonPodNameTaken = "PodNameTaken"
)

// Reasons of attempts beside the trainer's own (contract.Reason).
const (
	// ReasonOutOfMemory: the kernel ended the container at its memory limit.
	ReasonOutOfMemory = "OutOfMemory"
	// ReasonEvicted: the Pod was evicted for going over a limit of its own.
	ReasonEvicted = "Evicted"
	// ReasonDisrupted: the Pod was preempted, evicted or lost its node; it costs
	// no retry.
	ReasonDisrupted = "Disrupted"
	// ReasonPodDeleted: someone deleted the Pod; it costs no retry.
	ReasonPodDeleted = "PodDeleted"
	// ReasonNodeLost: the Pod's node no longer answers; it costs no retry.
	ReasonNodeLost = "NodeLost"
	// ReasonResultLost: the container ended well but its message did not arrive.
	// The first time costs no retry.
	ReasonResultLost = "ResultLost"
	// ReasonDeadlineExceeded: the job trained for activeDeadlineSeconds.
	ReasonDeadlineExceeded = "DeadlineExceeded"
	// ReasonBackoffLimitExceeded: the retries are used up.
	ReasonBackoffLimitExceeded = "BackoffLimitExceeded"
)

// Reasons of the other conditions.
const (
	// ReasonTraining: the trainer runs.
	ReasonTraining = "Training"
	// ReasonFilesValid: the files are fetched and valid.
	ReasonFilesValid = "FilesValid"
	// ReasonProgressing: the operator works towards the end.
	ReasonProgressing = "Progressing"
	// ReasonCancelling: the job is cancelled once its Pods are gone.
	ReasonCancelling = "Cancelling"
	// ReasonFailing: the job fails once its Pods are gone.
	ReasonFailing = "Failing"
	// ReasonSucceeded: the model is trained and stored.
	ReasonSucceeded = "Succeeded"
	// ReasonCancelled: the job was cancelled.
	ReasonCancelled = "Cancelled"
	// ReasonFailed: the job failed.
	ReasonFailed = "Failed"
	// ReasonResumed: spec.suspend no longer holds the job.
	ReasonResumed = "Resumed"
)
