package gateway

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/swath-dev/swath/internal/dataset"
	"github.com/swath-dev/swath/internal/gateway/validation"
)

// jsonReader goes through JSON that is known to be well formed, and keeps nothing of it: what a decoder makes of a body takes
// many times the body's size.
type jsonReader struct {
	data []byte
	at   int
	loc  []any
}

// list reads a list and calls item, which has to read it, for each of its items.
func (r *jsonReader) list(item func(index int) error, index ...int) error {
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

// object reads an object and calls field, which has to read the value, for each of its fields. It ends at the first field that
// is not known or comes twice.
func (r *jsonReader) object(known []string, field func(name string) error) error {
	if r.next() != '{' {
		return validation.New("model_attributes_type", "Input should be a valid dictionary or object to extract fields from", r.where(nil)...)
	}
	r.at++
	if r.next() == '}' {
		r.at++
		return nil
	}
	seen := map[string]bool{}
	for {
		name := r.key(known)
		switch {
		case seen[name]:
			return validation.New("json_invalid", fmt.Sprintf("JSON decode error: the key %q comes twice", name), "body", r.at)
		case name == "" || !isOneOf(known, name):
			return validation.New("extra_forbidden", "Extra inputs are not permitted", append(r.where(nil), name)...)
		}
		seen[name] = true
		r.next()
		r.at++ // The colon.
		if err := field(name); err != nil {
			return err
		}
		separator := r.next()
		r.at++
		if separator != ',' {
			return nil
		}
	}
}

// maxShownKey is how much is shown of a key that is not known.
const maxShownKey = 64

// key reads the key of a field. One that is longer than any that is known is cut off.
func (r *jsonReader) key(known []string) string {
	r.next()
	raw := r.skip()
	longest := maxShownKey
	for _, name := range known {
		longest = max(longest, len(name))
	}
	if len(raw) > 6*longest { // No more than \uXXXX is written for a byte.
		return strings.ToValidUTF8(string(raw[1:longest]), "") + "…"
	}
	var name string
	_ = json.Unmarshal(raw, &name) // It is well formed.
	return name
}

func isOneOf(known []string, name string) bool {
	for _, one := range known {
		if one == name {
			return true
		}
	}
	return false
}

// skip goes past the next value and returns it as it is written.
func (r *jsonReader) skip() []byte {
	first := r.next()
	start := r.at
	switch first {
	case '"':
		r.skipText()
	case '[', '{':
		for depth := 0; r.at < len(r.data); {
			switch r.data[r.at] {
			case '"':
				r.skipText()
				continue
			case '[', '{':
				depth++
			case ']', '}':
				depth--
			}
			r.at++
			if depth == 0 {
				break
			}
		}
	default:
		for r.at < len(r.data) && !endsScalar(r.data[r.at]) {
			r.at++
		}
	}
	return r.data[start:r.at]
}

// skipText goes past a string.
func (r *jsonReader) skipText() {
	for r.at++; r.at < len(r.data); r.at++ {
		switch r.data[r.at] {
		case '\\':
			r.at++
		case '"':
			r.at++
			return
		}
	}
}

func endsScalar(c byte) bool {
	return c == ',' || c == ']' || c == '}' || c == ' ' || c == '\t' || c == '\n' || c == '\r'
}

// number reads a number, a pixel's value.
func (r *jsonReader) number(index ...int) (float32, error) {
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
	if !dataset.IsValue(float32(value)) {
		return 0, validation.Value("no sensor measures this: it stands for no data, and is to be filled", r.where(index)...)
	}
	return float32(value), nil
}

// next is the next byte that is not a space, or 0.
func (r *jsonReader) next() byte {
	for ; r.at < len(r.data); r.at++ {
		switch r.data[r.at] {
		case ' ', '\t', '\n', '\r':
		default:
			return r.data[r.at]
		}
	}
	return 0
}

func (r *jsonReader) where(index []int) []any {
	loc := append([]any(nil), r.loc...)
	for _, i := range index {
		loc = append(loc, i)
	}
	return loc
}

func isNumeric(c byte) bool {
	return c >= '0' && c <= '9' || c == '-' || c == '+' || c == '.' || c == 'e' || c == 'E'
}
