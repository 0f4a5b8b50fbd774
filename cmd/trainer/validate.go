package main

import (
	"fmt"
	"io"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/swath-dev/swath/internal/dataset"
)

func newValidate() *cobra.Command {
	var task, output string
	var numClasses int
	var ignoreLabel int64
	c := &cobra.Command{
		Use:   "validate --task TASK FILE [VALIDATION_FILE]",
		Short: "Check a training file, and a validation file against it",
		Args:  cobra.RangeArgs(1, 2),
		RunE: func(c *cobra.Command, args []string) error {
			if err := checkFormat(output, formatText, formatJSON); err != nil {
				return err
			}
			options := dataset.ValidateOptions{Task: dataset.Task(task), NumClasses: numClasses, TrainingFile: args[0]}
			if len(args) > 1 {
				options.ValidationFile = args[1]
			}
			if c.Flags().Changed("ignore-label") {
				options.IgnoreLabel = &ignoreLabel
			}
			if err := checkTask(task, numClasses); err != nil {
				return err
			}
			report, err := dataset.Validate(c.Context(), options)
			if err != nil {
				return err
			}
			if output == formatJSON {
				return writeJSON(c.OutOrStdout(), report)
			}
			return summarise(c.OutOrStdout(), report)
		},
	}
	c.Flags().StringVar(&task, "task", "", "classification or segmentation (required)")
	c.Flags().IntVar(&numClasses, "num-classes", 0, "number of classes; required for segmentation")
	c.Flags().Int64Var(&ignoreLabel, "ignore-label", 0, "a label that stands for \"no label\"")
	c.Flags().StringVarP(&output, "output", "o", formatText, "format of the output: text or json")
	return c
}

// checkTask checks what every command needs to know of a task.
func checkTask(task string, numClasses int) error {
	switch dataset.Task(task) {
	case dataset.Classification:
	case dataset.Segmentation:
		if numClasses == 0 {
			return usageError{fmt.Errorf("--num-classes is missing: segmentation needs the number of classes")}
		}
	default:
		return usageError{fmt.Errorf("--task is %q and must be classification or segmentation", task)}
	}
	if numClasses != 0 && (numClasses < 2 || numClasses > dataset.MaxClasses) {
		return usageError{fmt.Errorf("--num-classes is %d and must be from 2 to %d", numClasses, dataset.MaxClasses)}
	}
	return nil
}

func summarise(w io.Writer, report *dataset.Report) error {
	files := []*dataset.FileReport{&report.Training}
	if report.Validation != nil {
		files = append(files, report.Validation)
	}
	for _, file := range files {
		fmt.Fprintf(w, "%s: valid for %s with %d classes\n", file.Name, report.Task, report.NumClasses)
		table := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
		fmt.Fprintf(table, "  samples\t%d\t\n", file.Samples)
		for class, n := range file.Classes {
			fmt.Fprintf(table, "  class %d\t%d\t\n", class, n)
		}
		if file.Ignored > 0 {
			fmt.Fprintf(table, "  ignored\t%d\t\n", file.Ignored)
		}
		fmt.Fprintf(table, "\t\t\n  band\tmean\tdeviation\tleast\tgreatest\t\n")
		for _, band := range file.BandStats {
			fmt.Fprintf(table, "  %s\t%.5g\t%.5g\t%.5g\t%.5g\t\n", band.Name, band.Mean, band.Std, band.Least, band.Greatest)
		}
		if err := table.Flush(); err != nil {
			return err
		}
	}
	for _, warning := range report.Warnings {
		fmt.Fprintf(w, "warning: %s\n", warning)
	}
	return nil
}
