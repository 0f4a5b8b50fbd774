package storage

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"gocloud.dev/blob"
)

// partsPrefix begins the name of a folder that holds the parts of one manifest.
const partsPrefix = "parts-"

// listedPart is a part as a manifest lists it.
type listedPart struct {
	Name   string `json:"name"`
	SHA256 string `json:"sha256"`
}

// folderOf is the folder of the parts that a manifest lists. It is empty for a
// manifest that lists none: its parts are beside it, as those of all models once were.
func folderOf(manifest []byte) string {
	var listed struct {
		Parts []listedPart `json:"parts"`
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
	manifest, err := s.ModelManifest(ctx, id)
	if err != nil {
		return nil, err
	}
	if folder := folderOf(manifest); folder != "" {
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

// ModelParts lists the parts of a model, by name in ascending order, with its manifest.
func (s *Store) ModelParts(ctx context.Context, id string) ([]Object, error) {
	m, err := s.listModel(ctx, id)
	if err != nil {
		return nil, err
	}
	parts := append(m.parts, Object{Key: ManifestName, Bytes: m.manifest.Size})
	slices.SortFunc(parts, func(a, b Object) int { return strings.Compare(a.Key, b.Key) })
	return parts, nil
}

// storedModel is what is stored of a model that exists.
type storedModel struct {
	manifest *blob.ListObject
	// parts are those of its manifest, by name; strays are the keys of all others.
	parts  []Object
	strays []string
}

// listModel lists a model. The error is ErrNotFound for one without a manifest.
func (s *Store) listModel(ctx context.Context, id string) (storedModel, error) {
	var m storedModel
	prefix, err := key(modelsFolder, id)
	if err != nil {
		return m, err
	}
	found := map[string][]Object{}
	err = s.list(ctx, below(prefix+"/"), func(object *blob.ListObject) error {
		folder, name, nested := strings.Cut(strings.TrimPrefix(object.Key, prefix+"/"), "/")
		if !nested {
			folder, name = "", folder
		}
		switch {
		case folder == "" && name == ManifestName:
			m.manifest = object
		case isName(name) && !temporary.MatchString(name):
			found[folder] = append(found[folder], Object{Key: name, Bytes: object.Size})
		}
		return nil
	})
	if err == nil && m.manifest == nil {
		err = fmt.Errorf("reading %s: %w", s.Location(prefix+"/"+ManifestName), ErrNotFound)
	}
	if err != nil || len(found) == 0 {
		return m, err
	}
	manifest, err := s.ModelManifest(ctx, id)
	if err != nil {
		return m, err
	}
	folder := folderOf(manifest)
	if len(found[folder]) == 0 {
		folder = ""
	}
	m.parts = found[folder]
	delete(found, folder)
	for folder, objects := range found {
		for _, object := range objects {
			m.strays = append(m.strays, strings.TrimSuffix(prefix+"/"+folder, "/")+"/"+object.Key)
		}
	}
	return m, nil
}

// DeleteStrayParts deletes what is stored of a model that exists and does not
// belong to it: parts of a commit that another one came before.
func (s *Store) DeleteStrayParts(ctx context.Context, id string) error {
	m, err := s.listModel(ctx, id)
	if err != nil {
		return err
	}
	for _, stray := range m.strays {
		if err := s.remove(ctx, stray); err != nil {
			return err
		}
	}
	return nil
}
