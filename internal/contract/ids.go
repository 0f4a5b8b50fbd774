package contract

import (
	"crypto/sha256"
	"encoding/base32"
	"strings"
)

const (
	jobPrefix   = "trainingjob-"
	modelPrefix = "model-"
	filePrefix  = "file-"
	// idLength is how many letters and digits an ID has after its prefix: 60
	// bits, so that a million jobs do not collide.
	idLength = 12
)

// alphabet has no upper case and no 0, 1, 8 and 9, like most of base32.
var alphabet = base32.NewEncoding("abcdefghijklmnopqrstuvwxyz234567").WithPadding(base32.NoPadding)

// JobID is the ID in the training API of the TrainingJob with the given UID.
func JobID(uid string) string {
	digest := sha256.Sum256([]byte(uid))
	return jobPrefix + alphabet.EncodeToString(digest[:])[:idLength]
}

// RecordedJobID is the ID of a TrainingJob: the recorded one, which stays when the job is
// restored with another UID, or the one that is going to be recorded.
func RecordedJobID(recorded, uid string) string {
	if recorded != "" {
		return recorded
	}
	return JobID(uid)
}

// ModelID is the ID of the model that the job trains: a job has one model,
// however often it runs.
func ModelID(jobID string) string {
	return modelPrefix + strings.TrimPrefix(jobID, jobPrefix)
}

// ResultsFileID is the ID of the job's results file.
func ResultsFileID(jobID string) string {
	return filePrefix + strings.TrimPrefix(jobID, jobPrefix)
}
