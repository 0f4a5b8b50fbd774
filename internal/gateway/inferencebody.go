package gateway

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"github.com/swath-dev/swath/internal/dataset"
	"github.com/swath-dev/swath/internal/gateway/validation"
	"github.com/swath-dev/swath/internal/training"
)

// maxImageFields bounds what an image has beside its pixels, in bytes.
const maxImageFields = 16 << 10

// inferenceRequest is the body of POST /inference, with the images not yet read.
type inferenceRequest struct {
	model string
	// images are the images as they are written.
	images [][]byte
}

// image is an image whose pixels are not yet read.
type image struct {
	// pixels are the pixels as they are written, and side is the length of their first row.
	pixels []byte
	side   int
	// order has for each band of the image its place in the model's.
	order []int
	// gsd is the ground sample distance in metres a pixel, and platform is empty where it is unknown.
	gsd      float64
	platform string
}

// count is how many values there are to be read.
func (i *image) count() int { return pixelCount(i.pixels, len(i.order), i.side) }

// readInference reads the body as far as the images.
func readInference(body []byte) (inferenceRequest, error) {
	var asked inferenceRequest
	if err := wellFormed(body); err != nil {
		return asked, err
	}
	fields := []string{"model", "images"}
	values := map[string][]byte{}
	r := jsonReader{data: body, loc: []any{"body"}}
	err := r.object(fields, func(name string) error {
		values[name] = r.skip()
		return nil
	})
	if err != nil {
		return asked, err
	}
	for _, name := range fields {
		if values[name] == nil {
			return asked, validation.Missing("body", name)
		}
	}
	model, err := validation.Check(validation.Parse(values["model"]), modelSchema(), "body", "model")
	if err != nil {
		return asked, err
	}
	asked.model = fmt.Sprint(model)
	return asked, asked.split(values["images"])
}

// split finds the images, and counts those that are too many without keeping them.
func (asked *inferenceRequest) split(images []byte) error {
	r := jsonReader{data: images, loc: []any{"body", "images"}}
	count := 0
	err := r.list(func(int) error {
		raw := r.skip()
		if count++; count <= maxImages {
			asked.images = append(asked.images, raw)
		}
		return nil
	})
	switch {
	case err != nil:
		return err
	case count == 0:
		return validation.New("too_short", "List should have at least 1 item after validation, not 0", "body", "images")
	case count > maxImages:
		return validation.New("too_long", fmt.Sprintf("List should have at most %d items after validation, not %d", maxImages, count), "body", "images")
	}
	return nil
}

// wellFormed checks that data is one JSON value.
func wellFormed(data []byte) error {
	if json.Valid(data) {
		return nil
	}
	var nothing json.RawMessage
	offset, message := int64(len(data)), "unexpected end of JSON input"
	if syntax, ok := errors.AsType[*json.SyntaxError](json.Unmarshal(data, &nothing)); ok {
		offset, message = max(0, syntax.Offset-1), syntax.Error()
	}
	return validation.New("json_invalid", "JSON decode error: "+message, "body", offset)
}

// read reads all of the images but their pixels, whose bands are to be in the order of the model.
func (asked *inferenceRequest) read(bands []string) ([]image, error) {
	images := make([]image, len(asked.images))
	schema := imageSchema()
	known := []string{"pixels"}
	for name := range schema.Properties {
		known = append(known, name)
	}
	for i, raw := range asked.images {
		var err error
		if images[i], err = readImage(raw, known, schema, bands, i); err != nil {
			return nil, err
		}
	}
	return images, nil
}

// readImage reads one image but for its pixels.
func readImage(raw []byte, known []string, schema *huma.Schema, wanted []string, index int) (image, error) {
	var read image
	loc := imageLoc(index)
	fields, size := map[string]json.RawMessage{}, 0
	r := jsonReader{data: raw, loc: loc}
	err := r.object(known, func(name string) error {
		value := r.skip()
		if name == "pixels" {
			read.pixels, read.side = value, rowLength(value)
			return nil
		}
		fields[name] = value
		if size += len(value); size > maxImageFields {
			return validation.Value(fmt.Sprintf("what an image has beside its pixels should have at most %d bytes", maxImageFields), append(loc, name)...)
		}
		return nil
	})
	if err != nil {
		return read, err
	}
	small, err := json.Marshal(fields)
	if err != nil {
		return read, fmt.Errorf("reading image %d: %w", index, err)
	}
	checked, err := validation.Check(validation.Parse(small), schema, loc...)
	if err != nil {
		return read, err
	}
	if read.pixels == nil {
		return read, validation.Missing(append(loc, "pixels")...)
	}
	object, _ := checked.(map[string]any)
	if err := read.describe(object, wanted, loc); err != nil {
		return read, err
	}
	return read, checkPlace(object, len(read.order), loc)
}

