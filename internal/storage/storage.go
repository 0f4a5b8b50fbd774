// Package storage keeps files, models, checkpoints and results in a bucket of
// gocloud.dev/blob: s3://, gs://, azblob:// or file:// on a volume.
//
// Below the bucket each namespace has a prefix of its own, and below it:
//
//	files/<id>              a file, whole or not there at all
//	files/<id>.json         what is known of it (FileInfo), written after it
//	models/<id>/<part>      the parts of a model
//	models/<id>/model.json  its manifest, written last: with it the model exists
//	jobs/<id>/<name>        checkpoints and whatever else a job needs meanwhile
//	janitor.json            what the janitor has seen that nothing refers to
package storage

import (
	"context"
	"fmt"
	"net/url"
	"strings"

	"gocloud.dev/blob"
)

// Store is one namespace's part of a bucket. It is safe for concurrent use.
type Store struct {
	bucket *blob.Bucket
	// bucketName and prefix are where in the bucket's service the keys are.
	bucketName, prefix string
	// root is the bucket and prefix, for messages; it never holds credentials.
	root string
}

// Open opens the part of the bucket at bucketURL that is below prefix, which is
// usually the name of a namespace. Credentials come from the environment, as
// the bucket's own SDK reads them.
func Open(ctx context.Context, bucketURL, prefix string) (*Store, error) {
	parsed, err := url.Parse(bucketURL)
	if err != nil || parsed.Scheme == "" {
		return nil, fmt.Errorf("%w: %q is not a bucket URL such as s3://bucket?region=eu-central-1 or file:///swath/storage", ErrConfiguration, bucketURL)
	}
	if prefix == "" || strings.Contains(prefix, "..") || strings.HasPrefix(prefix, "/") {
		return nil, fmt.Errorf("%w: %q is not a prefix in the bucket", ErrConfiguration, prefix)
	}
	root := parsed.Scheme + "://" + parsed.Host + parsed.Path + "/" + prefix
	bucket, err := blob.OpenBucket(ctx, withDefaults(parsed))
	if err != nil {
		return nil, classify(fmt.Errorf("opening storage at %s: %w", root, err))
	}
	below := strings.TrimSuffix(prefix, "/") + "/"
	return &Store{bucket: blob.PrefixedBucket(bucket, below), bucketName: parsed.Host, prefix: below, root: root}, nil
}

// withDefaults adds what file:// buckets need: temporary files beside the final
// ones, since a rename across volumes is none, and no sidecar files.
func withDefaults(parsed *url.URL) string {
	if parsed.Scheme != "file" {
		return parsed.String()
	}
	query := parsed.Query()
	query.Set("no_tmp_dir", "true")
	query.Set("metadata", "skip")
	withQuery := *parsed
	withQuery.RawQuery = query.Encode()
	return withQuery.String()
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
