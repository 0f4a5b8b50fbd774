package contract

import "strconv"

// The environment of the stages. The job cannot set any of these names.
const (
	// EnvStorageURL is the bucket as a gocloud.dev URL, such as
	// s3://bucket?region=eu-central-1 or file:///swath/storage.
	EnvStorageURL = "SWATH_STORAGE_URL"
	// EnvStoragePrefix is the namespace's part of the bucket: all of the job's
	// files are below it.
	EnvStoragePrefix = "SWATH_STORAGE_PREFIX"
	// EnvNamespaceUID is the UID of the job's namespace. Storage belongs to it: a
	// stage refuses that of an earlier namespace of the same name.
	EnvNamespaceUID = "SWATH_NAMESPACE_UID"
	// EnvPodUID is the UID of the Pod, for train; progress repeats it.
	EnvPodUID = "SWATH_POD_UID"
	// EnvMemoryLimit is the container's memory limit in bytes, for train.
	EnvMemoryLimit = "SWATH_MEMORY_LIMIT"
	// EnvWorkDirSize is the size limit of WorkDir in bytes, and
	// EnvEphemeralStorageLimit the container's limit of ephemeral storage, where it
	// has one, for the stages that fetch files.
	EnvWorkDirSize           = "SWATH_WORK_DIR_SIZE"
	EnvEphemeralStorageLimit = "SWATH_EPHEMERAL_STORAGE_LIMIT"
	// EnvQueue is the Kueue queue that the operator put the Pod in, for train; it is
	// absent otherwise. The operator reads it back, since a Pod's labels can change and
	// its environment cannot.
	EnvQueue = "SWATH_QUEUE"
)

// The paths in the Pods. The root file system is read-only.
const (
	// WorkDir is an empty directory to write to; in the prepare Pod download
	// hands the files on to validate in it.
	WorkDir = "/swath/work"
	// StorageDir is where a volume is mounted when storage is a file:// URL.
	StorageDir = "/swath/storage"
	// TerminationMessagePath is where a stage writes its Message.
	TerminationMessagePath = "/dev/termination-log"
)

// ProgressPort serves Progress at ProgressPath and Prometheus metrics at
// MetricsPath while the stage train runs.
const (
	ProgressPort     = 8080
	ProgressPortName = "progress"
	ProgressPath     = "/progress"
	MetricsPath      = "/metrics"
)

func formatCount(n int32) string {
	if n == 0 {
		return ""
	}
	return strconv.FormatInt(int64(n), 10)
}

// LeastMemory is what a training needs at least, in bytes, whatever it trains: code,
// pictures of the report, garbage. The operator refuses jobs whose limit is below it.
const LeastMemory = 80 << 20
