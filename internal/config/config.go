// Package config is the operator's configuration: one file, read strictly.
package config

import (
	"errors"
	"fmt"
	"os"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/json"
	"sigs.k8s.io/yaml"
)

// Config is the operator's configuration. docs/operating.md describes every
// field for those who run it.
type Config struct {
	Trainer    Trainer    `json:"trainer"`
	Storage    []Storage  `json:"storage"`
	Prepare    Prepare    `json:"prepare"`
	Train      PodShape   `json:"train"`
	Allow      Allow      `json:"allow"`
	Limits     Limits     `json:"limits"`
	Kueue      Kueue      `json:"kueue"`
	Retry      Retry      `json:"retry"`
	Pods       Pods       `json:"pods"`
	Progress   Progress   `json:"progress"`
	Controller Controller `json:"controller"`
}

// Trainer is the image that does the work.
type Trainer struct {
	// Image is used for every stage.
	Image string `json:"image"`
	// ImagePullPolicy is Kubernetes' own default when empty.
	ImagePullPolicy corev1.PullPolicy `json:"imagePullPolicy,omitempty"`
	// ImagePullSecrets name Secrets of the job's namespace.
	ImagePullSecrets []string `json:"imagePullSecrets,omitempty"`
}

// Storage is where the files of some namespaces are.
type Storage struct {
	// Namespaces are those that use it; empty for all that no other entry names.
	Namespaces []string `json:"namespaces,omitempty"`
	// URL is a bucket URL of gocloud.dev, such as s3://bucket?region=eu-central-1.
	URL string `json:"url"`
	// SecretName is a Secret of the job's namespace whose keys become the
	// environment of the Pods (credentials).
	SecretName string `json:"secretName,omitempty"`
	// ServiceAccountName is the Pods' service account for a cloud's workload
	// identity. No Kubernetes token is mounted.
	ServiceAccountName string `json:"serviceAccountName,omitempty"`
	// PersistentVolumeClaim is a claim of the job's namespace that is mounted
	// at /swath/storage, for file:// URLs.
	PersistentVolumeClaim string `json:"persistentVolumeClaim,omitempty"`
}

// PodShape are the resources of a kind of Pod.
type PodShape struct {
	// Resources are the requests and limits of each container. For the train
	// Pod a job may choose its own.
	Resources corev1.ResourceRequirements `json:"resources"`
	// WorkDirSize is the size limit of the working directory.
	WorkDirSize resource.Quantity `json:"workDirSize"`
	// PriorityClassName is the Pods' priority class where the job names none.
	PriorityClassName string `json:"priorityClassName,omitempty"`
	// NodeSelector and Tolerations place the Pods; those of a job come on top.
	NodeSelector map[string]string   `json:"nodeSelector,omitempty"`
	Tolerations  []corev1.Toleration `json:"tolerations,omitempty"`
}

// Prepare is how files are fetched and validated.
type Prepare struct {
	PodShape `json:",inline"`
	// Timeout is how long a Pod may fetch and validate the files of a job before the
	// job fails; 0 for as long as it likes.
	Timeout metav1.Duration `json:"timeout"`
}

// Allow is what spec.pod of a job may name. What is not listed is refused.
// "*" allows everything of a kind.
type Allow struct {
	ServiceAccountNames []string `json:"serviceAccountNames,omitempty"`
	ImagePullSecrets    []string `json:"imagePullSecrets,omitempty"`
	PriorityClassNames  []string `json:"priorityClassNames,omitempty"`
	RuntimeClassNames   []string `json:"runtimeClassNames,omitempty"`
	// TolerationKeys are the keys of taints that a job may tolerate.
	TolerationKeys []string `json:"tolerationKeys,omitempty"`
	// LabelPrefixes and AnnotationPrefixes are what keys may begin with.
	LabelPrefixes      []string `json:"labelPrefixes,omitempty"`
	AnnotationPrefixes []string `json:"annotationPrefixes,omitempty"`
	// EnvPrefixes are what names of environment variables may begin with; "*", the
	// default, for all. Those that steer storage, network or loader are refused
	// whatever stands here. A job's variable hides the key of the same name of the
	// storage's Secret: list prefixes when yours has keys of other names.
	EnvPrefixes []string `json:"envPrefixes,omitempty"`
	// Affinity are the kinds of affinity that a job may ask for: nodeAffinity (the
	// default), podAffinity and podAntiAffinity. With the last one a job can keep all
	// other Pods away from a zone.
	Affinity []string `json:"affinity,omitempty"`
}

