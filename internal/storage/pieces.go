package storage

import (
	"github.com/aws/aws-sdk-go-v2/feature/s3/transfermanager"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"gocloud.dev/blob"
)

const (
	// pieceBytes is the size of the pieces that a file is sent to a bucket in. While one is sent the next is filled: whoever
	// stores a file has two or three of them in memory, whatever the file's size.
	pieceBytes = 7 << 20
	// maxPieces is how many parts a multipart upload to S3 may have
	// (https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html).
	maxPieces = 10_000
	// MaxFileBytes is the largest file that every kind of bucket takes.
	MaxFileBytes = maxPieces * pieceBytes
)

// pieces are the options for writing a file.
func (s *Store) pieces() *blob.WriterOptions {
	return &blob.WriterOptions{BufferSize: pieceBytes, MaxConcurrency: 1, BeforeWrite: s.beginWithOnePiece}
}

// beginWithOnePiece makes the uploader to S3 begin once it has one piece: left to itself it first reads 16 MiB, whatever the
// size of the pieces, and gocloud.dev has no option for it.
func (s *Store) beginWithOnePiece(as func(any) bool) error {
	var client *s3.Client
	var uploads *transfermanager.Client
	if !s.bucket.As(&client) || !as(&uploads) {
		return nil
	}
	*uploads = *transfermanager.New(client, func(o *transfermanager.Options) {
		o.RequestChecksumCalculation = client.Options().RequestChecksumCalculation
		o.PartSizeBytes, o.MultipartUploadThreshold, o.Concurrency = pieceBytes, pieceBytes, 1
	})
	return nil
}
