package contract

// The exit codes of a stage; the numbers are those of sysexits.h where it has
// one that fits.
const (
	// ExitOK means that the stage is done and its message says the result.
	ExitOK = 0
	// ExitUnexpected is an error nobody foresaw; it may go away when tried again.
	ExitUnexpected = 1
	// ExitUsage is a command line or a configuration that makes no sense.
	ExitUsage = 64
	// ExitBadFile is a file that breaks a rule of training files.
	ExitBadFile = 65
	// ExitNoFile is a file that is not in storage.
	ExitNoFile = 66
	// ExitNotFinite is a training whose loss is no longer a finite number.
	ExitNotFinite = 70
	// ExitChangedFile is a file that is no longer the one that was validated.
	ExitChangedFile = 71
	// ExitTooLarge is files that can never fit into the work directory.
	ExitTooLarge = 72
	// ExitDiskFull is a full disk, or a full bucket.
	ExitDiskFull = 73
	// ExitStorage is storage that fails for now.
	ExitStorage = 74
	// ExitInterrupted is a training that was told to stop (SIGTERM) and has
	// written a checkpoint.
	ExitInterrupted = 75
	// ExitConflict is another model that stands where this job's is to be.
	ExitConflict = 76
	// ExitDenied is storage that refuses the credentials. Another start may get
	// in: only a new Pod sees a Secret that was renewed.
	ExitDenied = 77
	// ExitMemory is a training that cannot fit in the memory it was given.
	ExitMemory = 78
	// ExitNotOwner is storage that belongs to an earlier namespace of the same
	// name.
	ExitNotOwner = 79
)

// Final tells whether an exit code means a failure that trying again cannot
// mend.
func Final(exitCode int32) bool {
	switch exitCode {
	case ExitUsage, ExitBadFile, ExitNoFile, ExitNotFinite, ExitChangedFile, ExitTooLarge, ExitConflict, ExitMemory, ExitNotOwner:
		return true
	}
	return false
}

// Reason is an exit code in one CamelCase word, for conditions and metrics.
func Reason(exitCode int32) string {
	switch exitCode {
	case ExitOK:
		return "Completed"
	case ExitUsage:
		return "InvalidArguments"
	case ExitBadFile:
		return "InvalidFile"
	case ExitNoFile:
		return "FileNotFound"
	case ExitNotFinite:
		return "LossNotFinite"
	case ExitChangedFile:
		return "FileChanged"
	case ExitTooLarge:
		return "FileTooLarge"
	case ExitDiskFull:
		return "DiskFull"
	case ExitStorage:
		return "StorageUnavailable"
	case ExitInterrupted:
		return "Interrupted"
	case ExitConflict:
		return "ModelConflict"
	case ExitDenied:
		return "StorageDenied"
	case ExitMemory:
		return "NotEnoughMemory"
	case ExitNotOwner:
		return "StorageNotOwned"
	}
	return "TrainerError"
}
