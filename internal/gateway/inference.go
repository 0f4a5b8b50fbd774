package gateway

import (
	"bufio"
	"fmt"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/swath-dev/swath/internal/dataset"
	"github.com/swath-dev/swath/internal/gateway/access"
	"github.com/swath-dev/swath/internal/gateway/validation"
)

const (
	// maxImages is how many images one request may have.
	maxImages = 1024
	// inferenceTimeout bounds a request for inference.
	inferenceTimeout = 5 * time.Minute
)

// inferenceCalls is the call for inference.
func (s *Server) inferenceCalls() []call {
	least, most, side := 1, maxImages, 8
	image := imageSchema()
	image.Properties["pixels"] = &huma.Schema{
		Type: huma.TypeArray, Description: "The raw values: bands × height × width. Height and width are the same and divisible by 8.",
		MinItems: &least,
		Items:    &huma.Schema{Type: huma.TypeArray, MinItems: &side, Items: &huma.Schema{Type: huma.TypeArray, MinItems: &side, Items: &huma.Schema{Type: huma.TypeNumber}}},
	}
	image.Required = append(image.Required, "pixels")
	label := &huma.Schema{Description: "The class of an image, or for segmentation height × width classes.", OneOf: []*huma.Schema{
		{Type: huma.TypeInteger},
		{Type: huma.TypeArray, Items: &huma.Schema{Type: huma.TypeArray, Items: &huma.Schema{Type: huma.TypeInteger}}},
	}}
	operation := s.document(huma.Operation{
		Method: http.MethodPost, Path: "/inference", OperationID: "infer", Tags: []string{"Inference"},
		Summary:     "Predict with a trained model",
		Description: "Gives the class of each image, or of each pixel. The bands may come in any order. Warnings say how the images differ from the training data.",
		RequestBody: jsonBody(&huma.Schema{
			Type: huma.TypeObject, AdditionalProperties: false, Required: []string{"model", "images"},
			Properties: map[string]*huma.Schema{
				"model":  modelSchema(),
				"images": {Type: huma.TypeArray, MinItems: &least, MaxItems: &most, Items: image},
			},
		}, inferenceExamples),
	}, nil, http.StatusNotFound, http.StatusRequestTimeout, http.StatusRequestEntityTooLarge, http.StatusUnprocessableEntity)
	operation.Responses["200"] = &huma.Response{Description: "Success.", Content: map[string]*huma.MediaType{jsonType: {Schema: &huma.Schema{
		Type: huma.TypeObject, AdditionalProperties: false, Required: []string{"labels"},
		Properties: map[string]*huma.Schema{
			"labels":   {Type: huma.TypeArray, Items: label},
			"warnings": {Type: huma.TypeArray, Items: &huma.Schema{Type: huma.TypeString}, Description: "How the images differ from the training data, if they do: units, ground sample distance, platform, values that stand for no data."},
		},
	}}}}
	return []call{{Operation: operation, right: access.Get, timeout: inferenceTimeout, handle: s.infer}}
}

// infer predicts. It takes memory for what has come and for what it is going to make of it, so that all requests together
// have no more than the limit.
func (s *Server) infer(w http.ResponseWriter, r *request) error {
	have := s.models.holdFor(r.caller.Namespace)
	defer have.release()
	body, err := s.readLarge(w, r, have, s.limits.InferenceBytes)
	if err != nil {
		return err
	}
	asked, err := readInference(body)
	if err != nil {
		return err
	}
	store, described, err := s.model(r, asked.model)
	if err != nil {
		return err
	}
	model, err := s.models.get(r.Context(), store, r.caller.Namespace, described)
	if err != nil {
		return err
	}
	defer s.models.done(model)
	about := model.predictor.About()
	images, err := asked.read(about.Input.Bands)
	if err != nil {
		return err
	}
	found := labels{
		classes: make([]int, len(images)), pixels: make([][]uint8, len(images)), images: images, given: dataset.NewGiven(about.Trained(), "image"),
	}
	for _, alike := range bySide(images) {
		if err := s.predict(r, have, model, &found, alike); err != nil {
			return err
		}
	}
	// The answer may take a while to be taken: the memory of all but the labels is there for others meanwhile.
	w.Header().Set("Content-Type", jsonType)
	answer := bufio.NewWriterSize(s.paced(w), answerBuffer)
	found.write(answer)
	if err := answer.Flush(); err != nil {
		r.log.Warn("sending was cut off", "error", err)
		panic(http.ErrAbortHandler)
	}
	return nil
}

// answerBuffer is how many bytes of a long answer are put together before they are sent.
const answerBuffer = 32 << 10

