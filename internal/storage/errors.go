package storage

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"syscall"

	"gocloud.dev/gcerrors"

	"github.com/swath-dev/swath/internal/storage/volume"
)

// The kinds of errors of this package; errors.Is tells them apart.
var (
	// ErrNotFound means that there is nothing under that name.
	ErrNotFound = errors.New("not found in storage")
	// ErrExists means that something else is there already.
	ErrExists = errors.New("already in storage")
	// ErrDenied means that the credentials do not allow it.
	ErrDenied = errors.New("storage refuses access")
	// ErrFull means that there is no room, on the disk or in the bucket.
	ErrFull = errors.New("no room left")
	// ErrUnavailable means that storage fails for now; trying again may help.
	ErrUnavailable = errors.New("storage is unavailable")
	// ErrConfiguration means that the storage is not configured in a way that
	// can work.
	ErrConfiguration = errors.New("invalid storage configuration")
)

// ErrForeignObject means that an object has what Swath does not write there: others may write to a tenant's storage as well.
// Trying again does not help. It is an ErrConfiguration.
var ErrForeignObject = fmt.Errorf("%w: an object is not Swath's", ErrConfiguration)

// classify gives err one of the kinds above.
func classify(err error) error {
	switch {
	case err == nil:
		return nil
	case hasKind(err), errors.Is(err, context.Canceled):
		return err
	case errors.Is(err, volume.ErrNotMounted):
		return fmt.Errorf("%w: %w", ErrConfiguration, err)
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT), errors.Is(err, syscall.EFBIG):
		return fmt.Errorf("%w: %w", ErrFull, err)
	case errors.Is(err, fs.ErrPermission), errors.Is(err, syscall.EROFS):
		return fmt.Errorf("%w: %w", ErrDenied, err)
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("%w: %w", ErrNotFound, err)
	}
	if kind := kindOfService(err); kind != nil {
		return fmt.Errorf("%w: %w", kind, err)
	}
	switch gcerrors.Code(err) {
	case gcerrors.NotFound:
		return fmt.Errorf("%w: %w", ErrNotFound, err)
	case gcerrors.AlreadyExists, gcerrors.FailedPrecondition:
		return fmt.Errorf("%w: %w", ErrExists, err)
	case gcerrors.PermissionDenied:
		return fmt.Errorf("%w: %w", ErrDenied, err)
	case gcerrors.ResourceExhausted:
		return fmt.Errorf("%w: %w", ErrFull, err)
	default:
		return fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
}

func hasKind(err error) bool {
	for _, kind := range []error{ErrNotFound, ErrExists, ErrDenied, ErrFull, ErrUnavailable, ErrConfiguration} {
		if errors.Is(err, kind) {
			return true
		}
	}
	return false
}
