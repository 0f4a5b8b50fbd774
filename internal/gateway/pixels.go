package gateway

import (
	"errors"
	"math"
	"strconv"

	"github.com/swath-dev/swath/internal/gateway/validation"
)

// pixels are those of an image: bands × side × side values, one band after the other.
type pixels struct {
	bands, side int
	values      []float32
}

// maxSide is the largest height and width of an image in pixels.
const maxSide = 2048

// readPixels reads bands × height × width numbers from JSON that is known to be well formed. It keeps nothing but the numbers:
// a decoder for any JSON would take many times their size. Errors are of type *validation.Error.
func readPixels(data []byte, loc []any) (pixels, error) {
	r := pixelReader{data: data, loc: loc}
	image := pixels{values: make([]float32, 0, len(data)/8)}
	height := 0
	err := r.list(func(band int) error {
		image.bands++
		rows := 0
		err := r.list(func(y int) error {
			rows++
			start := len(image.values)
			err := r.list(func(x int) error {
				value, err := r.number(band, y, x)
				image.values = append(image.values, value)
				return err
			}, band, y)
			if err != nil {
				return err
			}
			return r.same(&image.side, len(image.values)-start, "columns", band, y)
		}, band)
		if err != nil {
			return err
		}
		return r.same(&height, rows, "rows", band)
	})
	if err != nil {
		return pixels{}, err
	}
	if height != image.side {
		return pixels{}, validation.Value("pixels should be square, and not "+strconv.Itoa(height)+" by "+strconv.Itoa(image.side), loc...)
	}
	if image.side == 0 || image.side%8 != 0 || image.side > maxSide {
		return pixels{}, validation.Value("the height and width of pixels should be divisible by 8 and at most "+strconv.Itoa(maxSide)+", and not "+strconv.Itoa(image.side), loc...)
	}
	return image, nil
}

// pixelReader goes through well-formed JSON.
type pixelReader struct {
	data []byte
	at   int
	loc  []any
}

// list reads a list and calls item for each of its items.
func (r *pixelReader) list(item func(index int) error, index ...int) error {
	if r.next() != '[' {
		return validation.New("list_type", "Input should be a valid list", r.where(index)...)
	}
	r.at++
	if r.next() == ']' {
		r.at++
		return nil
	}
	for i := 0; ; i++ {
		if err := item(i); err != nil {
			return err
		}
		separator := r.next()
		r.at++
		if separator != ',' {
			return nil
		}
	}
}

// number reads a number.
func (r *pixelReader) number(index ...int) (float32, error) {
	r.next()
	start := r.at
	for r.at < len(r.data) && isNumeric(r.data[r.at]) {
		r.at++
	}
	value, err := strconv.ParseFloat(string(r.data[start:r.at]), 32)
	if errors.Is(err, strconv.ErrRange) && !math.IsInf(value, 0) {
		err = nil // Too small to tell from 0.
	}
	if errors.Is(err, strconv.ErrRange) {
		return 0, validation.New("finite_number", "Input should be a finite number", r.where(index)...)
	}
	if err != nil {
		return 0, validation.New("float_type", "Input should be a valid number", r.where(index)...)
	}
	return float32(value), nil
}

// same notes the first of several numbers, and reports one that differs.
func (r *pixelReader) same(first *int, now int, what string, index ...int) error {
	if *first == 0 && now > 0 && (len(index) == 0 || index[len(index)-1] == 0) {
		*first = now
	}
	if *first != now || now == 0 {
		return validation.Value("there are "+strconv.Itoa(now)+" "+what+" where there should be "+strconv.Itoa(*first), r.where(index)...)
	}
	return nil
}

// next is the next byte that is not a space, or 0.
func (r *pixelReader) next() byte {
	for ; r.at < len(r.data); r.at++ {
		switch r.data[r.at] {
		case ' ', '\t', '\n', '\r':
		default:
			return r.data[r.at]
		}
	}
	return 0
}

func (r *pixelReader) where(index []int) []any {
	loc := append([]any(nil), r.loc...)
	for _, i := range index {
		loc = append(loc, i)
	}
	return loc
}

func isNumeric(c byte) bool {
	return c >= '0' && c <= '9' || c == '-' || c == '+' || c == '.' || c == 'e' || c == 'E'
}
