//go:build linux

package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
)

// report is what goes into the file.
type report struct {
	Conditions conditions    `json:"conditions"`
	Models     []modelReport `json:"models"`
	HDF5       []layout      `json:"hdf5"`
	WholeRuns  []wholeRun    `json:"wholeRun"`
	Scaling    []scaling     `json:"scaling"`
}

// layout is a line of test/bench/hdf5.
type layout struct {
	Layout   string  `json:"layout"`
	OursMBps float64 `json:"oursMBps"`
	H5pyMBps float64 `json:"h5pyMBps"`
	Ratio    float64 `json:"ratio"`
}

// modelReport is what was found of a network. The memory is the most that a process which trains has had resident (VmHWM), in the median.
type modelReport struct {
	Name         string     `json:"name"`
	Train        comparison `json:"train"`
	Infer        comparison `json:"infer"`
	PeakMiB      float64    `json:"peakMiB"`
	TorchPeakMiB float64    `json:"torchPeakMiB"`
}

func newModelReport(name string, found []measured) (modelReport, error) {
	var ourTrain, ourInfer, ourPeak, torchPeak, halfTrain, halfInfer []float64
	var train, infer []peer
	for _, f := range found {
		a, capability := f.answer, f.answer.Versions["capability"]
		switch {
		case f.engine.ours:
			ourTrain, ourInfer = append(ourTrain, round(a.TrainMillis)), append(ourInfer, round(a.InferMillis["swath"]))
			ourPeak = append(ourPeak, a.PeakMiB)
		case f.engine.bfloat16:
			halfTrain, halfInfer = append(halfTrain, a.TrainMillis), append(halfInfer, a.InferMillis["PyTorch"])
		default:
			torch := a.TrainMillis > 0
			if torch {
				train = gather(train, peer{Engine: "PyTorch", Capability: capability, torch: true}, a.TrainMillis)
				torchPeak = append(torchPeak, a.PeakMiB)
			}
			for how, millis := range a.InferMillis {
				infer = gather(infer, peer{Engine: how, Capability: capability, torch: torch}, millis)
			}
		}
	}
	m := modelReport{Name: name, PeakMiB: round(middle(ourPeak)), TorchPeakMiB: round(middle(torchPeak))}
	var err error
	if m.Train, err = newComparison(ourTrain, train, halfTrain); err != nil {
		return m, fmt.Errorf("training of %s: %w", name, err)
	}
	if m.Infer, err = newComparison(ourInfer, infer, halfInfer); err != nil {
		return m, fmt.Errorf("inference of %s: %w", name, err)
	}
	return m, nil
}

// write puts the report into the file.
func (r report) write(path string) error {
	data, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return fmt.Errorf("writing %s: %w", path, err)
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return fmt.Errorf("making the folder of %s: %w", path, err)
	}
	if err := os.WriteFile(path, append(data, '\n'), 0o644); err != nil {
		return fmt.Errorf("writing %s: %w", path, err)
	}
	return nil
}
