//go:build linux

package main

import (
	"math"
	"strings"
	"testing"
)

func TestResultsFileIsRead(t *testing.T) {
	const file = "epoch,valid_accuracy,valid_mean_iou,samples_per_second,seconds\n1,0.5,0.4,100,1.5\n2,0.9,0.8,300,1\n"
	got, err := readResults(strings.NewReader(file), 2)
	if err != nil {
		t.Fatal(err)
	}
	want := training{TrainSeconds: 2.5, SamplesPerSecond: 150, Accuracy: 0.9, MeanIoU: 0.8}
	if math.Abs(got.SamplesPerSecond-want.SamplesPerSecond) > 1e-9 {
		t.Errorf("%v samples a second, want %v", got.SamplesPerSecond, want.SamplesPerSecond)
	}
	if got.SamplesPerSecond = want.SamplesPerSecond; got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

func TestBrokenResultsFilesAreRefused(t *testing.T) {
	cases := map[string]string{
		"an epoch is missing":  "epoch,valid_accuracy,valid_mean_iou,samples_per_second,seconds\n1,0.5,0.4,100,1.5\n",
		"a column is missing":  "epoch,valid_accuracy,samples_per_second,seconds\n1,0.5,100,1.5\n2,0.5,100,1.5\n",
		"a value is no number": "epoch,valid_accuracy,valid_mean_iou,samples_per_second,seconds\n1,0.5,0.4,100,1.5\n2,0.9,x,300,1\n",
		"it is empty":          "",
	}
	for name, file := range cases {
		t.Run(name, func(t *testing.T) {
			if got, err := readResults(strings.NewReader(file), 2); err == nil {
				t.Errorf("got %+v and no error", got)
			}
		})
	}
}

func TestWholeRunsAreComparedWithPyTorchsFasterFormat(t *testing.T) {
	ours := []training{{Seconds: 4, TrainSeconds: 2, SamplesPerSecond: 100, Accuracy: 0.9}, {Seconds: 6, TrainSeconds: 4, SamplesPerSecond: 300, Accuracy: 1}}
	torch := map[string][]training{
		"contiguous": {{Seconds: 10, TrainSeconds: 6, SamplesPerSecond: 80}}, channelsLast: {{Seconds: 11, TrainSeconds: 7, SamplesPerSecond: 70}},
	}
	w := newWholeRun("segmentation", 2, 40, ours, torch)
	if w.Format != "contiguous" || w.Ratio != 2 || w.TrainRatio != 2 || w.Ours.Accuracy != 0.95 {
		t.Errorf("got %+v", w)
	}
	one := w
	one.Ours.SamplesPerSecond, one.Torch.SamplesPerSecond = 125, 64
	if s := newScaling(one, w); s.OursGain != 1.6 || s.TorchGain != 1.25 {
		t.Errorf("got %+v", s)
	}
}
