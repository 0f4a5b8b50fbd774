package v1alpha1

import (
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// TrainingJobKind is the kind of a TrainingJob.
const TrainingJobKind = "TrainingJob"

// Task is what a model learns to do.
// +kubebuilder:validation:Enum=classification;segmentation
type Task string

// The tasks, in the words of the training API.
const (
	// TaskClassification gives each image one class.
	TaskClassification Task = "classification"
	// TaskSegmentation gives each pixel of an image a class.
	TaskSegmentation Task = "segmentation"
)

// FileName is the ID of an uploaded file, such as file-lw3zjxrg. It is a plain
// name below the namespace's files and can never lead out of them.
// +kubebuilder:validation:MinLength=1
// +kubebuilder:validation:MaxLength=128
// +kubebuilder:validation:Pattern=`^[A-Za-z0-9]([A-Za-z0-9_-]|[.][A-Za-z0-9_-])*$`
type FileName string

// TrainingJobSpec is the training request. Task, files and hyperparameters are
// the body of POST /training/jobs and never change; to train with others, make
// another TrainingJob.
// +kubebuilder:validation:XValidation:rule="has(self.validationFile) == has(oldSelf.validationFile)",fieldPath=".validationFile",message="validationFile is immutable: make another TrainingJob to validate with another file"
// +kubebuilder:validation:XValidation:rule="has(self.hyperparameters) == has(oldSelf.hyperparameters)",fieldPath=".hyperparameters",message="hyperparameters are immutable: make another TrainingJob to train with others"
// +kubebuilder:validation:XValidation:rule="!has(self.validationFile) || self.validationFile != self.trainingFile",message="validationFile must differ from trainingFile: metrics on the data that was trained on say nothing"
// +kubebuilder:validation:XValidation:rule="self.task != 'segmentation' || (has(self.hyperparameters) && has(self.hyperparameters.numClasses))",message="hyperparameters.numClasses is required for segmentation"
// +kubebuilder:validation:XValidation:rule="!(has(oldSelf.cancel) && oldSelf.cancel) || (has(self.cancel) && self.cancel)",message="cancel cannot be taken back: make another TrainingJob"
type TrainingJobSpec struct {
	// task is what to train for: classification (a class for each image) or
	// segmentation (a class for each pixel).
	// +kubebuilder:validation:XValidation:rule="self == oldSelf",message="task is immutable: make another TrainingJob to train another task"
	// +required
	Task Task `json:"task,omitempty"`

	// trainingFile is the ID of the uploaded file with the training data, such
	// as file-lw3zjxrg.
	// +kubebuilder:validation:XValidation:rule="self == oldSelf",message="trainingFile is immutable: make another TrainingJob to train on another file"
	// +required
	TrainingFile FileName `json:"trainingFile,omitempty"`

	// validationFile is the ID of the uploaded file with the validation data.
	// When it is given, metrics on it are computed after every epoch, and the
	// weights with the least validation loss are kept. The same data should not
	// be in both files.
	// +kubebuilder:validation:XValidation:rule="self == oldSelf",message="validationFile is immutable: make another TrainingJob to validate with another file"
	// +optional
	ValidationFile *FileName `json:"validationFile,omitempty"`

	// hyperparameters steer the training. Whatever is left out is chosen by the
	// trainer from the data; what it chose stands in status.hyperparameters.
	// +kubebuilder:validation:XValidation:rule="self == oldSelf",message="hyperparameters are immutable: make another TrainingJob to train with others"
	// +optional
	Hyperparameters *Hyperparameters `json:"hyperparameters,omitempty"`

	// cancel ends the job: its Pods are stopped, and once none is left the job
	// is cancelled. Cancelling cannot be taken back.
	// +optional
	Cancel *bool `json:"cancel,omitempty"`

	// suspend holds the job: nothing is started while it is true. What prepares is
	// stopped and prepares anew afterwards; a trainer writes a checkpoint, stops, and
	// goes on from there once suspend is set to false.
	// +optional
	Suspend *bool `json:"suspend,omitempty"`

	// backoffLimit is how often a failed stage is started again before the job
	// fails. Disruptions (eviction, preemption, a lost node) do not count.
	// It is 3 when left out.
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=100
	// +optional
	BackoffLimit *int32 `json:"backoffLimit,omitempty"`

	// activeDeadlineSeconds is how long the job may train, in seconds, over all
	// its starts. Waiting in the queue does not count. No limit when left out.
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=2147483647
	// +optional
	ActiveDeadlineSeconds *int64 `json:"activeDeadlineSeconds,omitempty"`

	// ttlSecondsAfterFinished is how long after its end the TrainingJob is
	// deleted, in seconds. It stays for ever when left out. With it go its
	// status, its Pods with their logs, and its events; the model and the results
	// file stay in storage, and the HTTP API still lists the model. Do not set it
	// on objects that a pipeline applies again and again: the pipeline would make
	// the job anew and train again.
	// +kubebuilder:validation:Minimum=0
	// +optional
	TTLSecondsAfterFinished *int32 `json:"ttlSecondsAfterFinished,omitempty"`

	// pod shapes the Pod that trains. It may change until the trainer first runs; a
	// Pod that waits to be scheduled or started is then made anew.
	// +optional
	Pod *PodOptions `json:"pod,omitempty"`
}

// TrainingJob trains an image model on satellite imagery: a training request,
// the documented states it goes through, and the model or the error it ends
// with.
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:resource:shortName=tj;tjs,categories=all
// +kubebuilder:printcolumn:name="Task",type=string,JSONPath=`.spec.task`
// +kubebuilder:printcolumn:name="Phase",type=string,JSONPath=`.status.phase`
// +kubebuilder:printcolumn:name="Progress",type=string,JSONPath=`.status.progress.summary`
// +kubebuilder:printcolumn:name="Model",type=string,JSONPath=`.status.trainedModel`
// +kubebuilder:printcolumn:name="Error",type=string,JSONPath=`.status.error`,priority=1
// +kubebuilder:printcolumn:name="Started",type=date,JSONPath=`.status.startedAt`,priority=1
// +kubebuilder:printcolumn:name="Finished",type=date,JSONPath=`.status.finishedAt`,priority=1
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
// +kubebuilder:validation:XValidation:rule="size(self.metadata.name) <= 63",message="metadata.name may have at most 63 characters, since it is a label of its Pods"
// +kubebuilder:validation:XValidation:rule="!has(oldSelf.status) || !has(oldSelf.status.startedAt) || (has(self.spec.pod) == has(oldSelf.spec.pod) && (!has(self.spec.pod) || self.spec.pod == oldSelf.spec.pod))",message="spec.pod cannot change once training has started: make another TrainingJob"
type TrainingJob struct {
	metav1.TypeMeta `json:",inline"`

	// metadata is standard object metadata.
	// +optional
	metav1.ObjectMeta `json:"metadata,omitzero"`

	// spec is the training request.
	// +required
	Spec TrainingJobSpec `json:"spec,omitzero"`

	// status is what has become of the request.
	// +default={"phase": "initializing", "observedGeneration": -1}
	// +optional
	Status TrainingJobStatus `json:"status,omitzero"`
}

// TrainingJobList is a list of TrainingJobs.
// +kubebuilder:object:root=true
type TrainingJobList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitzero"`
	Items           []TrainingJob `json:"items"`
}

