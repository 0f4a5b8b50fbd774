package main

import (
	"encoding/json"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"sort"
	"strings"
	"text/tabwriter"
)

// report is what goes into the file.
type report struct {
	Conditions map[string]string `json:"conditions"`
	Models     []modelReport     `json:"models"`
	HDF5       json.RawMessage   `json:"hdf5,omitempty"` // As test/bench/hdf5 wrote them.
}

type modelReport struct {
	Name    string     `json:"name"`
	Train   comparison `json:"train"`
	Infer   comparison `json:"infer"`
	PeakMiB float64    `json:"peakMiB"`
}

// comparison sets ours beside the fastest of theirs.
type comparison struct {
	OursMillis  float64            `json:"oursMillis"`
	TorchMillis float64            `json:"torchMillis"`
	Ratio       float64            `json:"ratio"`
	Fastest     string             `json:"fastest"`
	All         map[string]float64 `json:"all"`
}

func newReport(results map[string][]process) report {
	r := report{Conditions: conditions(results)}
	for i, ref := range references {
		m := modelReport{Name: ref.Name, Train: comparison{All: map[string]float64{}}, Infer: comparison{All: map[string]float64{}}}
		for engine, processes := range results {
			var train []float64
			infer := map[string][]float64{}
			for _, p := range processes {
				t := p.Timings[i]
				train = append(train, t.TrainMillis)
				for how, millis := range t.InferMillis {
					infer[how] = append(infer[how], millis)
				}
				if engine == "swath" {
					m.PeakMiB = t.PeakMiB
				}
			}
			m.add(engine, middle(train), infer)
		}
		m.Train.finish()
		m.Infer.finish()
		r.Models = append(r.Models, m)
	}
	return r
}

func (m *modelReport) add(engine string, train float64, infer map[string][]float64) {
	if engine == "swath" {
		m.Train.OursMillis, m.Infer.OursMillis = train, middle(infer["swath"])
		return
	}
	m.Train.All[engine] = train
	for how, times := range infer {
		m.Infer.All[how+strings.TrimPrefix(engine, "torch")] = middle(times)
	}
}

func (c *comparison) finish() {
	c.TorchMillis = math.Inf(1)
	for name, millis := range c.All {
		if millis < c.TorchMillis {
			c.TorchMillis, c.Fastest = millis, name
		}
	}
	c.Ratio = math.Round(100*c.TorchMillis/c.OursMillis) / 100
}

func conditions(results map[string][]process) map[string]string {
	c := map[string]string{"go": runtime.Version(), "cpu": cpuModel(), "cores": fmt.Sprint(runtime.NumCPU())}
	for _, processes := range results {
		for name, version := range processes[0].Versions {
			if version != "" {
				c[name] = version
			}
		}
	}
	return c
}

// loadAverage is the machine's over the last minute. Beside our own two threads there should be none: a busy machine slows those most that
// wait for each other in a spinning loop, as PyTorch's do.
func loadAverage() string {
	data, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return "unknown"
	}
	minute, _, _ := strings.Cut(string(data), " ")
	return minute
}

func cpuModel() string {
	info, err := os.ReadFile("/proc/cpuinfo")
	if err != nil {
		return runtime.GOARCH
	}
	for line := range strings.Lines(string(info)) {
		if name, ok := strings.CutPrefix(line, "model name"); ok {
			return strings.Trim(name, " \t:\n")
		}
	}
	return runtime.GOARCH
}

func (r report) print(w io.Writer) {
	names := make([]string, 0, len(r.Conditions))
	for name := range r.Conditions {
		names = append(names, name)
	}
	sort.Strings(names)
	for _, name := range names {
		fmt.Fprintf(w, "%s: %s\n", name, r.Conditions[name])
	}
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "\nmodel\t\tours ms\tbest of theirs ms\tratio\tfastest")
	for _, m := range r.Models {
		for _, row := range []struct {
			what string
			c    comparison
		}{{"train", m.Train}, {"infer", m.Infer}} {
			fmt.Fprintf(t, "%s\t%s\t%.1f\t%.1f\t%.2f\t%s\n", m.Name, row.what, row.c.OursMillis, row.c.TorchMillis, row.c.Ratio, row.c.Fastest)
		}
	}
	t.Flush()
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
