package v1alpha1

// Labels that the operator puts on the Pods of a job.
const (
	// LabelJobName is the name of the Pod's TrainingJob.
	LabelJobName = GroupName + "/job-name"
	// LabelJobID is the ID of the Pod's TrainingJob in the training API.
	LabelJobID = GroupName + "/job-id"
	// LabelRole is what the Pod is for: prepare or train.
	LabelRole = GroupName + "/role"
	// LabelNumber counts the Pods of a role, from 1.
	LabelNumber = GroupName + "/number"
)

// AnnotationPodOptions is, on a train Pod, the digest of the spec.pod that it was made
// from.
const AnnotationPodOptions = GroupName + "/pod-options"

// ResultFinalizer holds a train Pod until its result is recorded.
const ResultFinalizer = GroupName + "/result"

// Labels of Kueue. On a TrainingJob they go to the train Pod.
const (
	// KueueQueueLabel is the queue to wait in.
	KueueQueueLabel = KueueDomain + "/queue-name"
	// KueuePriorityLabel is the workload's priority class in Kueue.
	KueuePriorityLabel = KueueDomain + "/priority-class"
)

const (
	// KueueDomain is the domain of Kueue's keys.
	KueueDomain = "kueue.x-k8s.io"
	// KueueGate is the scheduling gate that Kueue removes when it admits a Pod.
	KueueGate = KueueDomain + "/admission"
)

// The roles of Pods.
const (
	// RolePrepare fetches and validates the files.
	RolePrepare = "prepare"
	// RoleTrain trains.
	RoleTrain = "train"
)