// PodOptions are the parts of the train Pod that a job may choose. What the
// operator's configuration does not allow is refused, and the job says so.
// +kubebuilder:validation:MinProperties=1
type PodOptions struct {
	// resources are the requests and limits of the container that trains. The
	// configuration's defaults hold for what is left out.
	// +kubebuilder:validation:XValidation:rule="!has(self.claims) || self.claims.size() == 0",fieldPath=".claims",message="claims are not supported, since the Pod has no resourceClaims: ask for devices in limits"
	// +kubebuilder:validation:XValidation:rule="!has(self.limits) || self.limits.all(name, name in ['cpu', 'memory', 'ephemeral-storage'] || name.startsWith('hugepages-') || name.contains('/'))",fieldPath=".limits",message="Kubernetes knows cpu, memory, ephemeral-storage, hugepages-SIZE, and devices with the domain of their maker, such as nvidia.com/gpu"
	// +kubebuilder:validation:XValidation:rule="!has(self.requests) || self.requests.all(name, name in ['cpu', 'memory', 'ephemeral-storage'] || name.startsWith('hugepages-') || name.contains('/'))",fieldPath=".requests",message="Kubernetes knows cpu, memory, ephemeral-storage, hugepages-SIZE, and devices with the domain of their maker, such as nvidia.com/gpu"
	// +kubebuilder:validation:XValidation:rule="!has(self.limits) || !('memory' in self.limits) || quantity(string(self.limits['memory'])).compareTo(quantity('80Mi')) >= 0",fieldPath=".limits",message="limits.memory is less than the 80Mi that the trainer needs at least",messageExpression="'limits.memory is ' + string(self.limits['memory']) + ', and the trainer needs at least 80Mi: ' + (string(self.limits['memory']).matches('^[0-9]+m?$') ? 'did you mean ' + string(self.limits['memory']).replace('m', '') + 'Mi?' : 'raise it')"
	// +kubebuilder:validation:XValidation:rule="!has(self.limits) || ['cpu', 'ephemeral-storage'].all(name, !(name in self.limits) || sign(quantity(string(self.limits[name]))) > 0)",fieldPath=".limits",message="a limit must be greater than 0: leave it out for the configured one"
	// +kubebuilder:validation:XValidation:rule="!has(self.requests) || ['cpu', 'memory', 'ephemeral-storage'].all(name, !(name in self.requests) || sign(quantity(string(self.requests[name]))) >= 0)",fieldPath=".requests",message="a request must not be negative"
	// +kubebuilder:validation:XValidation:rule="!has(self.requests) || ['memory', 'ephemeral-storage'].all(name, !(name in self.requests) || !string(self.requests[name]).matches('[num]$'))",fieldPath=".requests",message="a request of memory or ephemeral-storage is a fraction of a byte: did you mean Mi where you wrote m?"
	// +kubebuilder:validation:XValidation:rule="!has(self.limits) || ['cpu', 'memory', 'ephemeral-storage'].all(name, !(name in self.limits) || quantity(string(self.limits[name])).isLessThan(quantity('9223372036854775807')))",fieldPath=".limits",message="a limit is more than Kubernetes can count (9223372036854775807): give at most what a node has"
	// +kubebuilder:validation:XValidation:rule="!has(self.requests) || ['cpu', 'memory', 'ephemeral-storage'].all(name, !(name in self.requests) || quantity(string(self.requests[name])).isLessThan(quantity('9223372036854775807')))",fieldPath=".requests",message="a request is more than Kubernetes can count (9223372036854775807): give at most what a node has"
	// +kubebuilder:validation:XValidation:rule="!has(self.limits) || !has(self.requests) || ['cpu', 'memory', 'ephemeral-storage'].all(name, !(name in self.limits) || !(name in self.requests) || quantity(string(self.requests[name])).compareTo(quantity(string(self.limits[name]))) <= 0)",fieldPath=".requests",message="a request is above its limit: raise the limit, or lower the request"
	// +optional
	Resources *corev1.ResourceRequirements `json:"resources,omitempty"`

	// nodeSelector names labels that the node must have.
	// +kubebuilder:validation:MaxProperties=32
	// +optional
	NodeSelector map[string]string `json:"nodeSelector,omitempty"`

	// tolerations let the Pod run on tainted nodes.
	// +kubebuilder:validation:MaxItems=32
	// +listType=atomic
	// +optional
	Tolerations []corev1.Toleration `json:"tolerations,omitempty"`

	// affinity says near what the Pod is to run, or away from what.
	// +optional
	Affinity *corev1.Affinity `json:"affinity,omitempty"`

	// priorityClassName is the Pod's priority class; the queue goes by it too.
	// +kubebuilder:validation:MaxLength=253
	// +kubebuilder:validation:MinLength=1
	// +optional
	PriorityClassName string `json:"priorityClassName,omitempty"`

	// runtimeClassName is the Pod's container runtime, such as nvidia.
	// +kubebuilder:validation:MaxLength=253
	// +kubebuilder:validation:MinLength=1
	// +optional
	RuntimeClassName string `json:"runtimeClassName,omitempty"`

	// serviceAccountName is the identity of the Pod towards a cloud's storage
	// (workload identity). Its Kubernetes token is never mounted.
	// +kubebuilder:validation:MaxLength=253
	// +kubebuilder:validation:MinLength=1
	// +optional
	ServiceAccountName string `json:"serviceAccountName,omitempty"`

	// imagePullSecrets name Secrets of the namespace to pull the image with.
	// +kubebuilder:validation:MaxItems=8
	// +listType=atomic
	// +optional
	ImagePullSecrets []corev1.LocalObjectReference `json:"imagePullSecrets,omitempty"`

	// env are further environment variables, literals only.
	// +kubebuilder:validation:MaxItems=64
	// +listType=map
	// +listMapKey=name
	// +optional
	Env []EnvVar `json:"env,omitempty"`

	// labels are added to the Pod's.
	// +kubebuilder:validation:MaxProperties=32
	// +optional
	Labels map[string]string `json:"labels,omitempty"`

	// annotations are added to the Pod's.
	// +kubebuilder:validation:MaxProperties=32
	// +optional
	Annotations map[string]string `json:"annotations,omitempty"`

	// terminationGracePeriodSeconds is how long the trainer has to write a
	// checkpoint when it is stopped, in seconds. It is 120 when left out.
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=3600
	// +optional
	TerminationGracePeriodSeconds *int64 `json:"terminationGracePeriodSeconds,omitempty"`
}

// EnvVar is an environment variable with a literal value: references to
// Secrets, ConfigMaps and fields are not possible on purpose.
type EnvVar struct {
	// name is the variable's name.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=256
	// +kubebuilder:validation:Pattern=`^[A-Za-z_][A-Za-z0-9_]*$`
	// +required
	Name string `json:"name,omitempty"`

	// value is the variable's value, as it is.
	// +kubebuilder:validation:MaxLength=4096
	// +optional
	Value string `json:"value,omitempty"`
}
