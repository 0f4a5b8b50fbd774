package v1alpha1

// The types of a TrainingJob's conditions.
const (
	// ConditionComplete is true once the model is trained and stored.
	ConditionComplete = "Complete"
	// ConditionFailed is true once the job has failed for good.
	ConditionFailed = "Failed"
	// ConditionCancelled is true once the job is cancelled and no Pod is left.
	ConditionCancelled = "Cancelled"
	// ConditionFilesReady is true once the files are fetched and valid.
	ConditionFilesReady = "FilesReady"
	// ConditionRunning is true while the trainer runs, also while it is being
	// stopped; otherwise it says what the job waits for.
	ConditionRunning = "Running"
	// ConditionSuspended is true while spec.suspend holds the job and no Pod of it
	// works.
	ConditionSuspended = "Suspended"
	// ConditionReconciling is true while the operator works towards the end
	// (kstatus: in progress).
	ConditionReconciling = "Reconciling"
	// ConditionStalled is true once the job has failed or was cancelled
	// (kstatus: failed).
	ConditionStalled = "Stalled"
)
