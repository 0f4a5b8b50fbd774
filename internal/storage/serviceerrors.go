package storage

import (
	"errors"
	"net/http"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/smithy-go"
	"golang.org/x/oauth2"
	"google.golang.org/api/googleapi"
)

// kindOfService is the kind of an error of a bucket's service, or nil for one that gocloud.dev tells as well. It knows but a
// few codes of S3, and none of the servers that speak its language (MinIO, Ceph, Versity); it takes what Google Cloud Storage
// denies for missing, and what Azure denies for an outage.
func kindOfService(err error) error {
	if coded, ok := errors.AsType[smithy.APIError](err); ok {
		switch coded.ErrorCode() {
		case "NoSuchBucket", "InvalidBucketName", "PermanentRedirect", "AuthorizationHeaderMalformed":
			return ErrConfiguration
		case "InvalidAccessKeyId", "SignatureDoesNotMatch", "ExpiredToken", "InvalidToken", "AccountProblem", "XAdminUserNotFound",
			"ExpiredTokenException", "InvalidIdentityToken", "InvalidClientTokenId":
			return ErrDenied
		case "QuotaExceeded", "InsufficientStorage", "XMinioStorageFull", "XMinioAdminBucketQuotaExceeded":
			return ErrFull
		}
	}
	switch serviceStatus(err) {
	case http.StatusUnauthorized, http.StatusForbidden:
		return ErrDenied
	case http.StatusTooManyRequests:
		return ErrUnavailable
	case http.StatusInsufficientStorage:
		return ErrFull
	}
	return nil
}

// serviceStatus is the HTTP status that a bucket's service, or who gives out its tokens, has answered; 0 for other errors.
func serviceStatus(err error) int {
	if response, ok := errors.AsType[*awshttp.ResponseError](err); ok {
		return response.HTTPStatusCode()
	}
	if response, ok := errors.AsType[*azcore.ResponseError](err); ok {
		return response.StatusCode
	}
	if response, ok := errors.AsType[*googleapi.Error](err); ok {
		return response.Code
	}
	if response, ok := errors.AsType[*oauth2.RetrieveError](err); ok && response.Response != nil {
		return response.Response.StatusCode
	}
	return 0
}
