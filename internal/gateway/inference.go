package gateway

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/swath-dev/swath/internal/gateway/access"
	"github.com/swath-dev/swath/internal/gateway/validation"
	"github.com/swath-dev/swath/internal/training"
)

const (
	// maxImages is how many images one request may have.
	maxImages = 1024
	// inferenceTimeout bounds a request for inference.
	inferenceTimeout = 5 * time.Minute
)

// inferenceCalls is the call for inference.
func (s *Server) inferenceCalls() []call {
	least, most := 1, maxImages
	image := imageSchema()
	image.Properties["pixels"] = &huma.Schema{
		Type: huma.TypeArray, Description: "The raw values: bands × height × width. Height and width are the same and divisible by 8.",
		Items: &huma.Schema{Type: huma.TypeArray, Items: &huma.Schema{Type: huma.TypeArray, Items: &huma.Schema{Type: huma.TypeNumber}}},
	}
	image.Required = append(image.Required, "pixels")
	label := &huma.Schema{Description: "The class of an image, or for segmentation height × width classes.", OneOf: []*huma.Schema{
		{Type: huma.TypeInteger},
		{Type: huma.TypeArray, Items: &huma.Schema{Type: huma.TypeArray, Items: &huma.Schema{Type: huma.TypeInteger}}},
	}}
	operation := s.document(huma.Operation{
		Method: http.MethodPost, Path: "/inference", OperationID: "infer", Tags: []string{"Inference"},
		Summary:     "Predict with a trained model",
		Description: "Gives the class of each image, or of each pixel. The bands may come in any order.",
		RequestBody: jsonBody(&huma.Schema{
			Type: huma.TypeObject, AdditionalProperties: false, Required: []string{"model", "images"},
			Properties: map[string]*huma.Schema{
				"model":  {Type: huma.TypeString, Description: "The ID of the trained model."},
				"images": {Type: huma.TypeArray, MinItems: &least, MaxItems: &most, Items: image},
			},
		}),
	}, nil, http.StatusNotFound, http.StatusRequestEntityTooLarge, http.StatusUnprocessableEntity)
	operation.Responses["200"] = &huma.Response{Description: "Success.", Content: map[string]*huma.MediaType{jsonType: {Schema: &huma.Schema{
		Type: huma.TypeObject, AdditionalProperties: false, Required: []string{"labels"},
		Properties: map[string]*huma.Schema{"labels": {Type: huma.TypeArray, Items: label}},
	}}}}
	return []call{{Operation: operation, right: access.Get, timeout: inferenceTimeout, handle: s.infer}}
}

// infer predicts. What comes and what goes is bounded by what all bodies together may take.
func (s *Server) infer(w http.ResponseWriter, r *request) error {
	size := r.ContentLength
	if size < 0 || size > s.limits.InferenceBytes {
		size = s.limits.InferenceBytes
	}
	if err := s.inference.Acquire(r.Context(), size); err != nil {
		return &callError{status: http.StatusServiceUnavailable, detail: "Too much inference at a time: try again", retryAfter: retryAfterSeconds, cause: err}
	}
	defer s.inference.Release(size)
	body, err := r.readJSON(w, s.limits.InferenceBytes)
	if err != nil {
		return err
	}
	asked, err := readInference(body)
	if err != nil {
		return err
	}
	store, _, err := s.model(r, asked.Model)
	if err != nil {
		return err
	}
	model, err := s.models.get(r.Context(), store, modelKey{r.caller.Namespace, asked.Model})
	if err != nil {
		return err
	}
	images, err := asked.images(model.predictor.About().Input.Bands)
	if err != nil {
		return err
	}
	predictions, err := s.predict(r, model, images)
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", jsonType)
	_, _ = w.Write(encodeLabels(predictions, images))
	return nil
}

