package v1alpha1_test

import (
	"encoding/json"
	"testing"

	"github.com/swath-dev/swath/api/v1alpha1"
)

// The answer to a write is read over what was sent. A field that the API server has
// dropped must not look as if it were kept.
func TestAStatusThatIsReadKeepsNothingOfWhatItIsReadOver(t *testing.T) {
	job := v1alpha1.TrainingJob{Status: v1alpha1.TrainingJobStatus{ID: "old", Starts: 2, Files: &v1alpha1.ValidatedFiles{}}}
	if err := json.Unmarshal([]byte(`{"status":{"id":"new"}}`), &job); err != nil {
		t.Fatal(err)
	}
	if s := job.Status; s.ID != "new" || s.Starts != 0 || s.Files != nil {
		t.Errorf("the status is %+v", s)
	}
}
