package storage

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"gocloud.dev/blob"
)

// partsPrefix begins the name of a folder that holds the parts of one manifest.
const partsPrefix = "parts-"

// listedPart is a part as a manifest lists it.
type listedPart struct {
	Name   string `json:"name"`
	SHA256 string `json:"sha256"`
}

// listedParts are the parts that a manifest lists. Others may have written it: it lists no more than a model can have.
type listedParts []listedPart

// UnmarshalJSON reads one part after the other, and is an error for too many of them.
func (l *listedParts) UnmarshalJSON(data []byte) error {
	*l = nil
	if string(data) == "null" {
		return nil
	}
	decoder := json.NewDecoder(bytes.NewReader(data))
	if start, err := decoder.Token(); err != nil || start != json.Delim('[') {
		return errors.New("the parts of a model are no list")
	}
	for decoder.More() {
		if len(*l) == maxParts {
			return ErrTooManyParts
		}
		var part listedPart
		if err := decoder.Decode(&part); err != nil {
			return err
		}
		*l = append(*l, part)
	}
	return nil
}

// folderOf is the folder of the parts that a manifest lists. It is empty for a
// manifest that lists none: its parts are beside it, as those of all models once were.
func folderOf(manifest []byte) string {
	var listed struct {
		Parts listedParts `json:"parts"`
	}
	if json.Unmarshal(manifest, &listed) != nil || len(listed.Parts) == 0 {
		return ""
	}
	return nameOf(listed.Parts)
}

// folderFor is the folder to store parts in for a manifest, which must list
// exactly these parts, or none.
func folderFor(parts []Part, manifest []byte) (string, error) {
	folder := folderOf(manifest)
	if folder == "" {
		return "", nil
	}
	given := make([]listedPart, len(parts))
	for i, part := range parts {
		given[i] = listedPart{Name: part.Name, SHA256: DigestOf(part.Content).SHA256}
	}
	if nameOf(given) != folder {
		return "", fmt.Errorf("%w: its manifest lists other parts than it has", ErrConfiguration)
	}
	return folder, nil
}

// nameOf is the name of the folder for parts: equal for equal names and contents only.
func nameOf(parts []listedPart) string {
	lines := make([]string, len(parts))
	for i, part := range parts {
		lines[i] = part.SHA256 + "  " + part.Name + "\n"
	}
	slices.Sort(lines)
	sum := sha256.Sum256([]byte(strings.Join(lines, "")))
	return partsPrefix + hex.EncodeToString(sum[:])[:16]
}

func partKey(id, folder, part string) (string, error) {
	if folder == "" {
		return key(modelsFolder, id, part)
	}
	return key(modelsFolder, id, folder, part)
}

// OpenModelPart reads a part of a model. The caller closes the reader.
func (s *Store) OpenModelPart(ctx context.Context, id, part string) (*Reader, error) {
	return s.OpenModelPartRange(ctx, id, part, 0, -1)
}

// OpenModelPartRange is OpenModelPart from offset on; length -1 reads to the end.
func (s *Store) OpenModelPartRange(ctx context.Context, id, part string, offset, length int64) (*Reader, error) {
	beside, err := key(modelsFolder, id, part)
	if err != nil {
		return nil, err
	}
	if part == ManifestName {
		return s.open(ctx, beside, offset, length)
	}
	folder := ""
	err = s.WithManifest(ctx, id, func(manifest []byte) error {
		folder = folderOf(manifest)
		return nil
	})
	if err != nil {
		return nil, err
	}
	if folder != "" {
		k, err := partKey(id, folder, part)
		if err != nil {
			return nil, err
		}
		reader, err := s.open(ctx, k, offset, length)
		if !errors.Is(err, ErrNotFound) {
			return reader, err
		}
	}
	return s.open(ctx, beside, offset, length)
}

// maxParts is how many parts of a model are looked at. Those of Swath have ten; others may put more there.
const maxParts = 256

// ErrTooManyParts says that a model has parts that are none of Swath's.
var ErrTooManyParts = fmt.Errorf("the model has more than %d parts", maxParts)

// ModelParts lists the parts of a model, by name in ascending order, with its manifest. More than Swath can have made are
// ErrTooManyParts.
func (s *Store) ModelParts(ctx context.Context, id string) ([]Object, error) {
	m, err := s.listModel(ctx, id)
	if err != nil {
		return nil, err
	}
	m.parts = append(m.parts, Object{Key: ManifestName, Bytes: m.manifestBytes, Changed: m.createdAt})
	slices.SortFunc(m.parts, func(a, b Object) int { return strings.Compare(a.Key, b.Key) })
	return m.parts, nil
}

// storedModel is what is stored of a model that exists: its manifest, and the parts of it by name, which are in folder.
type storedModel struct {
	manifestBytes int64
	createdAt     time.Time
	parts         []Object
	folder        string
}

// listModel lists a model. The error is ErrNotFound for one without a manifest, and ErrTooManyParts for one of whose parts
// only the first are listed.
func (s *Store) listModel(ctx context.Context, id string) (storedModel, error) {
	var m storedModel
	prefix, err := key(modelsFolder, id)
	if err != nil {
		return m, err
	}
	err = s.withManifest(ctx, id, func(manifest []byte, createdAt time.Time) error {
		m.manifestBytes, m.createdAt, m.folder = int64(len(manifest)), createdAt, folderOf(manifest)
		return nil
	})
	if err != nil {
		return m, err
	}
	if m.folder != "" {
		m.parts, err = s.listParts(ctx, prefix+"/"+m.folder+"/")
	}
	if len(m.parts) == 0 && err == nil {
		m.folder = ""
		m.parts, err = s.listParts(ctx, prefix+"/")
	}
	return m, err
}

// listParts lists the parts in a folder. Where there are more entries than a model can have, it lists the first and returns
// ErrTooManyParts.
func (s *Store) listParts(ctx context.Context, folder string) (parts []Object, err error) {
	entries := 0
	err = s.list(ctx, &blob.ListOptions{Prefix: folder, Delimiter: "/"}, func(object *blob.ListObject) error {
		if entries++; entries > maxParts {
			return ErrTooManyParts
		}
		name := strings.TrimPrefix(object.Key, folder)
		if !object.IsDir && name != ManifestName && isName(name) && !temporary.MatchString(name) {
			parts = append(parts, Object{Key: name, Bytes: object.Size, Changed: object.ModTime})
		}
		return nil
	})
	return parts, err
}

// DeleteStrayParts deletes what is stored of a model that exists and does not
// belong to it: parts of a commit that another one came before.
func (s *Store) DeleteStrayParts(ctx context.Context, id string) error {
	m, err := s.listModel(ctx, id)
	if err != nil && !errors.Is(err, ErrTooManyParts) { // Its own folder is known all the same.
		return err
	}
	prefix, err := key(modelsFolder, id)
	if err != nil {
		return err
	}
	var strays []string
	err = s.list(ctx, below(prefix+"/"), func(object *blob.ListObject) error {
		folder, name, nested := strings.Cut(strings.TrimPrefix(object.Key, prefix+"/"), "/")
		if !nested {
			folder, name = "", folder
		}
		if folder == m.folder || folder == "" && name == ManifestName || !isName(name) || temporary.MatchString(name) {
			return nil
		}
		if len(strays) == maxLeftovers {
			return errEnough
		}
		strays = append(strays, object.Key)
		return nil
	})
	if err != nil {
		return err
	}
	for _, stray := range strays {
		if err := s.remove(ctx, stray); err != nil {
			return err
		}
	}
	return nil
}
