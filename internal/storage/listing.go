package storage

import (
	"context"
	"regexp"
	"strings"
	"time"

	gcs "cloud.google.com/go/storage"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"gocloud.dev/blob"
	"golang.org/x/sync/errgroup"

	"github.com/swath-dev/swath/internal/storage/volume"
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
	var page []stored
	err = s.listFiles(ctx, after, func(file stored) error {
		if more = len(page) == limit; more {
			return errEnough
		}
		page = append(page, file)
		return nil
	})
	if err != nil {
		return nil, false, err
	}
	files = make([]FileInfo, len(page))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(describers)
	for i, file := range page {
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

// listFiles visits the files behind the ID after in the order of their IDs, without what is being written.
func (s *Store) listFiles(ctx context.Context, after string, visit func(stored) error) error {
	const prefix = filesFolder + "/"
	options := &blob.ListOptions{Prefix: prefix, Delimiter: "/"}
	if after != "" {
		options.BeforeList = s.startAfter(prefix + after)
	}
	return s.list(ctx, options, func(object *blob.ListObject) error {
		id := strings.TrimPrefix(object.Key, prefix)
		if object.IsDir || id <= after || !isName(id) || temporary.MatchString(id) {
			return nil
		}
		return visit(stored{id: id, bytes: object.Size, changed: object.ModTime})
	})
}

// startAfter has a list begin behind a key, where the bucket can: in the others what is before it is passed over.
func (s *Store) startAfter(key string) func(func(any) bool) error {
	return func(as func(any) bool) error {
		var onS3 *s3.ListObjectsV2Input
		var onGCS *gcs.Query
		var onVolume *volume.Query
		switch {
		case as(&onS3):
			onS3.StartAfter = aws.String(s.prefix + key)
		case as(&onGCS):
			onGCS.StartOffset = s.prefix + key
		case as(&onVolume):
			onVolume.StartAfter = s.prefix + key
		}
		return nil
	}
}

// ModelIDs lists the models that exist, in the order of their IDs.
func (s *Store) ModelIDs(ctx context.Context) ([]string, error) {
	var ids []string
	err := s.list(ctx, below(modelsFolder+"/"), func(object *blob.ListObject) error {
		rest := strings.TrimPrefix(object.Key, modelsFolder+"/")
		if id, part, _ := strings.Cut(rest, "/"); part == ManifestName {
			ids = append(ids, id)
		}
		return nil
	})
	return ids, err
}