// predict predicts images of one side after the other, and gives the predictions in the order of the images.
func (s *Server) predict(r *request, model *loadedModel, images []pixels) ([]training.Prediction, error) {
	bySide := map[int][]int{}
	for i, image := range images {
		bySide[image.side] = append(bySide[image.side], i)
	}
	predictions := make([]training.Prediction, len(images))
	for side, members := range bySide {
		if factor := model.predictor.Factor(); side%factor != 0 {
			return nil, validation.Value(fmt.Sprintf("this model needs heights and widths that are divisible by %d", factor), "body", "images", members[0], "pixels")
		}
		working, err := model.predictor.Bytes(len(members), side)
		if err != nil {
			return nil, fmt.Errorf("planning the prediction of images of %d pixels a side: %w", side, err)
		}
		if working > s.limits.ModelBytes {
			return nil, &callError{status: http.StatusRequestEntityTooLarge, detail: fmt.Sprintf("Images of %d × %d pixels take more memory than this gateway has for inference: cut them into smaller ones", side, side)}
		}
		var values []float32
		for _, i := range members {
			values = append(values, images[i].values...)
		}
		found, err := model.predictor.Predict(r.Context(), len(members), side, values)
		s.models.worked(model, working)
		if err != nil {
			return nil, fmt.Errorf("predicting with model %s: %w", model.key.id, err)
		}
		for k, i := range members {
			predictions[i] = found[k]
		}
	}
	return predictions, nil
}

// encodeLabels writes {"labels": […]} with a class for each image, or rows of classes.
func encodeLabels(predictions []training.Prediction, images []pixels) []byte {
	data := []byte(`{"labels":[`)
	for i, prediction := range predictions {
		if i > 0 {
			data = append(data, ',')
		}
		if prediction.Classes == nil {
			data = strconv.AppendInt(data, int64(prediction.Class), 10)
			continue
		}
		side := images[i].side
		for k, class := range prediction.Classes {
			switch {
			case k == 0:
				data = append(data, "[["...)
			case k%side == 0:
				data = append(data, "],["...)
			default:
				data = append(data, ',')
			}
			data = strconv.AppendUint(data, uint64(class), 10)
		}
		data = append(data, "]]"...)
	}
	return append(data, "]}\n"...)
}

// inferenceRequest is the body of POST /inference, with the images not yet read.
type inferenceRequest struct {
	Model  string
	Images []json.RawMessage
}

// readInference reads the body as far as the images.
func readInference(body []byte) (inferenceRequest, error) {
	var asked inferenceRequest
	fields, err := objectFields(body, []string{"images", "model"}, "body")
	if err != nil {
		return asked, err
	}
	if json.Unmarshal(fields["model"], &asked.Model) != nil || asked.Model == "" {
		return asked, validation.New("string_type", "Input should be a valid string", "body", "model")
	}
	if json.Unmarshal(fields["images"], &asked.Images) != nil || asked.Images == nil {
		return asked, validation.New("list_type", "Input should be a valid list", "body", "images")
	}
	if len(asked.Images) == 0 {
		return asked, validation.New("too_short", "List should have at least 1 item after validation, not 0", "body", "images")
	}
	if len(asked.Images) > maxImages {
		return asked, validation.New("too_long", fmt.Sprintf("List should have at most %d items after validation, not %d", maxImages, len(asked.Images)), "body", "images")
	}
	return asked, nil
}

// images reads the images and puts their bands in the order of the model.
func (asked *inferenceRequest) images(bands []string) ([]pixels, error) {
	images := make([]pixels, len(asked.Images))
	schema := imageSchema()
	for i, raw := range asked.Images {
		image, named, err := readImage(raw, schema, i)
		if err != nil {
			return nil, err
		}
		if images[i], err = image.reordered(named, bands, i); err != nil {
			return nil, err
		}
		asked.Images[i] = nil // Each image is in memory once.
	}
	return images, nil
}

