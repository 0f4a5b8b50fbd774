package main

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/swath-dev/swath/internal/dataset"
)

// The formats of the output.
const (
	formatText = "text"
	formatJSON = "json"
)

func newInspect() *cobra.Command {
	var output string
	c := &cobra.Command{
		Use:   "inspect FILE",
		Short: "Say what is in a training file",
		Args:  cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			if err := checkFormat(output, formatText, formatJSON); err != nil {
				return err
			}
			contents, err := dataset.Inspect(c.Context(), args[0])
			if err != nil {
				return err
			}
			if output == formatJSON {
				return writeJSON(c.OutOrStdout(), contents)
			}
			return describe(c.OutOrStdout(), contents)
		},
	}
	c.Flags().StringVarP(&output, "output", "o", formatText, "format of the output: text or json")
	return c
}

func checkFormat(format string, allowed ...string) error {
	if slices.Contains(allowed, format) {
		return nil
	}
	return usageError{fmt.Errorf("--output is %q and must be one of %s", format, strings.Join(allowed, ", "))}
}

func writeJSON(w io.Writer, v any) error {
	encoder := json.NewEncoder(w)
	encoder.SetIndent("", "  ")
	return encoder.Encode(v)
}

func describe(w io.Writer, contents *dataset.Contents) error {
	unit := "chips"
	if len(contents.LabelShape) > 0 {
		unit = "pixels"
	}
	platform := contents.Platform
	if platform == "" {
		platform = "unknown"
	}
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintf(table, "samples\t%d\n", contents.Samples)
	fmt.Fprintf(table, "bands\t%s\n", strings.Join(contents.Bands, ", "))
	fmt.Fprintf(table, "shape\t%s\n", product(contents.Shape))
	fmt.Fprintf(table, "label shape\t%s\n", product(contents.LabelShape))
	fmt.Fprintf(table, "platform\t%s\n", platform)
	fmt.Fprintf(table, "gsd\t%g m\n", contents.GSD)
	fmt.Fprintf(table, "storage\t%s\n", contents.Storage)
	for _, class := range slices.Sorted(maps.Keys(contents.Classes)) {
		fmt.Fprintf(table, "class %d\t%d %s\n", class, contents.Classes[class], unit)
	}
	return table.Flush()
}

func product(shape []int) string {
	if len(shape) == 0 {
		return "one for each chip"
	}
	return strings.Trim(strings.ReplaceAll(fmt.Sprint(shape), " ", " × "), "[]")
}
