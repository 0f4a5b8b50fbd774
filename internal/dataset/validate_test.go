package dataset

import (
	"path/filepath"
	"testing"
)

func TestValidateReportsWhatIsInAFile(t *testing.T) {
	r, err := Validate(t.Context(), ValidateOptions{Task: Segmentation, NumClasses: 3, TrainingFile: filepath.Join(olinda, "landcover-segmentation-train.h5")})
	if err != nil {
		t.Fatal(err)
	}
	pixels := int64(0)
	for _, n := range r.Training.Classes {
		pixels += n
	}
	if r.Training.Samples != 144 || pixels != 144*32*32 || r.NumClasses != 3 || r.Normalization.Source != FromTraining {
		t.Errorf("report is %+v", r)
	}
	t.Logf("%+v", r)
}
