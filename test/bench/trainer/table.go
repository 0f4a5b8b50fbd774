//go:build linux

package main

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"text/tabwriter"
)

// print writes the tables for people.
func (r report) print(w io.Writer) {
	for _, name := range slices.Sorted(maps.Keys(r.Conditions)) {
		fmt.Fprintf(w, "%s: %s\n", name, r.Conditions[name])
	}
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	defer t.Flush()
	fmt.Fprintln(t, "\nnetwork\t\tours ms\tfastest other ms\tratio\tfastest other\tall others (ms)\tbfloat16 (not compared)")
	for _, m := range r.Models {
		m.Train.print(t, m.Name, "train")
		m.Infer.print(t, m.Name, "infer")
	}
	fmt.Fprintln(t, "\nnetwork\tpeak MiB, training\tPyTorch's")
	for _, m := range r.Models {
		fmt.Fprintf(t, "%s\t%.0f\t%.0f\n", m.Name, m.PeakMiB, m.TorchPeakMiB)
	}
	if len(r.HDF5) > 0 {
		fmt.Fprintln(t, "\nHDF5 layout\tours MB/s\th5py MB/s\tratio")
	}
	for _, l := range r.HDF5 {
		fmt.Fprintf(t, "%s\t%.0f\t%.0f\t%.2f\n", l.Layout, l.OursMBps, l.H5pyMBps, l.Ratio)
	}
	if len(r.WholeRuns) > 0 {
		fmt.Fprintln(t, "\nwhole run\tcores\tseconds, ours / PyTorch\tratio\tepochs alone\tratio\taccuracy\tmean IoU\tPyTorch's format")
	}
	for _, run := range r.WholeRuns {
		fmt.Fprintf(t, "%s\t%d\t%.1f / %.1f\t%.2f\t%.1f / %.1f\t%.2f\t%.4f / %.4f\t%.4f / %.4f\t%s\n", run.Task, run.Cores,
			run.Ours.Seconds, run.Torch.Seconds, run.Ratio, run.Ours.TrainSeconds, run.Torch.TrainSeconds, run.TrainRatio,
			run.Ours.Accuracy, run.Torch.Accuracy, run.Ours.MeanIoU, run.Torch.MeanIoU, run.Format)
	}
	if len(r.Scaling) > 0 {
		fmt.Fprintln(t, "\nsamples/s in training\tours, 1 core\t2 cores\tgain\tPyTorch, 1 thread\t2 threads\tgain")
	}
	for _, s := range r.Scaling {
		fmt.Fprintf(t, "%s\t%.0f\t%.0f\t%.2f\t%.0f\t%.0f\t%.2f\n", s.Task, s.OursOne, s.OursTwo, s.OursGain, s.TorchOne, s.TorchTwo, s.TorchGain)
	}
}

func (c comparison) print(w io.Writer, name, what string) {
	fmt.Fprintf(w, "%s\t%s\t%.1f\t%.1f\t%.2f\t%s\t", name, what, c.OursMillis, c.BestMillis, c.Ratio, c.Best)
	for i, p := range c.Peers {
		if i > 0 {
			fmt.Fprint(w, "; ")
		}
		fmt.Fprintf(w, "%s %.1f", p, p.Millis)
	}
	if c.Bfloat16Millis > 0 {
		fmt.Fprintf(w, "\t%.1f\n", c.Bfloat16Millis)
		return
	}
	fmt.Fprintln(w, "\tnot measured")
}