// describe takes from an image what it says of its bands and its pixels.
func (i *image) describe(object map[string]any, wanted []string, loc []any) error {
	names, _ := object["bands"].([]any)
	named := make([]string, 0, len(names))
	for _, name := range names {
		named = append(named, fmt.Sprint(name))
	}
	order, ok := training.BandOrder(named, wanted)
	if !ok {
		return validation.Value(fmt.Sprintf("the bands are %s, but the model needs %s", strings.Join(named, ", "), strings.Join(wanted, ", ")), append(loc, "bands")...)
	}
	i.order = order
	i.gsd = number(object["gsd"])
	i.platform, _ = object["platform"].(string)
	return nil
}

// The wavelengths, in micrometres, that nobody images at and that are those of light in nanometres.
const leastNanometres, greatestNanometres = 100, 3000

// checkPlace checks what an image says of its wavelengths and its place beyond what a schema can say.
func checkPlace(object map[string]any, bands int, loc []any) error {
	waves, _ := object["wavelengths"].([]any)
	if len(waves) > 0 && len(waves) != bands {
		return validation.Value(fmt.Sprintf("there are %d wavelengths for %d bands", len(waves), bands), append(loc, "wavelengths")...)
	}
	for i, wave := range waves {
		if length := number(wave); length >= leastNanometres && length <= greatestNanometres {
			return validation.Value(fmt.Sprintf("wavelengths should be in micrometres: %v looks like nanometres", wave), append(loc, "wavelengths", i)...)
		}
	}
	point, _ := object["point"].([]any)
	if len(point) == 0 {
		return nil
	}
	if latitude := number(point[0]); math.Abs(latitude) > 90 {
		return validation.Value(fmt.Sprintf("the latitude should be from -90 to 90 degrees and stand first, and not %v", point[0]), append(loc, "point", 0)...)
	}
	return nil
}

// number is a number of checked JSON; 0 where there is none.
func number(value any) float64 {
	text, _ := value.(json.Number)
	float, _ := text.Float64() // It is checked.
	return float
}

// labels are what a model says of images.
type labels struct {
	images []image
	// classes has the class of each image, or for segmentation pixels has those of its pixels.
	classes []int
	pixels  [][]uint8
	// given says how the images differ from the training data.
	given *dataset.Given
}

// write writes {"labels": […]} with a class for each image, or rows of classes, and the warnings, if there are any. The writer
// keeps its first error.
func (l *labels) write(w *bufio.Writer) {
	_, _ = w.WriteString(`{"labels":[`)
	for i, class := range l.classes {
		if i > 0 {
			_ = w.WriteByte(',')
		}
		if l.pixels[i] == nil {
			_, _ = w.WriteString(strconv.Itoa(class))
			continue
		}
		writeRows(w, l.pixels[i], l.images[i].side)
	}
	_ = w.WriteByte(']')
	if warnings := l.given.Warnings(); len(warnings) > 0 {
		text, _ := json.Marshal(warnings) // Strings can be encoded.
		_, _ = w.WriteString(`,"warnings":`)
		_, _ = w.Write(text)
	}
	_, _ = w.WriteString("}\n")
}

func writeRows(w *bufio.Writer, classes []uint8, side int) {
	for k, class := range classes {
		switch {
		case k == 0:
			_, _ = w.WriteString("[[")
		case k%side == 0:
			_, _ = w.WriteString("],[")
		default:
			_ = w.WriteByte(',')
		}
		_, _ = w.Write(strconv.AppendUint(w.AvailableBuffer(), uint64(class), 10))
	}
	_, _ = w.WriteString("]]")
}
