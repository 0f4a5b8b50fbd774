package storage

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"gocloud.dev/blob"
)

// marksKey is where the janitor keeps what it has seen.
const marksKey = "janitor.json"

// JobFolder is what is stored for a job.
type JobFolder struct {
	ID    string
	Bytes int64
	// Changed is when its newest object was written.
	Changed time.Time
}

// JobFolders lists the jobs that something is stored for, by ID in ascending order.
func (s *Store) JobFolders(ctx context.Context) ([]JobFolder, error) {
	var folders []JobFolder
	err := s.list(ctx, jobsFolder+"/", func(object *blob.ListObject) error {
		id, _, _ := strings.Cut(strings.TrimPrefix(object.Key, jobsFolder+"/"), "/")
		if len(folders) == 0 || folders[len(folders)-1].ID != id {
			folders = append(folders, JobFolder{ID: id})
		}
		folder := &folders[len(folders)-1]
		folder.Bytes += object.Size
		if object.ModTime.After(folder.Changed) {
			folder.Changed = object.ModTime
		}
		return nil
	})
	return folders, err
}

// CutOff lists what was being written and has not been touched since before: temporary files of a volume, and multipart
// uploads to S3. The other kinds of buckets drop such things by themselves.
func (s *Store) CutOff(ctx context.Context, before time.Time) ([]string, error) {
	var keys []string
	for _, folder := range []string{filesFolder, modelsFolder, jobsFolder} {
		err := s.list(ctx, folder+"/", func(object *blob.ListObject) error {
			if temporary.MatchString(object.Key) && object.ModTime.Before(before) {
				keys = append(keys, object.Key)
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	err := s.eachUpload(ctx, before, func(_ *s3.Client, key, _ string) error {
		keys = append(keys, key)
		return nil
	})
	return keys, err
}

// RemoveCutOff removes what CutOff lists.
func (s *Store) RemoveCutOff(ctx context.Context, before time.Time) error {
	keys, err := s.CutOff(ctx, before)
	if err != nil {
		return err
	}
	for _, k := range keys {
		if temporary.MatchString(k) {
			if err := s.remove(ctx, k); err != nil {
				return err
			}
		}
	}
	return s.eachUpload(ctx, before, func(client *s3.Client, k, upload string) error {
		_, err := client.AbortMultipartUpload(ctx, &s3.AbortMultipartUploadInput{
			Bucket: aws.String(s.bucketName), Key: aws.String(s.prefix + k), UploadId: aws.String(upload),
		})
		if err != nil {
			return classify(fmt.Errorf("ending the upload of %s: %w", s.Location(k), err))
		}
		return nil
	})
}

// eachUpload visits the multipart uploads to S3 that were begun before a time.
func (s *Store) eachUpload(ctx context.Context, before time.Time, visit func(client *s3.Client, key, upload string) error) error {
	var client *s3.Client
	if !s.bucket.As(&client) {
		return nil
	}
	uploads := s3.NewListMultipartUploadsPaginator(client, &s3.ListMultipartUploadsInput{Bucket: aws.String(s.bucketName), Prefix: aws.String(s.prefix)})
	for uploads.HasMorePages() {
		page, err := uploads.NextPage(ctx)
		if err != nil {
			return classify(fmt.Errorf("listing uploads below %s: %w", s.root, err))
		}
		for _, upload := range page.Uploads {
			if !aws.ToTime(upload.Initiated).Before(before) {
				continue
			}
			if err := visit(client, strings.TrimPrefix(aws.ToString(upload.Key), s.prefix), aws.ToString(upload.UploadId)); err != nil {
				return err
			}
		}
	}
	return nil
}

// JanitorMarks is what the janitor wrote last; nil where it has not yet.
func (s *Store) JanitorMarks(ctx context.Context) ([]byte, error) {
	data, err := s.read(ctx, marksKey)
	if errors.Is(err, ErrNotFound) {
		return nil, nil
	}
	return data, err
}

// PutJanitorMarks keeps what the janitor has seen.
func (s *Store) PutJanitorMarks(ctx context.Context, data []byte) error {
	_, err := s.put(ctx, marksKey, strings.NewReader(string(data)), jsonOptions())
	return err
}
