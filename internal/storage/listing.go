package storage

import (
	"context"
	"regexp"
	"slices"
	"strings"
	"time"

	"gocloud.dev/blob"
	"golang.org/x/sync/errgroup"
)

// describers is how many notes on files a listing reads at a time.
const describers = 8

// temporary is how a file:// bucket names what is still being written.
var temporary = regexp.MustCompile(`\.[0-9a-f]{12,16}\.tmp$`)

// stored is a file in the bucket, as listings tell of it.
type stored struct {
	id      string
	bytes   int64
	changed time.Time
}

// Files lists what is known of files in the order of their IDs: those behind the ID after, at most limit of them. More
// tells whether others follow.
func (s *Store) Files(ctx context.Context, after string, limit int) (files []FileInfo, more bool, err error) {
	all, err := s.listFiles(ctx)
	if err != nil {
		return nil, false, err
	}
	all = slices.DeleteFunc(all, func(f stored) bool { return f.id <= after })
	if more = len(all) > limit; more {
		all = all[:limit]
	}
	files = make([]FileInfo, len(all))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(describers)
	for i, file := range all {
		group.Go(func() error {
			info, err := s.describe(ctx, file)
			files[i] = info
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return nil, false, err
	}
	return files, more, nil
}

// listFiles lists the files in the order of their IDs, without the notes on them and without what is being written.
func (s *Store) listFiles(ctx context.Context) ([]stored, error) {
	const prefix = filesFolder + "/"
	var all []stored
	ids := map[string]bool{}
	err := s.list(ctx, prefix, func(object *blob.ListObject) error {
		id := strings.TrimPrefix(object.Key, prefix)
		if CheckName(id) == nil && !temporary.MatchString(id) {
			all = append(all, stored{id: id, bytes: object.Size, changed: object.ModTime})
			ids[id] = true
		}
		return nil
	})
	isNote := func(f stored) bool {
		id, ok := strings.CutSuffix(f.id, infoSuffix)
		return ok && ids[id]
	}
	return slices.DeleteFunc(all, isNote), err
}

// ModelIDs lists the models that exist, in the order of their IDs.
func (s *Store) ModelIDs(ctx context.Context) ([]string, error) {
	var ids []string
	err := s.list(ctx, modelsFolder+"/", func(object *blob.ListObject) error {
		rest := strings.TrimPrefix(object.Key, modelsFolder+"/")
		if id, part, _ := strings.Cut(rest, "/"); part == ManifestName {
			ids = append(ids, id)
		}
		return nil
	})
	return ids, err
}

// ModelParts lists the parts of a model, by name in ascending order, with its manifest.
func (s *Store) ModelParts(ctx context.Context, id string) ([]Object, error) {
	prefix, err := key(modelsFolder, id)
	if err != nil {
		return nil, err
	}
	var parts []Object
	err = s.list(ctx, prefix+"/", func(object *blob.ListObject) error {
		if name := strings.TrimPrefix(object.Key, prefix+"/"); CheckName(name) == nil && !temporary.MatchString(name) {
			parts = append(parts, Object{Key: name, Bytes: object.Size})
		}
		return nil
	})
	return parts, err
}
