// Package storage keeps files, models, checkpoints and results in a bucket of
// gocloud.dev/blob: s3://, gs://, azblob:// or file:// on a volume.
//
// Below the bucket each namespace has a prefix of its own, and below it:
//
//	files/<id>              a file, whole or not there at all
//	notes/<id>.json         what is known of it (FileInfo), written just before it is there
//	models/<id>/model.json  the manifest of a model, written last: with it the model exists
//	models/<id>/parts-<digest>/<part>
//	                        its parts, below a folder named after their list in the manifest
//	catalog/<id>.json       that the job of a model has succeeded (CatalogEntry); it outlives the job
//	jobs/<id>/<name>        checkpoints and whatever else a job needs meanwhile
//	namespace.json          the UID of the namespace that all of it belongs to
//	janitor.json            whose janitor cleans here, and what it has seen that nothing refers to
package storage

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"path/filepath"
	"strings"
	"time"

	"gocloud.dev/blob"
	"golang.org/x/sync/semaphore"

	"github.com/swath-dev/swath/internal/storage/volume"
)

// Store is one namespace's part of a bucket. It is safe for concurrent use.
type Store struct {
	bucket *blob.Bucket
	// bucketName and prefix are where in the bucket's service the keys are.
	bucketName, prefix string
	// root is the bucket and prefix, for messages; it never holds credentials.
	root string
	// patience is for how long storage may leave one step without an answer.
	patience time.Duration
	// manifests are the bytes of manifests that the store may have in memory.
	manifests *semaphore.Weighted
}

// An Option changes how a Store works.
type Option func(*Store)

// WithPatience sets for how long storage may leave one step without an answer
// before it counts as unavailable: DefaultPatience for other values than
// positive ones.
func WithPatience(patience time.Duration) Option {
	return func(s *Store) {
		if patience > 0 {
			s.patience = patience
		}
	}
}

// Open opens the part of the bucket at bucketURL that is below prefix, which is
// usually the name of a namespace. Credentials come from the environment, as
// the bucket's own SDK reads them.
func Open(ctx context.Context, bucketURL, prefix string, options ...Option) (*Store, error) {
	if prefix == "" || strings.Contains(prefix, "..") || strings.HasPrefix(prefix, "/") {
		return nil, fmt.Errorf("%w: %q is not a prefix in the bucket", ErrConfiguration, prefix)
	}
	bucket, parsed, err := openBucket(ctx, bucketURL)
	if err != nil {
		return nil, err
	}
	below := strings.TrimSuffix(prefix, "/") + "/"
	s := &Store{
		bucket: blob.PrefixedBucket(bucket, below), bucketName: parsed.Host, prefix: below,
		root: withoutQuery(parsed) + "/" + prefix, patience: DefaultPatience, manifests: semaphore.NewWeighted(manifestsNamespace),
	}
	for _, option := range options {
		option(s)
	}
	return s, nil
}

// openBucket opens the whole bucket at a URL.
func openBucket(ctx context.Context, bucketURL string) (*blob.Bucket, *url.URL, error) {
	parsed, err := url.Parse(bucketURL)
	if err != nil || parsed.Scheme == "" {
		return nil, nil, fmt.Errorf("%w: %q is not a bucket URL such as s3://bucket?region=eu-central-1 or file:///swath/storage", ErrConfiguration, bucketURL)
	}
	var bucket *blob.Bucket
	if parsed.Scheme == "file" {
		bucket, err = openVolume(parsed)
	} else {
		bucket, err = blob.OpenBucket(ctx, bucketURL)
	}
	if err == nil {
		return bucket, parsed, nil
	}
	err = classify(fmt.Errorf("opening storage at %s: %w", withoutQuery(parsed), err))
	if errors.Is(err, ErrNotFound) {
		err = fmt.Errorf("%w: %w", ErrConfiguration, err)
	}
	return nil, nil, err
}

// openVolume opens the folder that a file:// URL names; with the host "." its
// path is relative.
func openVolume(parsed *url.URL) (*blob.Bucket, error) {
	for name := range parsed.Query() {
		if name == "no_tmp_dir" || name == "metadata" {
			continue // What they ask of gocloud.dev's own driver holds here always.
		}
		return nil, fmt.Errorf("%w: a file:// URL takes no parameter, and this one has %q", ErrConfiguration, name)
	}
	path := parsed.Path
	if parsed.Host == "." {
		path = strings.TrimPrefix(path, "/")
	}
	return volume.Open(filepath.FromSlash(path))
}

func withoutQuery(parsed *url.URL) string {
	return parsed.Scheme + "://" + parsed.Host + parsed.Path
}

// Close releases the bucket's connections.
func (s *Store) Close() error {
	return s.bucket.Close()
}

// hasNoBucket tells whether it is certain that the bucket itself does not exist: S3's answer on the attributes of an object
// is the same then as for an object that is not there.
func (s *Store) hasNoBucket(ctx context.Context) bool {
	accessible, err := s.bucket.IsAccessible(ctx)
	return err == nil && !accessible
}

// Location is where a key is, for messages: bucket, prefix and key.
func (s *Store) Location(key string) string {
	return s.root + "/" + key
}
