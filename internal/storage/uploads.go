package storage

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
)

// multipart is a multipart upload to S3 that has not ended.
type multipart struct{ key, id string }

// cutOffUploads are the multipart uploads to S3 to which nothing came since before: the newest part counts, since a large file
// may be on its way for days.
func (s *Store) cutOffUploads(ctx context.Context, before time.Time) ([]multipart, error) {
	var client *s3.Client
	if !s.bucket.As(&client) {
		return nil, nil
	}
	var old []multipart
	pages := s3.NewListMultipartUploadsPaginator(client, &s3.ListMultipartUploadsInput{Bucket: aws.String(s.bucketName), Prefix: aws.String(s.prefix)})
	for pages.HasMorePages() {
		var page *s3.ListMultipartUploadsOutput
		err := s.call(ctx, func(ctx context.Context) (err error) {
			page, err = pages.NextPage(ctx)
			return err
		})
		if err != nil {
			return nil, classify(fmt.Errorf("listing uploads below %s: %w", s.root, err))
		}
		for _, upload := range page.Uploads {
			key := strings.TrimPrefix(aws.ToString(upload.Key), s.prefix)
			if !isOurs(key) || !aws.ToTime(upload.Initiated).Before(before) {
				continue
			}
			newest, err := s.newestPart(ctx, client, upload)
			if err != nil {
				return nil, err
			}
			if newest.Before(before) {
				old = append(old, multipart{key: key, id: aws.ToString(upload.UploadId)})
			}
		}
	}
	return old, nil
}

// isOurs tells whether a key is in one of the folders of this package: others may share the bucket.
func isOurs(key string) bool {
	folder, _, ok := strings.Cut(key, "/")
	return ok && slices.Contains([]string{filesFolder, notesFolder, modelsFolder, jobsFolder, catalogFolder}, folder)
}

// newestPart is when the last part of an upload came; an upload that has ended meanwhile counts as going on.
func (s *Store) newestPart(ctx context.Context, client *s3.Client, upload types.MultipartUpload) (time.Time, error) {
	newest := aws.ToTime(upload.Initiated)
	pages := s3.NewListPartsPaginator(client, &s3.ListPartsInput{Bucket: aws.String(s.bucketName), Key: upload.Key, UploadId: upload.UploadId})
	for pages.HasMorePages() {
		var page *s3.ListPartsOutput
		err := s.call(ctx, func(ctx context.Context) (err error) {
			page, err = pages.NextPage(ctx)
			return err
		})
		if _, ended := errors.AsType[*types.NoSuchUpload](err); ended {
			return time.Now(), nil
		}
		if err != nil {
			return newest, classify(fmt.Errorf("listing the parts of the upload of %s: %w", aws.ToString(upload.Key), err))
		}
		for _, part := range page.Parts {
			if at := aws.ToTime(part.LastModified); at.After(newest) {
				newest = at
			}
		}
	}
	return newest, nil
}

// abort ends an upload and drops its parts.
func (s *Store) abort(ctx context.Context, upload multipart) error {
	var client *s3.Client
	if !s.bucket.As(&client) {
		return nil
	}
	err := s.call(ctx, func(ctx context.Context) error {
		_, err := client.AbortMultipartUpload(ctx, &s3.AbortMultipartUploadInput{
			Bucket: aws.String(s.bucketName), Key: aws.String(s.prefix + upload.key), UploadId: aws.String(upload.id),
		})
		return err
	})
	if _, ended := errors.AsType[*types.NoSuchUpload](err); ended || err == nil {
		return nil
	}
	return classify(fmt.Errorf("ending the upload of %s: %w", s.Location(upload.key), err))
}
