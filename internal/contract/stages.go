package contract

// Stage is a part of a job that one container does. It is the name of the
// container, too: the operator finds containers by it.
type Stage string

// The stages. Download and validate run one after the other in the prepare Pod
// (download as an init container), train runs in the train Pod.
const (
	StageDownload Stage = "download"
	StageValidate Stage = "validate"
	StageTrain    Stage = "train"
)

// Args are what a stage is told on its command line.
//
//	trainer stage STAGE --job=ID --start=N --task=T --training-file=ID …
//
// A flag whose value is empty or zero is left out.
type Args struct {
	Stage Stage
	// Job is the job's ID, such as trainingjob-5ms9ja6hk2x0.
	Job string
	// Start counts the starts of this kind of Pod, from 1. The termination
	// message repeats it, so that a message of another start is never taken.
	Start int32
	// Task is classification or segmentation.
	Task string
	// TrainingFile and ValidationFile are IDs of files in storage.
	TrainingFile   string
	ValidationFile string
	// TrainingDigest and ValidationDigest are the SHA-256 (hexadecimal) that
	// validation found; train refuses files with another. Train only.
	TrainingDigest   string
	ValidationDigest string
	// Hyperparameters are the request's as JSON (the names of the TrainingJob);
	// empty for none.
	Hyperparameters string
}

// The names of the flags of Args.
const (
	FlagJob              = "job"
	FlagStart            = "start"
	FlagTask             = "task"
	FlagTrainingFile     = "training-file"
	FlagValidationFile   = "validation-file"
	FlagTrainingDigest   = "training-digest"
	FlagValidationDigest = "validation-digest"
	FlagHyperparameters  = "hyperparameters"
)

// Command is the command line of the stage after the image's entry point.
func (a Args) Command() []string {
	command := []string{"stage", string(a.Stage)}
	add := func(name, value string) {
		if value != "" {
			command = append(command, "--"+name+"="+value)
		}
	}
	add(FlagJob, a.Job)
	add(FlagStart, formatCount(a.Start))
	add(FlagTask, a.Task)
	add(FlagTrainingFile, a.TrainingFile)
	add(FlagValidationFile, a.ValidationFile)
	add(FlagTrainingDigest, a.TrainingDigest)
	add(FlagValidationDigest, a.ValidationDigest)
	add(FlagHyperparameters, a.Hyperparameters)
	return command
}
