package main

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/swath-dev/swath/internal/dataset"
	"github.com/swath-dev/swath/internal/training"
)

// The formats of predictions, beside formatJSON.
const (
	formatCSV = "csv"
	formatPNG = "png"
)

func newPredict() *cobra.Command {
	var model, output, folder string
	c := &cobra.Command{
		Use:   "predict --model DIR|ONNX FILE",
		Short: "Predict the chips of a file with a trained model",
		Long: "Predict the chips of a file, which has the form of a training file; its labels are not looked at, and its bands may come in any order.\n\n" +
			"csv   a row for each chip: its class and the probability of each, or for segmentation the share of each class\n" +
			"json  {\"labels\": […]}: a class for each chip, or for segmentation height × width classes\n" +
			"png   for segmentation: a picture for each chip, whose palette indices are the classes",
		Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			if model == "" {
				return usageError{errors.New("--model is missing: name a folder that train wrote, or a model.onnx")}
			}
			if err := checkFormat(output, formatCSV, formatJSON, formatPNG); err != nil {
				return err
			}
			predictor, err := training.OpenPredictor(model)
			if err != nil {
				return err
			}
			var sink predictionSink
			switch {
			case output == formatPNG && predictor.About().Task != dataset.Segmentation:
				return usageError{errors.New("--output png needs a model for segmentation; use csv or json")}
			case output == formatPNG:
				sink = &pngSink{folder: folder, classes: predictor.About().NumClasses}
			case output == formatJSON:
				sink = newJSONSink(c.OutOrStdout())
			default:
				sink = newCSVSink(c.OutOrStdout(), predictor.About())
			}
			return predict(c.Context(), predictor, args[0], sink, c.ErrOrStderr())
		},
	}
	c.Flags().StringVar(&model, "model", "", "folder that train wrote, or its model.onnx (required)")
	c.Flags().StringVarP(&output, "output", "o", formatCSV, "format of the output: csv, json or png")
	c.Flags().StringVar(&folder, "folder", "predictions", "folder for the pictures of --output png")
	return c
}

// predictionSink takes predictions in the order of the file.
type predictionSink interface {
	begin(side int) error
	add(sample int, p training.Prediction) error
	end() error
}

// predict writes what the model says of a file, and to stderr how the file differs from the training data.
func predict(ctx context.Context, predictor *training.Predictor, path string, sink predictionSink, stderr io.Writer) (err error) {
	file, err := dataset.Open(path)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	if err := sink.begin(file.Side()); err != nil {
		return fmt.Errorf("writing the predictions: %w", err)
	}
	warnings, err := predictor.PredictFile(ctx, file, sink.add)
	if err != nil {
		return err
	}
	for _, warning := range warnings {
		fmt.Fprintf(stderr, "warning: %s\n", warning)
	}
	if err := sink.end(); err != nil {
		return fmt.Errorf("writing the predictions: %w", err)
	}
	return nil
}
