package main

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/swath-dev/swath/internal/contract"
	"github.com/swath-dev/swath/internal/training"
	"github.com/swath-dev/swath/internal/training/manifest"
)

// checkEnd checks that a message tells of the model what its manifest does.
func checkEnd(t *testing.T, m contract.Message, standing []byte) {
	t.Helper()
	model, err := manifest.Decode(standing)
	if err != nil {
		t.Fatal(err)
	}
	if m.Epoch != 3 || m.Epochs != 3 || m.Step != int64(model.Training.Steps) || m.Steps != m.Step || m.BestEpoch != int32(model.Metrics.Epoch) {
		t.Errorf("the message has the counts %+v", m)
	}
	if want := fmt.Sprintf("accuracy %.3f at epoch %d", model.Metrics.Validation.Accuracy, model.Metrics.Epoch); !strings.HasSuffix(m.Summary, want) {
		t.Errorf("the summary is %q, want one that ends with %q", m.Summary, want)
	}
	valid, train := model.Metrics.Validation, model.Metrics.Training
	for name, want := range map[string]float64{
		contract.MetricValidLoss: valid.Loss, contract.MetricValidAccuracy: valid.Accuracy, contract.MetricValidMacroF1: valid.MacroF1,
		contract.MetricValidWeightedF1: valid.WeightedF1, contract.MetricValidMeanIoU: valid.MeanIoU, contract.MetricValidWeightedIoU: valid.WeightedIoU,
		contract.MetricTrainLoss: train.Loss, contract.MetricTrainAccuracy: train.Accuracy, contract.MetricTrainMacroF1: train.MacroF1,
		contract.MetricTrainWeightedF1: train.WeightedF1, contract.MetricTrainMeanIoU: train.MeanIoU, contract.MetricTrainWeightedIoU: train.WeightedIoU,
	} {
		if got, ok := m.Metrics[name]; !ok || got != want {
			t.Errorf("%s is %v, and in the manifest %v", name, got, want)
		}
	}
	if !slices.Equal(slices.Sorted(slices.Values(m.Warnings)), slices.Sorted(slices.Values(model.Warnings))) {
		t.Errorf("the message warns of %q, the manifest of %q", m.Warnings, model.Warnings)
	}
}

// A model that is no better than none is said so in the message, before what was known of the files.
func TestTheWarningsOfTheResultComeFirst(t *testing.T) {
	p := newPod(t)
	code, m := p.stage(t, contract.StageTrain, "--training-file", "file-train", "--hyperparameters", `{"epochs": 1, "learningRate": 1e-8}`)
	if code != 0 || len(m.Warnings) == 0 || !strings.Contains(m.Warnings[0], "not better than") || m.WarningsLeftOut() != 0 {
		t.Errorf("it ended with %d and warns of %q", code, m.Warnings)
	}
}

// A summary says what was planned and where the score comes from, also when training ended early.
func TestTheSummaryOfAModelNamesItsEpoch(t *testing.T) {
	m := &manifest.Manifest{Task: "segmentation"}
	m.Training.Epochs, m.Training.Steps, m.Training.StoppedEarly = 20, 100, true
	m.Training.Hyperparameters = json.RawMessage(`{"epochs": 45}`)
	m.Metrics.Epoch = 12
	m.Metrics.Validation = &manifest.Evaluation{}
	m.Metrics.Validation.MeanIoU = 0.935
	if got, want := training.Summary(m), "epoch 20/45 (stopped early), mean IoU 0.935 at epoch 12"; got != want {
		t.Errorf("the summary is %q, want %q", got, want)
	}
	if planned, err := training.PlannedOf(m); err != nil || planned.Steps != 225 || planned.Epochs != 45 {
		t.Errorf("planned were %+v (%v)", planned, err)
	}
}
