package storage

import (
	"errors"
	"net/http"

	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/smithy-go"
)

// kindOfS3 is the kind of an error of S3, or nil for one that gocloud.dev tells as well. It knows but a few codes of S3,
// and none of the servers that speak its language (MinIO, Ceph, Versity).
func kindOfS3(err error) error {
	if coded, ok := errors.AsType[smithy.APIError](err); ok {
		switch coded.ErrorCode() {
		case "NoSuchBucket", "InvalidBucketName", "PermanentRedirect", "AuthorizationHeaderMalformed":
			return ErrConfiguration
		case "InvalidAccessKeyId", "SignatureDoesNotMatch", "ExpiredToken", "InvalidToken", "AccountProblem", "XAdminUserNotFound":
			return ErrDenied
		case "QuotaExceeded", "InsufficientStorage", "XMinioStorageFull", "XMinioAdminBucketQuotaExceeded":
			return ErrFull
		}
	}
	if response, ok := errors.AsType[*awshttp.ResponseError](err); ok {
		switch response.HTTPStatusCode() {
		case http.StatusUnauthorized, http.StatusForbidden:
			return ErrDenied
		case http.StatusInsufficientStorage:
			return ErrFull
		}
	}
	return nil
}
