package hdf5

import (
	"bytes"
	"strings"
	"unicode/utf8"
)

// foreignBytes is how much of a file is looked at to tell what it is.
const foreignBytes = 512

// What to do with a file of another kind.
const (
	adviceImage   = "cut the image into chips and write them with their labels into a training file"
	adviceArray   = "read it with the program that made it and write its chips with their labels into a training file"
	adviceUnpack  = "unpack it and give the HDF5 file that is in it"
	adviceTable   = "read it and write the chips with their labels into a training file"
	adviceArchive = adviceUnpack + "; a NumPy, Zarr or PyTorch archive has to be written as a training file first"
	adviceAgain   = "it may be a login or an error page in place of the file: download the file again"
)

// signature says what a file is by some of its bytes.
type signature struct {
	offset int
	magic  string
	name   string
	advice string
}

// signatures are those of the files that people give in place of HDF5.
var signatures = []signature{
	{0, "II*\x00", "a TIFF image", adviceImage},
	{0, "MM\x00*", "a TIFF image", adviceImage},
	{0, "II+\x00", "a BigTIFF image", adviceImage},
	{0, "MM\x00+", "a BigTIFF image", adviceImage},
	{0, "\x89PNG\r\n\x1a\n", "a PNG image", adviceImage},
	{0, "\xff\xd8\xff", "a JPEG image", adviceImage},
	{0, "GIF8", "a GIF image", adviceImage},
	{0, "\x00\x00\x00\x0cjP  ", "a JPEG 2000 image", adviceImage},
	{0, "\xff\x4f\xff\x51", "a JPEG 2000 image", adviceImage},
	{8, "WEBP", "a WebP image", adviceImage},
	{0, "CDF\x01", "a NetCDF file of the classic format", adviceArray},
	{0, "CDF\x02", "a NetCDF file of the classic format", adviceArray},
	{0, "CDF\x05", "a NetCDF file of the classic format", adviceArray},
	{0, "\x0e\x03\x13\x01", "an HDF4 file, which is not HDF5", adviceArray},
	{0, "GRIB", "a GRIB file", adviceArray},
	{0, "\x93NUMPY", "a NumPy array", adviceArray},
	{0, "MATLAB 5.0", "a MATLAB file", adviceArray},
	{0, "PAR1", "a Parquet file", adviceTable},
	{0, "SQLite format 3\x00", "an SQLite database, as a GeoPackage is", adviceTable},
	{0, "PK\x03\x04", "a ZIP archive", adviceArchive},
	{0, "PK\x05\x06", "an empty ZIP archive", adviceArchive},
	{0, "\x1f\x8b", "a gzip file", adviceUnpack},
	{0, "BZh", "a bzip2 file", adviceUnpack},
	{0, "\xfd7zXZ\x00", "an xz file", adviceUnpack},
	{0, "\x28\xb5\x2f\xfd", "a Zstandard file", adviceUnpack},
	{0, "7z\xbc\xaf\x27\x1c", "a 7-Zip archive", adviceUnpack},
	{257, "ustar", "a tar archive", adviceUnpack},
	{0, "%PDF-", "a PDF document", adviceTable},
	{0, "version https://git-lfs", "a Git LFS pointer", "it stands for a file that is stored elsewhere: fetch that with git lfs pull"},
	{0, "/annex/objects/", "a git-annex pointer", "it stands for a file that is stored elsewhere: fetch that with git annex get"},
}

// foreign says what a file is that is not HDF5, and what to do with it, as the
// end of a sentence; it is empty where neither its bytes nor its text tell.
func foreign(head []byte) string {
	for _, s := range signatures {
		if len(head) > s.offset && bytes.HasPrefix(head[s.offset:], []byte(s.magic)) {
			return s.name + "; " + s.advice
		}
	}
	if len(bytes.Trim(head, "\x00")) == 0 {
		return "bytes that are 0, as an upload leaves that was cut off; copy or upload the file again"
	}
	return foreignText(head)
}

// foreignText does the same for text.
func foreignText(head []byte) string {
	text := strings.TrimPrefix(string(head), "\ufeff")
	if !isText(text) {
		return ""
	}
	text = strings.ToLower(strings.TrimSpace(text))
	switch {
	case strings.HasPrefix(text, "<!doctype html"), strings.HasPrefix(text, "<html"):
		return "an HTML page; " + adviceAgain
	case strings.HasPrefix(text, "<"):
		return "an XML document; " + adviceAgain
	case strings.HasPrefix(text, "{"), strings.HasPrefix(text, "["):
		return "a JSON document; " + adviceTable
	}
	line, _, _ := strings.Cut(text, "\n")
	if strings.ContainsAny(line, ",;\t") {
		return "a table of text, such as CSV; " + adviceTable
	}
	return "a text; " + adviceTable
}

// isText reports whether the beginning of a file is UTF-8 without control characters.
func isText(head string) bool {
	for head != "" {
		r, size := utf8.DecodeRuneInString(head)
		if r == utf8.RuneError && size == 1 {
			return len(head) < utf8.UTFMax // A character that the end of head cut.
		}
		if r < ' ' && r != '\n' && r != '\r' && r != '\t' {
			return false
		}
		head = head[size:]
	}
	return true
}
