package gateway

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"math"
	"mime/multipart"
	"net/http"
	"runtime"
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
		side := rowLength(data)
		values := make([]float32, pixelCount(data, 1, side))
		if err := readPixels(data, []int{0}, values, []any{"pixels"}); err != nil {
			if _, ok := errors.AsType[*validation.Error](err); !ok {
				t.Errorf("%q gives an error that cannot be reported: %v", data, err)
			}
			return
		}
		var want [][][]float64
		if json.Unmarshal(data, &want) != nil || len(want) != 1 || len(values) != side*side {
			t.Fatalf("%q is read as %d values of %d pixels a side", data, len(values), side)
		}
		for i, value := range values {
			if exact := want[0][i/side][i%side]; float32(exact) != value && math.Abs(exact-float64(value)) > 1e-6*math.Abs(exact) {
				t.Errorf("value %d is read as %v, not %v", i, value, exact)
			}
		}
	})
}

func FuzzForm(f *testing.F) {
	f.Add("multipart/form-data; boundary=b", []byte("--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a\"\r\n\r\nx\r\n--b--\r\n"))
	f.Add("multipart/form-data; boundary=b", []byte("--b\r\nContent-Disposition: form-data; name=\"other\"\r\n\r\nx\r\n--b--\r\n"))
	f.Add("multipart/form-data; boundary=b", []byte("--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a\"\r\n\r\nx\r\n--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"b\"\r\n\r\nx\r\n--b--\r\n"))
	f.Add("multipart/form-data", []byte{})
	f.Fuzz(func(t *testing.T, contentType string, body []byte) {
		request := &http.Request{Header: http.Header{"Content-Type": {contentType}}}
		form, err := newUploadForm(request, bytes.NewReader(body))
		var part *multipart.Part
		filename := ""
		if err == nil {
			part, filename, err = form.file()
		}
		if err != nil {
			_, invalid := errors.AsType[*validation.Error](err)
			_, sender := errors.AsType[*senderError](err)
			_, told := errors.AsType[*callError](err)
			if !invalid && !sender && !told {
				t.Errorf("an error that is nobody's fault: %v", err)
			}
			return
		}
		if filename == "" || len(filename) > maxFilename {
			t.Errorf("the file is named %q", filename)
		}
		// It may end early; it must not hang or panic.
		_, _ = io.Copy(io.Discard, &filePartReader{Reader: part, form: form})
	})
}

func FuzzInference(f *testing.F) {
	f.Add([]byte(`{"model":"m","images":[{"gsd":1,"bands":["red"],"pixels":[[[1,2,3,4,5,6,7,8]]]}]}`))
	f.Add([]byte(`{"model":"m","images":[null]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		asked, err := readInference(data)
		var images []image
		if err == nil {
			images, err = asked.read([]string{"red"})
		}
		for i := range images {
			if err == nil {
				err = readPixels(images[i].pixels, images[i].order, make([]float32, images[i].count()), imageLoc(i, "pixels"))
			}
		}
		if _, ok := errors.AsType[*validation.Error](err); err != nil && !ok {
			t.Errorf("%q gives an error that cannot be reported: %v", data, err)
		}
		var plain struct {
			Model  *string
			Images []json.RawMessage
		}
		if err == nil && (json.Unmarshal(data, &plain) != nil || plain.Model == nil || *plain.Model != asked.model || len(plain.Images) != len(images)) {
			t.Errorf("%q is read as model %q and %d images", data, asked.model, len(images))
		}
	})
}

func TestBandsAreReadIntoTheOrderOfTheModel(t *testing.T) {
	band := func(value string) string {
		row := "[" + strings.TrimSuffix(strings.Repeat(value+",", 8), ",") + "]"
		return "[" + strings.TrimSuffix(strings.Repeat(row+", ", 8), ", ") + "]"
	}
	body := `{"images": [{"pixels": [` + band("3") + "," + band("1") + `], "bands": ["red", "blue"], "gsd": 1}], "model": "m"}`
	asked, err := readInference([]byte(body))
	if err != nil {
		t.Fatal(err)
	}
	images, err := asked.read([]string{"blue", "red"})
	if err != nil {
		t.Fatal(err)
	}
	values := make([]float32, images[0].count())
	if err := readPixels(images[0].pixels, images[0].order, values, nil); err != nil {
		t.Fatal(err)
	}
	for i, value := range values {
		if want := float32(1 + 2*(i/64)); value != want {
			t.Fatalf("value %d is %v, not %v", i, value, want)
		}
	}
}

func TestReadingInferenceKeepsNothingOfWhatIsTooMuch(t *testing.T) {
	for name, body := range map[string]string{
		"images":         `{"model":"m","images":[` + strings.Repeat("0,", 1<<20) + `0]}`,
		"unknown fields": `{` + strings.Repeat(`"a":0,`, 1<<20) + `"a":0}`,
		"long key":       `{"` + strings.Repeat("a", 1<<20) + `":0}`,
		"bands":          `{"model":"m","images":[{"bands":[` + strings.Repeat(`"",`, 1<<20) + `""]}]}`,
		"wavelengths":    `{"model":"m","images":[{"wavelengths":[` + strings.Repeat(`{},`, 1<<20) + `{}]}]}`,
		"image's fields": `{"model":"m","images":[{` + strings.Repeat(`"a":0,`, 1<<20) + `"a":0}]}`,
		"pixels":         `{"model":"m","images":[{"gsd":1,"bands":["red"],"pixels":[[` + strings.Repeat(`[0],`, 1<<20) + `[0]]]}]}`,
	} {
		t.Run(name, func(t *testing.T) {
			data := []byte(body)
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			err := readAll(data)
			runtime.ReadMemStats(&after)
			allocated := after.TotalAlloc - before.TotalAlloc
			invalid, ok := errors.AsType[*validation.Error](err)
			if !ok || len(invalid.Error()) > 1000 {
				t.Errorf("refused with %.2000v", err)
			}
			if allocated > 200<<10 {
				t.Errorf("%d bytes of body take %d bytes", len(data), allocated)
			}
		})
	}
}

func readAll(data []byte) error {
	asked, err := readInference(data)
	if err != nil {
		return err
	}
	images, err := asked.read([]string{"red"})
	for i := range images {
		if err == nil {
			err = readPixels(images[i].pixels, images[i].order, make([]float32, images[i].count()), imageLoc(i, "pixels"))
		}
	}
	return err
}
