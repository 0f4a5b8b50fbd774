package training

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"github.com/swath-dev/swath/internal/dataset"
	"github.com/swath-dev/swath/internal/nn"
	"github.com/swath-dev/swath/internal/training/manifest"
	"github.com/swath-dev/swath/internal/training/onnx"
)

// About is what a model's file says of itself.
type About struct {
	Task       Task           `json:"task"`
	NumClasses int            `json:"numClasses"`
	Input      manifest.Input `json:"input"`
}

// Prediction is what a model says of one chip.
type Prediction struct {
	// Class and Probabilities (of all classes) are those of the chip; for segmentation they are 0 and nil.
	Class         int
	Probabilities []float32
	// Classes has a class for each pixel, height × width; nil for classification.
	Classes []uint8
}

// Predictor predicts with a trained model. It may be used by several goroutines; they take turns.
type Predictor struct {
	about   About
	network *nn.Model
	mu      sync.Mutex
	plan    *nn.Plan
}

// maxPredictionBatch is how many chips of up to 64 × 64 pixels are computed at a time; of larger ones it is fewer.
const maxPredictionBatch = 32

// OpenPredictor reads a model from a folder that training wrote, or from its ONNX file.
func OpenPredictor(path string) (*Predictor, error) {
	if info, err := os.Stat(path); err == nil && info.IsDir() {
		path = filepath.Join(path, ModelName)
	}
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("there is no model: %w", err)
	}
	if err != nil {
		return nil, fmt.Errorf("reading the model: %w", err)
	}
	p, err := NewPredictor(data)
	if err != nil {
		return nil, fmt.Errorf("reading the model %s: %w", path, err)
	}
	return p, nil
}

// maxDescription bounds the bytes of what a model's file says of itself: hundreds of bands have a tenth of it.
const maxDescription = 256 << 10

// NewPredictor takes a model from the bytes of an ONNX file that training wrote; another is onnx.ErrFormat.
func NewPredictor(data []byte) (*Predictor, error) {
	file, err := onnx.Unmarshal(data)
	if err != nil {
		return nil, err
	}
	text, ok := file.Lookup(MetadataKey)
	if !ok {
		return nil, fmt.Errorf("%w: it was not made by Swath", onnx.ErrFormat)
	}
	if len(text) > maxDescription {
		return nil, fmt.Errorf("%w: its description has %d bytes, more than %d", onnx.ErrFormat, len(text), maxDescription)
	}
	p := &Predictor{}
	if err := json.Unmarshal([]byte(text), &p.about); err != nil {
		return nil, fmt.Errorf("%w: its description: %w", onnx.ErrFormat, err)
	}
	if p.network, err = onnx.Import(&file.Graph); err != nil {
		return nil, err
	}
	graph := p.network.Graph
	if graph.Classes() != p.about.NumClasses || graph.Bands != len(p.about.Input.Bands) || graph.PerPixel() != (p.about.Task == Segmentation) {
		return nil, fmt.Errorf("%w: its description does not fit its network", onnx.ErrFormat)
	}
	return p, nil
}

// About is what the model says of itself.
func (p *Predictor) About() About { return p.about }

