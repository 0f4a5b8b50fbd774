package plugin

import (
	"bufio"
	"context"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/swath-dev/swath/internal/dataset"
)

// The words of predict's --output.
const (
	outputJSON    = "json"
	outputCSV     = "csv"
	outputRequest = "request"
)

// maxValues is how many pixel values one request has at most: as text they take about ten bytes each.
const maxValues = 4 << 20

// maxChips is how many chips one request has at most.
const maxChips = 512

func newPredict(s *session) *cobra.Command {
	output := outputJSON
	command := &cobra.Command{
		Use: "predict MODEL|JOB FILE", Short: "Predict the chips of a local file with a trained model",
		Long: "Predict the chips of a local file, which has the form of a training file; its labels are not looked at, and its bands may come in any order.\n\n" +
			"json     {\"labels\": […]}: a class for each chip, or for segmentation height × width classes\n" +
			"csv      a row for each chip: its number and its class (classification only)\n" +
			"request  predict nothing: the bodies of POST /inference, one a line, for curl and programs",
		Args: cobra.ExactArgs(2), ValidArgsFunction: s.completeModelThenFile,
		RunE: func(c *cobra.Command, args []string) error {
			if words := []string{outputJSON, outputCSV, outputRequest}; !slices.Contains(words, output) {
				return fmt.Errorf("--output is %q and must be one of %s", output, strings.Join(words, ", "))
			}
			model, err := s.modelNamed(c.Context(), args[0])
			if err != nil {
				return err
			}
			return s.predictFile(c.Context(), model.id, args[1], output)
		},
	}
	command.Flags().StringVarP(&output, "output", "o", outputJSON, "json, csv or request")
	// The flag is there.
	_ = command.RegisterFlagCompletionFunc("output", cobra.FixedCompletions([]cobra.Completion{outputJSON, outputCSV, outputRequest}, cobra.ShellCompDirectiveNoFileComp))
	return command
}

func (s *session) predictFile(ctx context.Context, model, name, output string) (err error) {
	file, err := dataset.Open(name)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	out := bufio.NewWriter(s.Out)
	defer func() {
		if err == nil {
			err = out.Flush()
		}
	}()
	if output == outputRequest {
		encoder := json.NewEncoder(out)
		return eachRequest(file, model, func(request inference) error { return encoder.Encode(request) })
	}
	gateway, err := s.connect(ctx)
	if err != nil {
		return err
	}
	defer gateway.close()
	sink, first := newLabelSink(out, output), 0
	err = eachRequest(file, model, func(request inference) error {
		answer, err := callJSON[inferred](ctx, gateway, http.MethodPost, "/inference", request)
		if err != nil {
			return fmt.Errorf("predicting %s: %w", name, err)
		}
		s.warn(answer.Warnings, first, len(request.Images), file.Len())
		first += len(request.Images)
		for _, label := range answer.Labels {
			if err := sink(label); err != nil {
				return fmt.Errorf("writing the predictions: %w", err)
			}
		}
		return nil
	})
	if err == nil && output == outputJSON {
		_, err = out.WriteString("]}\n")
	}
	return err
}

// warn shows what the gateway says of the images of one request, the first of which is a chip of the file.
func (s *session) warn(warnings []string, first, images, chips int) {
	of := ""
	if images < chips {
		of = fmt.Sprintf("chips %d to %d: ", first, first+images-1)
	}
	for _, warning := range warnings {
		fmt.Fprintf(s.ErrOut, "warning: %s%s\n", of, warning)
	}
}

// eachRequest makes the requests that a file takes.
func eachRequest(file *dataset.File, model string, use func(inference) error) error {
	batch := max(1, min(maxChips, maxValues/file.PixelsPerSample()))
	reader := file.NewReader()
	for first := 0; first < file.Len(); first += batch {
		request := inference{Model: model}
		for i := first; i < min(first+batch, file.Len()); i++ {
			chip, err := readChip(file, reader, i)
			if err != nil {
				return err
			}
			request.Images = append(request.Images, chip)
		}
		if err := use(request); err != nil {
			return err
		}
	}
	return nil
}

// inference is the body of POST /inference, and inferred its answer.
type inference struct {
	Model  string `json:"model"`
	Images []chip `json:"images"`
}

type inferred struct {
	Labels   []json.RawMessage `json:"labels"`
	Warnings []string          `json:"warnings"`
}

type chip struct {
	GSD       float32       `json:"gsd"`
	Bands     []string      `json:"bands"`
	Pixels    [][][]float32 `json:"pixels"`
	Platform  *string       `json:"platform"`
	Point     []float32     `json:"point"`
	Timestamp *int64        `json:"timestamp"`
}

func readChip(file *dataset.File, reader *dataset.Reader, index int) (chip, error) {
	var sample dataset.Sample
	if err := reader.ReadSample(index, &sample); err != nil {
		return chip{}, err
	}
	if err := file.CheckPixels(index, sample.Pixels); err != nil {
		return chip{}, err // JSON has no numbers for them.
	}
	side := file.Side()
	shown := chip{GSD: sample.GSD, Bands: append([]string(nil), sample.Bands...), Pixels: make([][][]float32, len(sample.Bands))}
	if sample.Platform != "" {
		shown.Platform = &sample.Platform
	}
	for band := range shown.Pixels {
		for y := range side {
			start := (band*side + y) * side
			shown.Pixels[band] = append(shown.Pixels[band], append([]float32(nil), sample.Pixels[start:start+side]...))
		}
	}
	return shown, nil
}

// newLabelSink writes labels in the given form.
func newLabelSink(out *bufio.Writer, output string) func(json.RawMessage) error {
	written := 0
	if output == outputCSV {
		table := csv.NewWriter(out)
		return func(label json.RawMessage) error {
			if written == 0 {
				_ = table.Write([]string{"sample", "class"}) // Error tells.
			}
			if _, err := strconv.Atoi(string(label)); err != nil {
				return errors.New("--output csv is for classification; use json for segmentation")
			}
			_ = table.Write([]string{strconv.Itoa(written), string(label)}) // Error tells.
			written++
			table.Flush()
			return table.Error()
		}
	}
	return func(label json.RawMessage) error {
		begin := ","
		if written == 0 {
			begin = `{"labels":[`
		}
		written++
		_, err := out.WriteString(begin + string(label))
		return err
	}
}
