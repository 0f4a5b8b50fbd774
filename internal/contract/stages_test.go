package contract

import (
	"regexp"
	"slices"
	"testing"
)

func TestTheCommandLineLeavesOutWhatIsNotSaid(t *testing.T) {
	args := Args{Stage: StageDownload, Job: "trainingjob-x", Start: 3, Task: "segmentation", TrainingFile: "file-a"}
	want := []string{"stage", "download", "--job=trainingjob-x", "--start=3", "--task=segmentation", "--training-file=file-a"}
	if got := args.Command(); !slices.Equal(got, want) {
		t.Errorf("the command line is %q, want %q", got, want)
	}
}

// A job, its model and its results file have the same letters, always.
func TestIDsComeFromTheUID(t *testing.T) {
	id := JobID("6f1e3c1a-0000-4000-8000-000000000001")
	if id != JobID("6f1e3c1a-0000-4000-8000-000000000001") || id == JobID("6f1e3c1a-0000-4000-8000-000000000002") {
		t.Errorf("the ID %s is not the UID's own", id)
	}
	if !regexp.MustCompile(`^trainingjob-[a-z2-7]{12}$`).MatchString(id) {
		t.Errorf("the ID is %s", id)
	}
	letters := id[len("trainingjob-"):]
	if ModelID(id) != "model-"+letters || ResultsFileID(id) != "file-"+letters {
		t.Errorf("the job %s has the model %s and the results file %s", id, ModelID(id), ResultsFileID(id))
	}
}

// What no retry mends has a reason of its own.
func TestFinalExitCodesHaveTheirReasons(t *testing.T) {
	seen := map[string]int32{}
	for code := range int32(256) {
		reason := Reason(code)
		if reason == Reason(ExitUnexpected) {
			if Final(code) {
				t.Errorf("exit code %d is final and has no reason of its own", code)
			}
			continue
		}
		if other, taken := seen[reason]; taken {
			t.Errorf("the exit codes %d and %d have the same reason %s", other, code, reason)
		}
		seen[reason] = code
	}
}