// Predict predicts n chips of side × side pixels; pixels are raw, n × bands × side × side, with the bands in the model's
// order. A side that the network cannot take is a *UsageError.
func (p *Predictor) Predict(ctx context.Context, n, side int, pixels []float32) ([]Prediction, error) {
	per := p.network.Graph.Bands * side * side
	switch factor := p.network.Graph.Factor(); {
	case side < 1 || side%factor != 0:
		return nil, usageErrorf("the chips have %d pixels a side; this model needs sides that are divisible by %d", side, factor)
	case n < 0 || len(pixels) != n*per:
		return nil, usageErrorf("%d values were given for %d chips of %d bands and %d × %d pixels", len(pixels), n, p.network.Graph.Bands, side, side)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if err := p.prepare(n, side); err != nil {
		return nil, err
	}
	var all []Prediction
	for size := p.plan.Config().MaxBatch; n > 0; {
		if err := ctx.Err(); err != nil {
			return nil, fmt.Errorf("predicting: %w", err)
		}
		now := min(n, size)
		if err := p.plan.Forward(nn.Batch{N: now, Pixels: pixels[:now*per]}); err != nil {
			return nil, err
		}
		some, err := p.read(now)
		if err != nil {
			return nil, err
		}
		all = append(all, some...)
		n, pixels = n-now, pixels[now*per:]
	}
	return all, nil
}

// predictionBatch is how many chips of a side are computed at a time.
func predictionBatch(side int) int {
	return max(1, min(maxPredictionBatch, maxPredictionBatch*64*64/(side*side)))
}

// prepare makes a plan for chips of a side, unless the last one fits.
func (p *Predictor) prepare(n, side int) error {
	batch := max(1, min(n, predictionBatch(side)))
	if p.plan != nil && p.plan.Config().Height == side && p.plan.Config().MaxBatch >= batch {
		return nil
	}
	p.plan = nil
	plan, err := nn.NewPlan(p.network, nn.PlanConfig{Mode: nn.Infer, MaxBatch: batch, Height: side, Width: side})
	p.plan = plan
	return err
}

// read takes the predictions of the plan's last batch.
func (p *Predictor) read(n int) ([]Prediction, error) {
	all := make([]Prediction, n)
	labels := p.plan.Labels()
	classes := make([]uint8, labels)
	if err := p.plan.Predict(classes); err != nil {
		return nil, err
	}
	if p.about.Task == Segmentation {
		for i := range all {
			all[i].Classes = classes[i*labels/n : (i+1)*labels/n]
		}
		return all, nil
	}
	logits := make([]float32, n*p.about.NumClasses)
	if err := p.plan.Logits(logits); err != nil {
		return nil, err
	}
	for i := range all {
		row := logits[i*p.about.NumClasses : (i+1)*p.about.NumClasses]
		all[i].Class = int(classes[i])
		for class := range row {
			all[i].Probabilities = append(all[i].Probabilities, float32(probability(row, class)))
		}
	}
	return all, nil
}

// Trained is what the model was trained on, for comparison with what it is given.
func (a About) Trained() dataset.Trained {
	t := dataset.Trained{GSD: a.Input.GSD, Platform: a.Input.Platform}
	for b, name := range a.Input.Bands {
		stats := dataset.BandStats{Name: name}
		if n := a.Input.Normalisation; b < len(n.Mean) && b < len(n.Deviation) {
			stats.Mean, stats.Std = n.Mean[b], n.Deviation[b]
		}
		t.Bands = append(t.Bands, stats)
	}
	return t
}

// BandOrder gives the place of each given band among those that a model needs. It is not ok where they are not the same
// ones; bands of one name must come in the model's order.
func BandOrder(given, needed []string) (order []int, ok bool) {
	if len(given) != len(needed) {
		return nil, false
	}
	order = make([]int, len(given))
	same := slices.Equal(given, needed)
	for i, name := range given {
		order[i] = slices.Index(needed, name)
		if same {
			order[i] = i
		} else if order[i] < 0 || slices.Index(given, name) != i {
			return nil, false
		}
	}
	return order, true
}

// PredictFile predicts all chips of a file, in its order, and calls visit for each; its bands may come in any order. A file
// that does not fit the model is a *dataset.InvalidError. The warnings say how the file differs from the training data.
func (p *Predictor) PredictFile(ctx context.Context, f *dataset.File, visit func(sample int, of Prediction) error) (warnings []string, err error) {
	order, ok := BandOrder(f.Summary().Bands, p.about.Input.Bands)
	if !ok {
		return nil, unfit(f, -1, "its bands are %s, but the model needs %s", strings.Join(f.Summary().Bands, ", "), strings.Join(p.about.Input.Bands, ", "))
	}
	if factor := p.network.Graph.Factor(); f.Side()%factor != 0 {
		return nil, unfit(f, -1, "its chips have %d pixels a side, but this model needs sides that are divisible by %d", f.Side(), factor)
	}
	chips := chipReader{file: f, reader: f.NewReader(), order: order, given: dataset.NewGiven(p.about.Trained(), "sample")}
	batch := predictionBatch(f.Side())
	for first := 0; first < f.Len(); first += batch {
		n := min(batch, f.Len()-first)
		pixels, err := chips.read(first, n)
		if err != nil {
			return nil, err
		}
		predictions, err := p.Predict(ctx, n, f.Side(), pixels)
		if err != nil {
			return nil, err
		}
		for i, prediction := range predictions {
			if err := visit(first+i, prediction); err != nil {
				return nil, err
			}
		}
	}
	return chips.given.Warnings(), nil
}

// chipReader reads chips for a model.
type chipReader struct {
	file   *dataset.File
	reader *dataset.Reader
	// order has the place of each of the file's bands among the model's.
	order  []int
	given  *dataset.Given
	sample dataset.Sample
}

// read reads n chips and checks what would give predictions without a meaning.
func (c *chipReader) read(first, n int) ([]float32, error) {
	f, sample, area := c.file, &c.sample, c.file.Side()*c.file.Side()
	pixels := make([]float32, n*f.PixelsPerSample())
	for i := first; i < first+n; i++ {
		if err := c.reader.ReadSample(i, sample); err != nil {
			return nil, err
		}
		if !slices.Equal(sample.Bands, f.Summary().Bands) {
			return nil, unfit(f, i, "its bands are %s and not those of sample 0", strings.Join(sample.Bands, ", "))
		}
		if err := dataset.CheckPlatform(sample.Platform); err != nil {
			return nil, unfit(f, i, "%v", err)
		}
		if err := f.CheckPixels(i, sample.Pixels); err != nil {
			return nil, err
		}
		chip := pixels[(i-first)*f.PixelsPerSample():][:f.PixelsPerSample()]
		for from, to := range c.order {
			copy(chip[to*area:(to+1)*area], sample.Pixels[from*area:(from+1)*area])
		}
		c.given.Add(i, chip, f.Side(), float64(sample.GSD), sample.Platform)
	}
	return pixels, nil
}

func unfit(f *dataset.File, sample int, format string, args ...any) error {
	return &dataset.InvalidError{File: f.Name(), Sample: sample, Rule: dataset.RuleValidation, Message: fmt.Sprintf(format, args...)}
}
