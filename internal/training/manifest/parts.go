package manifest

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"hash"
	"io"
)

// FileName is the name of the manifest among the parts of a model.
const FileName = "model.json"

// DamagedError means that something stored is not what training stored.
type DamagedError struct {
	// What names it, such as model.onnx.
	What string
	// Problem says what is wrong with it.
	Problem string
}

// Error says what is wrong.
func (e *DamagedError) Error() string { return e.What + " is damaged: " + e.Problem }

// Parts reads which parts the bytes of a model.json list, by their names. It reads nothing else, so that it also reads
// manifests of other trainers and of other versions; those may list none.
func Parts(data []byte) (map[string]Part, error) {
	var listed struct {
		Parts partList `json:"parts"`
	}
	if err := json.Unmarshal(data, &listed); err != nil {
		return nil, &DamagedError{What: FileName, Problem: err.Error()}
	}
	return listed.Parts, nil
}

// maxListed is how many parts a manifest may list. Those of Swath have ten.
const maxListed = 256

// partList is a list of parts by their names, read one by one: others may have written it, and it may have any length.
type partList map[string]Part

// UnmarshalJSON implements json.Unmarshaler.
func (l *partList) UnmarshalJSON(data []byte) error {
	*l = partList{}
	decoder := json.NewDecoder(bytes.NewReader(data))
	if start, err := decoder.Token(); err != nil || start != json.Delim('[') {
		return err // No list has no parts.
	}
	for n := 0; decoder.More(); n++ {
		if n == maxListed {
			return fmt.Errorf("it lists more than %d parts", maxListed)
		}
		var part Part
		if err := decoder.Decode(&part); err != nil {
			return err
		}
		(*l)[part.Name] = part
	}
	return nil
}

// CheckManifest reports whether the bytes of a model.json are those with that SHA-256 (hexadecimal). An empty one is not
// known: models of jobs that ended before it was recorded have none.
func CheckManifest(data []byte, sha256 string) error {
	c := Part{Name: FileName, Bytes: len(data), SHA256: sha256}.Checker()
	_, _ = c.Write(data) // A hash never fails.
	return c.Check()
}

// Checker compares what is written to it with a part.
type Checker struct {
	part Part
	hash hash.Hash
	n    int64
}

// Checker returns what the content of the part is to be written to.
func (p Part) Checker() *Checker { return &Checker{part: p, hash: sha256.New()} }

// Write implements io.Writer.
func (c *Checker) Write(data []byte) (int, error) {
	c.n += int64(len(data))
	return c.hash.Write(data)
}

// Check returns a *DamagedError unless exactly the part was written.
func (c *Checker) Check() error {
	if c.n != int64(c.part.Bytes) {
		return &DamagedError{What: c.part.Name, Problem: fmt.Sprintf("it has %d bytes and should have %d", c.n, c.part.Bytes)}
	}
	if found := hex.EncodeToString(c.hash.Sum(nil)); c.part.SHA256 != "" && found != c.part.SHA256 {
		return &DamagedError{What: c.part.Name, Problem: fmt.Sprintf("its SHA-256 is %s and should be %s", found, c.part.SHA256)}
	}
	return nil
}

// CheckPart reads a part to its end and checks it.
func CheckPart(part Part, content io.Reader) error {
	c := part.Checker()
	if _, err := io.Copy(c, content); err != nil {
		return fmt.Errorf("reading %s: %w", part.Name, err)
	}
	return c.Check()
}
