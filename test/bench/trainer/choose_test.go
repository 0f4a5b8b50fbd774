//go:build linux

package main

import (
	"testing"
)

func TestTheFastestOfTheOthersIsComparedWith(t *testing.T) {
	torch := func(engine, capability string, processes ...float64) peer {
		return peer{Engine: engine, Capability: capability, Processes: processes, torch: true}
	}
	cases := map[string]struct {
		ours     []float64
		peers    []peer
		bfloat16 []float64
		want     comparison
	}{
		"the wider instructions": {
			ours:  []float64{10, 12, 11},
			peers: []peer{torch("PyTorch", "AVX2", 30), torch("PyTorch", "AVX512", 22)},
			want:  comparison{OursMillis: 11, TorchMillis: 22, BestMillis: 22, Best: "PyTorch, AVX512", Ratio: 2},
		},
		"the narrower instructions": {
			ours:  []float64{10},
			peers: []peer{torch("PyTorch", "AVX2", 20), torch("PyTorch", "AVX512", 22)},
			want:  comparison{OursMillis: 10, TorchMillis: 20, BestMillis: 20, Best: "PyTorch, AVX2", Ratio: 2},
		},
		"onnxruntime before PyTorch": {
			ours:  []float64{10},
			peers: []peer{torch("PyTorch", "AVX2", 20), torch("TorchScript", "AVX2", 15), {Engine: "onnxruntime", Processes: []float64{9}}},
			want:  comparison{OursMillis: 10, TorchMillis: 15, BestMillis: 9, Best: "onnxruntime", Ratio: 0.9},
		},
		"PyTorch before onnxruntime": {
			ours:  []float64{10},
			peers: []peer{{Engine: "onnxruntime", Processes: []float64{16}}, torch("TorchScript", "AVX2", 15)},
			want:  comparison{OursMillis: 10, TorchMillis: 15, BestMillis: 15, Best: "TorchScript, AVX2", Ratio: 1.5},
		},
		"by the median and not by one lucky process": {
			ours:  []float64{10},
			peers: []peer{torch("PyTorch", "AVX2", 5, 30, 31), torch("PyTorch", "AVX512", 20, 21, 40)},
			want:  comparison{OursMillis: 10, TorchMillis: 21, BestMillis: 21, Best: "PyTorch, AVX512", Ratio: 2.1},
		},
		"bfloat16 is shown and not compared with": {
			ours: []float64{10}, bfloat16: []float64{1},
			peers: []peer{torch("PyTorch", "AVX2", 20)},
			want:  comparison{OursMillis: 10, TorchMillis: 20, BestMillis: 20, Best: "PyTorch, AVX2", Ratio: 2, Bfloat16Millis: 1},
		},
		"a little slower is never as fast": {
			ours:  []float64{10},
			peers: []peer{torch("PyTorch", "AVX2", 9.99)},
			want:  comparison{OursMillis: 10, TorchMillis: 9.99, BestMillis: 9.99, Best: "PyTorch, AVX2", Ratio: 0.99},
		},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			got, err := newComparison(c.ours, c.peers, c.bfloat16)
			if err != nil {
				t.Fatal(err)
			}
			if got.OursMillis != c.want.OursMillis || got.TorchMillis != c.want.TorchMillis || got.BestMillis != c.want.BestMillis ||
				got.Best != c.want.Best || got.Ratio != c.want.Ratio || got.Bfloat16Millis != c.want.Bfloat16Millis {
				t.Errorf("got %+v, want %+v", got, c.want)
			}
		})
	}
}

func TestNothingToCompareIsAnError(t *testing.T) {
	some := []peer{{Engine: "PyTorch", Processes: []float64{1}, torch: true}}
	cases := map[string]struct {
		ours  []float64
		peers []peer
	}{
		"none of ours":   {nil, some},
		"none of theirs": {[]float64{1}, nil},
		"no PyTorch":     {[]float64{1}, []peer{{Engine: "onnxruntime", Processes: []float64{1}}}},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			if got, err := newComparison(c.ours, c.peers, nil); err == nil {
				t.Errorf("got %+v and no error", got)
			}
		})
	}
}

func TestAModelIsReportedWithEachFigureUnderItsInstructions(t *testing.T) {
	ours := engine{name: "swath", ours: true}
	found := []measured{
		{ours, answer{TrainMillis: 10, InferMillis: map[string]float64{"swath": 5}, PeakMiB: 40}},
		{engine{name: "a"}, answer{TrainMillis: 30, InferMillis: map[string]float64{"PyTorch": 12, "TorchScript": 11}, PeakMiB: 300, Versions: map[string]string{"capability": "AVX2"}}},
		{engine{name: "b"}, answer{TrainMillis: 20, InferMillis: map[string]float64{"PyTorch": 14, "TorchScript": 13}, PeakMiB: 320, Versions: map[string]string{"capability": "AVX512"}}},
		{engine{name: "onnxruntime"}, answer{InferMillis: map[string]float64{"onnxruntime": 8}, PeakMiB: 100}},
		{engine{name: "half", bfloat16: true}, answer{TrainMillis: 1, InferMillis: map[string]float64{"PyTorch": 2}, PeakMiB: 1, Versions: map[string]string{"capability": "AVX512"}}},
		{ours, answer{TrainMillis: 12, InferMillis: map[string]float64{"swath": 7}, PeakMiB: 42}},
	}
	m, err := newModelReport("net", found)
	if err != nil {
		t.Fatal(err)
	}
	if m.Train.OursMillis != 11 || m.Train.Best != "PyTorch, AVX512" || m.Train.BestMillis != 20 || len(m.Train.Peers) != 2 {
		t.Errorf("training is %+v", m.Train)
	}
	if m.Infer.OursMillis != 6 || m.Infer.Best != "onnxruntime" || m.Infer.BestMillis != 8 || m.Infer.TorchMillis != 11 || len(m.Infer.Peers) != 5 {
		t.Errorf("inference is %+v", m.Infer)
	}
	if m.Train.Bfloat16Millis != 1 || m.Infer.Bfloat16Millis != 2 {
		t.Errorf("bfloat16 is %v and %v, not 1 and 2", m.Train.Bfloat16Millis, m.Infer.Bfloat16Millis)
	}
	if m.PeakMiB != 41 || m.TorchPeakMiB != 310 {
		t.Errorf("memory is %v and %v, not 41 and 310", m.PeakMiB, m.TorchPeakMiB)
	}
	if got := fasterCapability([]modelReport{m}); got != "avx512" {
		t.Errorf("the faster capability is %s", got)
	}
}

func TestAnswersThatCannotBeTimesAreRefused(t *testing.T) {
	infer := map[string]float64{"PyTorch": 1}
	cases := map[string]answer{
		"no training":         {InferMillis: infer, PeakMiB: 1},
		"no inference":        {TrainMillis: 1, PeakMiB: 1},
		"inference in 0 ms":   {TrainMillis: 1, PeakMiB: 1, InferMillis: map[string]float64{"PyTorch": 0}},
		"no memory":           {TrainMillis: 1, InferMillis: infer},
		"a negative training": {TrainMillis: -1, InferMillis: infer, PeakMiB: 1},
	}
	for name, a := range cases {
		t.Run(name, func(t *testing.T) {
			if a.check(true) == nil {
				t.Errorf("%+v passed", a)
			}
		})
	}
	if err := (answer{TrainMillis: 1, InferMillis: infer, PeakMiB: 1}).check(true); err != nil {
		t.Error(err)
	}
}
