package v1alpha1

// Reasons of the condition Running while it is false: what the job waits for.
const (
	// ReasonPreparing means that the files are being fetched and validated.
	ReasonPreparing = "Preparing"
	// ReasonWaitingForSlot means that as many jobs run as the configuration allows.
	ReasonWaitingForSlot = "WaitingForSlot"
	// ReasonSuspended means that spec.suspend holds the job; also of an attempt that was
	// stopped by it.
	ReasonSuspended = "Suspended"
	// ReasonBackOff means that the next start waits after an attempt without success.
	ReasonBackOff = "BackOff"
	// ReasonStarting means that the Pod is being made, scheduled or started.
	ReasonStarting = "Starting"
	// ReasonGated means that a scheduling gate, such as Kueue's, holds the Pod.
	ReasonGated = "Gated"
	// ReasonUnschedulable means that no node can take the Pod for now; also of an attempt
	// whose Pod went for that, which costs no retry.
	ReasonUnschedulable = "Unschedulable"
	// ReasonStartTimeout means that the trainer did not start within
	// limits.unschedulableAfter, and its slot goes to the next job; also of an attempt that
	// ended so, which costs no retry.
	ReasonStartTimeout = "StartTimeout"
	// ReasonWaitingForContainer means that the Pod waits for an init container or a sidecar
	// that is not this job's.
	ReasonWaitingForContainer = "WaitingForContainer"
	// ReasonStopping means that a Pod has to go first. While the condition Running is
	// true, it is the Pod that trains.
	ReasonStopping = "Stopping"
	// ReasonDeleting means that the TrainingJob is being deleted.
	ReasonDeleting = "Deleting"
)

// Reasons why a Pod cannot start; when they last, the job fails by them.
const (
	// ReasonImagePullFailed means that the image cannot be pulled.
	ReasonImagePullFailed = "ImagePullFailed"
	// ReasonContainerConfigError means that a Secret, ConfigMap or setting that the
	// container needs is missing or wrong.
	ReasonContainerConfigError = "ContainerConfigError"
	// ReasonVolumeUnavailable means that a volume cannot be mounted.
	ReasonVolumeUnavailable = "VolumeUnavailable"
	// ReasonSandboxFailed means that the node cannot make the Pod's sandbox. It never
	// fails a job, since it is the node's fault.
	ReasonSandboxFailed = "SandboxFailed"
	// ReasonQuotaExceeded means that a quota of the namespace refuses the Pod.
	ReasonQuotaExceeded = "QuotaExceeded"
	// ReasonAdmissionRefused means that the API server's admission refuses the Pod.
	ReasonAdmissionRefused = "AdmissionRefused"
	// ReasonInvalidSpec means that spec.pod asks for what cannot work in any cluster. The
	// job fails by it at once, before anything is prepared.
	ReasonInvalidSpec = "InvalidSpec"
	// ReasonPodNotAllowed means that spec.pod asks for what the operator's configuration
	// does not allow.
	ReasonPodNotAllowed = "PodNotAllowed"
	// ReasonNoStorage means that the operator's configuration has no storage for the
	// namespace.
	ReasonNoStorage = "NoStorage"
	// ReasonPodCreateFailed means that the API server answers with an error of its own when
	// the Pod is made. It never fails a job, since it is the cluster's fault.
	ReasonPodCreateFailed = "PodCreateFailed"
	// ReasonPodNameTaken means that a Pod that is not this job's has the name.
	ReasonPodNameTaken = "PodNameTaken"
)

// Reasons of attempts beside the trainer's own (contract.Reason).
const (
	// ReasonOutOfMemory means that the kernel ended the container at its memory limit.
	ReasonOutOfMemory = "OutOfMemory"
	// ReasonEvicted means that the Pod was evicted for going over a limit of its own.
	ReasonEvicted = "Evicted"
	// ReasonDisrupted means that the Pod was preempted, evicted or lost its node; it costs
	// no retry.
	ReasonDisrupted = "Disrupted"
	// ReasonPodDeleted means that someone deleted the Pod; it costs no retry.
	ReasonPodDeleted = "PodDeleted"
	// ReasonReplaced means that spec.pod changed before the trainer ran; it costs no
	// retry.
	ReasonReplaced = "Replaced"
	// ReasonNeverRan means that the kubelet refused the Pod, or lost sight of its
	// containers. The first time in a row costs no retry.
	ReasonNeverRan = "NeverRan"
	// ReasonNodeLost means that the Pod's node no longer answers; it costs no retry.
	ReasonNodeLost = "NodeLost"
	// ReasonPodVanished means that someone removed the Pod with its finalizer while its
	// trainer ran. It counts as gone only after pods.lostAfter; it costs no retry.
	ReasonPodVanished = "PodVanished"
	// ReasonResultLost means that the container ended well but its message did not arrive.
	// The first time costs no retry.
	ReasonResultLost = "ResultLost"
	// ReasonDeadlineExceeded means that the job trained for activeDeadlineSeconds.
	ReasonDeadlineExceeded = "DeadlineExceeded"
	// ReasonPrepareTimeout means that fetching and validating the files took longer than
	// the configuration's prepare.timeout. It is not tried again.
	ReasonPrepareTimeout = "PrepareTimeout"
	// ReasonBackoffLimitExceeded means that the retries are used up.
	ReasonBackoffLimitExceeded = "BackoffLimitExceeded"
)

// Reasons of the other conditions.
const (
	// ReasonTraining means that the trainer runs.
	ReasonTraining = "Training"
	// ReasonFilesValid means that the files are fetched and valid.
	ReasonFilesValid = "FilesValid"
	// ReasonProgressing means that the operator works towards the end.
	ReasonProgressing = "Progressing"
	// ReasonCancelling means that the job is cancelled once its Pods are gone; also of the
	// condition Running.
	ReasonCancelling = "Cancelling"
	// ReasonFailing means that the job fails once its Pods are gone; also of the condition
	// Running.
	ReasonFailing = "Failing"
	// ReasonSucceeded means that the model is trained and stored.
	ReasonSucceeded = "Succeeded"
	// ReasonCancelled means that the job was cancelled.
	ReasonCancelled = "Cancelled"
	// ReasonFailed means that the job failed.
	ReasonFailed = "Failed"
	// ReasonResumed means that spec.suspend no longer holds the job.
	ReasonResumed = "Resumed"
)
