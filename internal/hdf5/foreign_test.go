package hdf5

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestAFileThatIsNotHDF5IsNamedForWhatItIs: the sentence says what the file is
// and what to do with it.
func TestAFileThatIsNotHDF5IsNamedForWhatItIs(t *testing.T) {
	png, err := os.ReadFile(filepath.Join("../../test/testdata/cases", "png_named.h5"))
	if err != nil {
		t.Fatal(err)
	}
	tar := make([]byte, 512)
	copy(tar[257:], "ustar\x0000")
	for name, c := range map[string]struct{ content, is, do string }{
		"GeoTIFF":              {"II*\x00\x08\x00\x00\x00", "a TIFF image", "cut the image into chips"},
		"big-endian TIFF":      {"MM\x00*\x00\x00\x00\x08", "a TIFF image", "cut the image into chips"},
		"BigTIFF":              {"II+\x00\x08\x00", "a BigTIFF image", "cut the image into chips"},
		"PNG":                  {string(png), "a PNG image", "cut the image into chips"},
		"JPEG":                 {"\xff\xd8\xff\xe0\x00\x10JFIF", "a JPEG image", "cut the image into chips"},
		"JPEG 2000":            {"\x00\x00\x00\x0cjP  \r\n\x87\n", "a JPEG 2000 image", "cut the image into chips"},
		"ZIP":                  {"PK\x03\x04\x14\x00", "a ZIP archive", "unpack it"},
		"gzip":                 {"\x1f\x8b\x08\x00\x00", "a gzip file", "unpack it"},
		"tar":                  {string(tar), "a tar archive", "unpack it"},
		"NetCDF classic":       {"CDF\x01\x00\x00", "a NetCDF file of the classic format", "write its chips"},
		"NetCDF 64-bit":        {"CDF\x02\x00\x00", "a NetCDF file of the classic format", "write its chips"},
		"NumPy":                {"\x93NUMPY\x01\x00v\x00", "a NumPy array", "write its chips"},
		"CSV":                  {"label,red,green\n1,20,30\n", "a table of text, such as CSV", "write the chips"},
		"CSV with a BOM":       {"\ufefflabel;red\n1;20\n", "a table of text, such as CSV", "write the chips"},
		"Git LFS":              {"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n", "a Git LFS pointer", "git lfs pull"},
		"HTML":                 {"\n<!DOCTYPE html>\n<html><head>", "an HTML page", "download the file again"},
		"an error of a bucket": {"<?xml version=\"1.0\"?><Error><Code>AccessDenied</Code>", "an XML document", "download the file again"},
		"GeoJSON":              {`{"type": "FeatureCollection"`, "a JSON document", "write the chips"},
		"zeros":                {strings.Repeat("\x00", 4096), "bytes that are 0", "upload the file again"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Open(bytes.NewReader([]byte(c.content)), int64(len(c.content)), "scene.h5", "data")
			var fault *Error
			if !errors.As(err, &fault) {
				t.Fatalf("the error is %v, not an Error", err)
			}
			if want := "scene.h5: this is not an HDF5 file but " + c.is; !strings.HasPrefix(err.Error(), want) || !strings.Contains(err.Error(), c.do) {
				t.Errorf("it says %q, not %q and %q", err, want, c.do)
			}
		})
	}
}

// TestWhatCannotBeToldIsOnlySaidNotToBeHDF5: nothing is made up.
func TestWhatCannotBeToldIsOnlySaidNotToBeHDF5(t *testing.T) {
	content := bytes.Repeat([]byte{0x9b, 0x01, 0xc3, 0x07}, 300)
	_, err := Open(bytes.NewReader(content), int64(len(content)), "scene.h5", "data")
	if err == nil || !strings.Contains(err.Error(), "this is not an HDF5 file: the signature") {
		t.Errorf("the error is %v", err)
	}
}
