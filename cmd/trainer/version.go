package main

import (
	"fmt"
	"runtime"

	"github.com/spf13/cobra"

	"github.com/swath-dev/swath/internal/nn"
	"github.com/swath-dev/swath/internal/version"
)

func newVersion() *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Say the version of the trainer, of its arithmetic and what computes on this machine",
		Args:  cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			_, err := fmt.Fprintf(c.OutOrStdout(), "trainer %s (numerics version %d, kernels %s, %s %s/%s)\n",
				version.Version, nn.NumericsVersion, nn.KernelName(), runtime.Version(), runtime.GOOS, runtime.GOARCH)
			return err
		},
	}
}
