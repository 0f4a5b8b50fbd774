package results

import (
	"bytes"
	"testing"

	"github.com/swath-dev/swath/internal/training/metrics"
)

func TestWrite(t *testing.T) {
	train := Evaluation{Loss: 0.25, Scores: metrics.Scores{Accuracy: 0.5, MacroF1: 1.0 / 3, WeightedF1: 0.4, MeanIoU: 0.3, WeightedIoU: 0.2}}
	valid := Evaluation{Loss: 0.5, Scores: metrics.Scores{Accuracy: 1, MacroF1: 1, WeightedF1: 1, MeanIoU: 1, WeightedIoU: 1}}
	const head = "step,epoch,train_loss,train_accuracy,train_macro_f1,train_weighted_f1,train_mean_iou,train_weighted_iou," +
		"valid_loss,valid_accuracy,valid_macro_f1,valid_weighted_f1,valid_mean_iou,valid_weighted_iou," +
		"learning_rate,weights,samples_per_second,seconds\n"
	cases := map[string]struct {
		row  Row
		want string
	}{
		"with validation": {
			Row{Step: 9, Epoch: 1, Train: train, Valid: &valid, LearningRate: 0.002, Weights: "ab12", SamplesPerSecond: 100.25, Seconds: 1.5},
			"9,1,0.25,0.5,0.333333,0.4,0.3,0.2,0.5,1,1,1,1,1,0.002,ab12,100.250,1.500\n",
		},
		"without validation the columns stay": {
			Row{Step: 9, Epoch: 1, Train: train, LearningRate: 1e-7, Weights: "ab12"},
			"9,1,0.25,0.5,0.333333,0.4,0.3,0.2,,,,,,,1e-07,ab12,0.000,0.000\n",
		},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			var out bytes.Buffer
			if err := Write(&out, []Row{c.row}); err != nil {
				t.Fatal(err)
			}
			if out.String() != head+c.want {
				t.Errorf("got\n%swant\n%s", out.String(), head+c.want)
			}
		})
	}
}
