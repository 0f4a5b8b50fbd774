package main

import (
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/swath-dev/swath/internal/contract"
	"github.com/swath-dev/swath/internal/plaintext"
)

// run runs a command line and returns the exit code. What went wrong is one line on standard error.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	root := newRoot()
	root.SetArgs(args)
	root.SetOut(stdout)
	root.SetErr(stderr)
	err := root.ExecuteContext(ctx)
	if err == nil {
		return contract.ExitOK
	}
	fmt.Fprintf(stderr, "trainer: %s\n", plaintext.Clean(sentence(err)))
	return exitCode(err)
}

func newRoot() *cobra.Command {
	root := &cobra.Command{
		Use:   "trainer",
		Short: "Train models on satellite imagery",
		Long: "Trainer checks training files, trains models for classification and segmentation, and predicts with them.\n" +
			"It needs no cluster; in a Pod, \"trainer stage\" runs the stages of a TrainingJob.",
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) > 0 {
				return fmt.Errorf("there is no command %q", args[0])
			}
			return nil
		},
		RunE:          func(c *cobra.Command, _ []string) error { return c.Help() },
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	root.SetFlagErrorFunc(func(c *cobra.Command, err error) error {
		return usageError{fmt.Errorf("%w; see %s --help", err, c.CommandPath())}
	})
	root.AddCommand(newInspect(), newValidate(), newTrain(), newStage(), newPredict(), newUpload(), newVersion())
	asUsageErrors(root)
	return root
}

// asUsageErrors gives errors of the number of arguments their exit code.
func asUsageErrors(c *cobra.Command) {
	if check := c.Args; check != nil {
		c.Args = func(c *cobra.Command, args []string) error {
			if err := check(c, args); err != nil {
				return usageError{fmt.Errorf("%w; see %s --help", err, c.CommandPath())}
			}
			return nil
		}
	}
	for _, child := range c.Commands() {
		asUsageErrors(child)
	}
}

// sentence is an error on one line.
func sentence(err error) string { return strings.Join(strings.Fields(err.Error()), " ") }
