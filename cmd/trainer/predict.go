package main
import "github.com/spf13/cobra"
func newPredict() *cobra.Command { return &cobra.Command{Use: "predict"} }
func newUpload() *cobra.Command { return &cobra.Command{Use: "upload"} }
func newStage() *cobra.Command { return &cobra.Command{Use: "stage"} }