// predict predicts the given images, which have the same side, a few at a time.
func (s *Server) predict(r *request, have *hold, model *loadedModel, found *labels, alike []int) error {
	side := found.images[alike[0]].side
	batch := min(model.predictor.Batch(max(1, side)), len(alike))
	for ; len(alike) > 0; alike = alike[min(batch, len(alike)):] {
		if err := s.predictBatch(r, have, model, found, alike[:min(batch, len(alike))]); err != nil {
			return err
		}
	}
	return nil
}

// predictBatch reads the pixels of some images and predicts them.
func (s *Server) predictBatch(r *request, have *hold, model *loadedModel, found *labels, batch []int) error {
	room := 0
	for _, i := range batch {
		room += found.images[i].count()
	}
	bytes := int64(room) * 4
	if err := have.take(r.Context(), bytes); err != nil {
		return err
	}
	defer have.give(bytes)
	values, used := make([]float32, room), 0
	for _, i := range batch {
		image := &found.images[i]
		end := used + image.count()
		if err := readPixels(image.pixels, image.order, values[used:end], imageLoc(i, "pixels")); err != nil {
			return err
		}
		used = end
	}
	side := found.images[batch[0]].side
	if factor := model.predictor.Factor(); side%factor != 0 {
		return validation.Value(fmt.Sprintf("this model needs heights and widths that are divisible by %d", factor), imageLoc(batch[0], "pixels")...)
	}
	for k, i := range batch {
		image := &found.images[i]
		found.given.Add(i, values[k*image.count():(k+1)*image.count()], side, image.gsd, image.platform)
	}
	predictions, err := s.models.predict(r.Context(), model, len(batch), side, values)
	if err != nil {
		return err
	}
	for k, i := range batch {
		// The labels stay until they are sent.
		if err := have.take(r.Context(), int64(len(predictions[k].Classes))); err != nil {
			return err
		}
		found.classes[i], found.pixels[i] = predictions[k].Class, predictions[k].Classes
	}
	return nil
}

// bySide are the indexes of the images of each side, the sides in the order in which they come.
func bySide(images []image) [][]int {
	var groups [][]int
	at := map[int]int{}
	for i := range images {
		group, ok := at[images[i].side]
		if !ok {
			group = len(groups)
			at[images[i].side], groups = group, append(groups, nil)
		}
		groups[group] = append(groups[group], i)
	}
	return groups
}

func imageLoc(index int, more ...any) []any {
	return append([]any{"body", "images", index}, more...)
}

// modelSchema is the schema of the model that a request names. What cannot be a model's ID is no model, which is answered 404.
func modelSchema() *huma.Schema {
	least := 1
	return &huma.Schema{Type: huma.TypeString, MinLength: &least, Description: "The ID of the trained model."}
}

// platformWords are what an image may say of its platform.
func platformWords() []any {
	words := []any{""}
	for _, name := range dataset.PlatformNames() {
		words = append(words, name)
	}
	return append(words, nil)
}

// imageSchema is the schema of an image without its pixels.
func imageSchema() *huma.Schema {
	zero, west, east, least, most, two := 0.0, -180.0, 180.0, 1, 64, 2
	return &huma.Schema{
		Type: huma.TypeObject, Description: "An image of a place.", AdditionalProperties: false,
		Required: []string{"gsd", "bands"},
		Properties: map[string]*huma.Schema{
			"gsd":         {Type: huma.TypeNumber, Minimum: &zero, Description: "The ground sample distance in metres a pixel."},
			"bands":       {Type: huma.TypeArray, MinItems: &least, MaxItems: &most, Items: &huma.Schema{Type: huma.TypeString}, Description: "The names of the bands, in the order of pixels."},
			"platform":    {Type: huma.TypeString, Nullable: true, Enum: platformWords(), Description: "The platform that took it; empty or null where it is unknown."},
			"wavelengths": {Type: huma.TypeArray, Nullable: true, MinItems: &least, MaxItems: &most, Items: &huma.Schema{Type: huma.TypeNumber, ExclusiveMinimum: &zero}, Description: "The wavelengths of the bands in micrometres: one for each band."},
			"point":       {Type: huma.TypeArray, Nullable: true, MinItems: &two, MaxItems: &two, Items: &huma.Schema{Type: huma.TypeNumber, Minimum: &west, Maximum: &east}, Description: "Latitude, from -90 to 90, and longitude, from -180 to 180, in degrees."},
			"timestamp":   {Type: huma.TypeInteger, Nullable: true, Description: "When it was taken: Unix seconds."},
		},
	}
}
