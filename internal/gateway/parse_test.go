package gateway

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"math"
	"net/http"
	"strings"
	"testing"

	"github.com/swath-dev/swath/internal/gateway/validation"
)

func TestRangeIsReadAsRFC9110Says(t *testing.T) {
	for header, want := range map[string]struct {
		offset, length int64
		partial        bool
	}{
		"":             {0, 100, false},
		"bytes=0-9":    {0, 10, true},
		"bytes=90-":    {90, 10, true},
		"bytes=-10":    {90, 10, true},
		"bytes=-1000":  {0, 100, true},
		"bytes=90-999": {90, 10, true},
		"bytes=9-0":    {0, 100, false},
		"bytes=a-b":    {0, 100, false},
		"bytes=0-1,3-": {0, 100, false},
		"lines=0-9":    {0, 100, false},
		"bytes=-0":     {0, 100, false},
		"bytes=--5":    {0, 100, false},
	} {
		offset, length, partial, err := rangeOf(header, 100)
		if err != nil || offset != want.offset || length != want.length || partial != want.partial {
			t.Errorf("%q is read as %d bytes from %d, partial %t (%v)", header, length, offset, partial, err)
		}
	}
}

func FuzzRange(f *testing.F) {
	for _, seed := range []string{"bytes=0-9", "bytes=-5", "bytes=5-", "bytes=--5", "bytes=9223372036854775807-"} {
		f.Add(seed, int64(100))
	}
	f.Fuzz(func(t *testing.T, header string, size int64) {
		if size < 0 {
			return
		}
		offset, length, _, err := rangeOf(header, size)
		if err == nil && (offset < 0 || length < 0 || offset+length > size) {
			t.Errorf("%q of %d bytes is read as %d bytes from %d", header, size, length, offset)
		}
	})
}

func FuzzPixels(f *testing.F) {
	row := "[" + strings.TrimSuffix(strings.Repeat("1.5,", 8), ",") + "]"
	f.Add([]byte("[[" + strings.TrimSuffix(strings.Repeat(row+",", 8), ",") + "]]"))
	for _, seed := range []string{`[]`, `[[[1]]]`, `[[[1e400]]]`, `[[["a"]]]`, `[[[1],[2,3]]]`, `[[[[1]]]]`, `7`, ` [ [ [ -1e-50 ] ] ] `} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if !json.Valid(data) {
			return
		}
		image, err := readPixels(data, []any{"pixels"})
		if err != nil {
			if _, ok := errors.AsType[*validation.Error](err); !ok {
				t.Errorf("%q gives an error that cannot be reported: %v", data, err)
			}
			return
		}
		var want [][][]float64
		if json.Unmarshal(data, &want) != nil || len(want) != image.bands || len(image.values) != image.bands*image.side*image.side {
			t.Fatalf("%q is read as %d bands of %d", data, image.bands, image.side)
		}
		for i, value := range image.values {
			area := image.side * image.side
			if exact := want[i/area][i%area/image.side][i%image.side]; float32(exact) != value && math.Abs(exact-float64(value)) > 1e-6*math.Abs(exact) {
				t.Errorf("value %d is read as %v, not %v", i, value, exact)
			}
		}
	})
}

func FuzzForm(f *testing.F) {
	f.Add("multipart/form-data; boundary=b", []byte("--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a\"\r\n\r\nx\r\n--b--\r\n"))
	f.Add("multipart/form-data; boundary=b", []byte("--b\r\nContent-Disposition: form-data; name=\"other\"\r\n\r\nx\r\n--b--\r\n"))
	f.Add("multipart/form-data", []byte{})
	f.Fuzz(func(t *testing.T, contentType string, body []byte) {
		request := &http.Request{Header: http.Header{"Content-Type": {contentType}}}
		part, filename, err := filePart(request, bytes.NewReader(body))
		if err != nil {
			_, invalid := errors.AsType[*validation.Error](err)
			_, sender := errors.AsType[*senderError](err)
			if !invalid && !sender {
				t.Errorf("an error that is nobody's fault: %v", err)
			}
			return
		}
		if filename == "" || len(filename) > maxFilename {
			t.Errorf("the file is named %q", filename)
		}
		_, _ = io.Copy(io.Discard, part) // It may end early; it must not hang or panic.
	})
}

func FuzzInference(f *testing.F) {
	f.Add([]byte(`{"model":"m","images":[{"gsd":1,"bands":["red"],"pixels":[[[1,2,3,4,5,6,7,8]]]}]}`))
	f.Add([]byte(`{"model":"m","images":[null]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		asked, err := readInference(data)
		if err == nil {
			_, err = asked.images([]string{"red"})
		}
		if _, ok := errors.AsType[*validation.Error](err); err != nil && !ok {
			t.Errorf("%q gives an error that cannot be reported: %v", data, err)
		}
	})
}
