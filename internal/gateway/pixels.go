package gateway

import (
	"bytes"
	"fmt"

	"github.com/swath-dev/swath/internal/gateway/validation"
)

// maxSide is the largest height and width of an image in pixels.
const maxSide = 2048

// rowLength is how many numbers the first row of pixels has: the side of the image, if it is one.
func rowLength(data []byte) int {
	end := bytes.IndexByte(data, ']')
	if end < 0 {
		return 0
	}
	return 1 + bytes.Count(data[:end], []byte{','})
}

// pixelCount is how many numbers an image has whose first row has side of them, or 0 where its text is too short for them.
func pixelCount(data []byte, bands, side int) int {
	if side > maxSide || int64(bands)*int64(side)*int64(side) > int64(len(data)/2+1) {
		return 0
	}
	return bands * side * side
}

// pixelReader reads the pixels of an image into memory that is there already.
type pixelReader struct {
	jsonReader
	// side is the length of the first row.
	side int
	// order has for each band of the text its place in values.
	order  []int
	values []float32
}

// readPixels reads bands × height × width numbers from JSON that is known to be well formed into values, which has room for
// what [pixelCount] says, and puts each band in its place. Errors are of type *validation.Error.
func readPixels(data []byte, order []int, values []float32, loc []any) error {
	r := pixelReader{jsonReader: jsonReader{data: data, loc: loc}, side: rowLength(data), order: order, values: values}
	bands, height := 0, 0
	err := r.list(func(band int) error {
		rows := 0
		err := r.list(func(y int) error {
			rows++
			return r.row(band, y)
		}, band)
		if err == nil && band == 0 {
			height = rows
		}
		bands++
		if err == nil && rows != height || rows == 0 {
			err = validation.Value(fmt.Sprintf("there are %d rows where there should be %d", rows, height), r.where([]int{band})...)
		}
		return err
	})
	switch {
	case err != nil:
		return err
	case height != r.side:
		return validation.Value(fmt.Sprintf("pixels should be square, and not %d by %d", height, r.side), loc...)
	case r.side == 0 || r.side%8 != 0 || r.side > maxSide:
		return validation.Value(fmt.Sprintf("the height and width of pixels should be divisible by 8 and at most %d, and not %d", maxSide, r.side), loc...)
	case bands != len(order):
		return validation.Value(fmt.Sprintf("pixels have %d bands and bands name %d", bands, len(order)), loc...)
	}
	return nil
}

// row reads a row. What has no room is not kept: it is an error in the end.
func (r *pixelReader) row(band, y int) error {
	columns := 0
	err := r.list(func(x int) error {
		columns++
		value, err := r.number(band, y, x)
		if err == nil && band < len(r.order) && y < r.side && x < r.side {
			if at := (r.order[band]*r.side+y)*r.side + x; at < len(r.values) {
				r.values[at] = value
			}
		}
		return err
	}, band, y)
	if err == nil && (columns != r.side || columns == 0) {
		err = validation.Value(fmt.Sprintf("there are %d columns where there should be %d", columns, r.side), r.where([]int{band, y})...)
	}
	return err
}