// Limits bound how many jobs train at a time; 0 is no limit. Jobs that Kueue
// queues do not count.
type Limits struct {
	RunningJobs             int `json:"runningJobs,omitempty"`
	RunningJobsPerNamespace int `json:"runningJobsPerNamespace,omitempty"`
	// UnschedulableAfter is how long a Pod whose trainer does not start, or that is refused,
	// keeps its slot while another job waits for it; 0 for as long as it likes.
	UnschedulableAfter metav1.Duration `json:"unschedulableAfter"`
}

// Any tells whether there is a limit.
func (l Limits) Any() bool { return l.RunningJobs > 0 || l.RunningJobsPerNamespace > 0 }

// Kueue is whether Kueue queues jobs.
type Kueue struct {
	// Enabled has Kueue queue the jobs with its queue label, beside the limits. Set
	// it only where Kueue is installed: elsewhere the label would let anyone pass the
	// limits.
	Enabled bool `json:"enabled,omitempty"`
}

// Retry is how failed starts are tried again.
type Retry struct {
	BackoffInitial metav1.Duration `json:"backoffInitial"`
	BackoffMax     metav1.Duration `json:"backoffMax"`
	// BlockedTimeout is how long an image that cannot be pulled, a missing
	// Secret or a refused Pod may last before the job fails.
	BlockedTimeout metav1.Duration `json:"blockedTimeout"`
}

// Pods is what becomes of Pods.
type Pods struct {
	// KeepFinished is how long after the job's end its Pods stay; null for as
	// long as the job.
	KeepFinished *metav1.Duration `json:"keepFinished,omitempty"`
	// LostAfter is how long after its grace period a Pod that is being deleted
	// counts as gone.
	LostAfter metav1.Duration `json:"lostAfter"`
}

// Progress is how the trainers are asked for their progress.
type Progress struct {
	// Interval is how often each running job is asked.
	Interval metav1.Duration `json:"interval"`
	// MinWriteInterval is the least time between two writes for one job.
	MinWriteInterval metav1.Duration `json:"minWriteInterval"`
	// MaxWritesPerSecond bounds the writes for all jobs together.
	MaxWritesPerSecond float64 `json:"maxWritesPerSecond"`
	// Workers is how many trainers are asked at a time.
	Workers int `json:"workers"`
}

// Controller is how much the operator does at a time.
type Controller struct {
	// Workers is how many jobs are worked on at a time.
	Workers int `json:"workers"`
	// QPS and Burst bound the requests to the API server.
	QPS   float32 `json:"qps"`
	Burst int     `json:"burst"`
	// NewsPerSecond bounds what is written only to tell in which phase jobs are,
	// in a flood of short jobs: statuses that say nothing else, and events of
	// phases that are no ends, each. Ten seconds' worth may come at once. What a
	// start, a failure or an end is about never waits. 0 is no limit.
	NewsPerSecond float64 `json:"newsPerSecond"`
	// Namespaces are those that the operator works in; empty for all.
	Namespaces []string `json:"namespaces,omitempty"`
}

// Load reads and checks the configuration file. A field that it does not know is
// an error that names it.
func Load(path string) (Config, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return Config{}, fmt.Errorf("reading the configuration: %w", err)
	}
	c, err := Parse(data)
	if err != nil {
		return Config{}, fmt.Errorf("reading the configuration %s: %w", path, err)
	}
	return c, nil
}

// Parse reads a configuration in YAML; what is left out has its default.
func Parse(data []byte) (Config, error) {
	c := Default()
	asJSON, err := yaml.YAMLToJSONStrict(data)
	if err != nil {
		return Config{}, fmt.Errorf("it is not YAML: %w", err)
	}
	unknown, err := json.UnmarshalStrict(asJSON, &c)
	if err := errors.Join(append(unknown, err)...); err != nil {
		return Config{}, err
	}
	if err := c.check(); err != nil {
		return Config{}, err
	}
	return c, nil
}

// StorageFor is the storage of the namespace; nil when there is none.
func (c *Config) StorageFor(namespace string) *Storage {
	var fallback *Storage
	for i := range c.Storage {
		s := &c.Storage[i]
		if len(s.Namespaces) == 0 {
			fallback = s
		}
		for _, name := range s.Namespaces {
			if name == namespace {
				return s
			}
		}
	}
	return fallback
}