// readImage reads one image and the names of its bands.
func readImage(raw json.RawMessage, schema *huma.Schema, index int) (pixels, []string, error) {
	loc := []any{"body", "images", index}
	fields, err := objectFields(raw, nil, loc...)
	if err != nil {
		return pixels{}, nil, err
	}
	values := fields["pixels"]
	delete(fields, "pixels")
	small, err := json.Marshal(fields)
	if err != nil {
		return pixels{}, nil, fmt.Errorf("reading image %d: %w", index, err)
	}
	checked, err := validation.Check(validation.Parse(small), schema, loc...)
	if err != nil {
		return pixels{}, nil, err
	}
	if values == nil {
		return pixels{}, nil, validation.Missing(append(loc, "pixels")...)
	}
	var named []string
	if object, ok := checked.(map[string]any); ok {
		if names, ok := object["bands"].([]any); ok {
			for _, name := range names {
				named = append(named, fmt.Sprint(name))
			}
		}
	}
	image, err := readPixels(values, append(loc, "pixels"))
	if err == nil && image.bands != len(named) {
		err = validation.Value(fmt.Sprintf("pixels have %d bands and bands name %d", image.bands, len(named)), append(loc, "pixels")...)
	}
	return image, named, err
}

// reordered puts the bands in the order of the model.
func (p pixels) reordered(named, wanted []string, index int) (pixels, error) {
	if slices.Equal(named, wanted) {
		return p, nil
	}
	sorted := pixels{bands: p.bands, side: p.side, values: make([]float32, 0, len(p.values))}
	area := p.side * p.side
	for _, band := range wanted {
		at := slices.Index(named, band)
		if at < 0 || len(named) != len(wanted) {
			return pixels{}, validation.Value(fmt.Sprintf("the bands are %s, but the model needs %s", strings.Join(named, ", "), strings.Join(wanted, ", ")), "body", "images", index, "bands")
		}
		sorted.values = append(sorted.values, p.values[at*area:(at+1)*area]...)
	}
	return sorted, nil
}

// imageSchema is the schema of an image without its pixels.
func imageSchema() *huma.Schema {
	zero, least, most, two := 0.0, 1, 64, 2
	return &huma.Schema{
		Type: huma.TypeObject, Description: "An image of a place.", AdditionalProperties: false,
		Required: []string{"gsd", "bands"},
		Properties: map[string]*huma.Schema{
			"gsd":         {Type: huma.TypeNumber, Minimum: &zero, Description: "The ground sample distance in metres a pixel."},
			"bands":       {Type: huma.TypeArray, MinItems: &least, MaxItems: &most, Items: &huma.Schema{Type: huma.TypeString}, Description: "The names of the bands, in the order of pixels."},
			"platform":    {Type: huma.TypeString, Nullable: true, Description: "The platform that took it, such as naip."},
			"wavelengths": {Type: huma.TypeArray, Nullable: true, Items: &huma.Schema{Type: huma.TypeNumber}, Description: "The wavelengths of the bands in micrometres."},
			"point":       {Type: huma.TypeArray, Nullable: true, MinItems: &two, MaxItems: &two, Items: &huma.Schema{Type: huma.TypeNumber}, Description: "Latitude and longitude."},
			"timestamp":   {Type: huma.TypeInteger, Nullable: true, Description: "When it was taken: Unix seconds."},
		},
	}
}

// objectFields splits a JSON object into its fields; where known are given, exactly those have to be there.
func objectFields(data []byte, known []string, loc ...any) (map[string]json.RawMessage, error) {
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(data, &fields); err != nil || fields == nil {
		if syntax, ok := errors.AsType[*json.SyntaxError](err); ok {
			return nil, validation.New("json_invalid", "JSON decode error: "+syntax.Error(), "body", max(0, syntax.Offset-1))
		}
		return nil, validation.New("model_attributes_type", "Input should be a valid dictionary or object to extract fields from", loc...)
	}
	for _, name := range known {
		if fields[name] == nil {
			return nil, validation.Missing(append(loc, name)...)
		}
	}
	for name := range fields {
		if known != nil && !slices.Contains(known, name) {
			return nil, validation.New("extra_forbidden", "Extra inputs are not permitted", append(loc, name)...)
		}
	}
	return fields, nil
}
