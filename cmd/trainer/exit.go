package main

import (
	"context"
	"errors"
	"io/fs"
	"syscall"

	"github.com/swath-dev/swath/internal/contract"
	"github.com/swath-dev/swath/internal/dataset"
	"github.com/swath-dev/swath/internal/storage"
	"github.com/swath-dev/swath/internal/training"
	"github.com/swath-dev/swath/internal/training/onnx"
)

// usageError is a mistake on the command line.
type usageError struct{ error }

func (e usageError) Unwrap() error { return e.error }

// changedFileError says that a file is not the one that was validated.
type changedFileError struct{ file, want, got string }

func (e *changedFileError) Error() string {
	return "file " + e.file + " has changed since it was validated: its SHA-256 was " + e.want + " and is " + e.got +
		"; start a new job"
}

// noFileError says that a file is not in storage.
type noFileError struct{ file string }

func (e *noFileError) Error() string {
	return "file " + e.file + " is not in storage; upload it to this namespace, or correct its ID"
}

// conflictError says that another model stands where this one is to be.
type conflictError struct{ where string }

func (e *conflictError) Error() string {
	return "there is another model at " + e.where + " already; it was left as it is"
}

// exitCode is the code of the contract for an error.
func exitCode(err error) int {
	var (
		usage     usageError
		request   *training.UsageError
		invalid   *dataset.InvalidError
		notFinite *training.NotFiniteError
		memory    *training.MemoryError
		missing   *noFileError
		changed   *changedFileError
		conflict  *conflictError
		tooLarge  *tooLargeError
		foreign   *storage.NotOwnerError
	)
	switch {
	case errors.Is(err, training.ErrInterrupted), errors.Is(err, context.Canceled):
		return contract.ExitInterrupted
	case errors.As(err, &usage), errors.As(err, &request), errors.Is(err, storage.ErrConfiguration):
		return contract.ExitUsage
	case errors.As(err, &invalid), errors.Is(err, onnx.ErrFormat):
		return contract.ExitBadFile
	case errors.As(err, &notFinite):
		return contract.ExitNotFinite
	case errors.As(err, &memory):
		return contract.ExitMemory
	case errors.As(err, &foreign):
		return contract.ExitNotOwner
	case errors.As(err, &missing):
		return contract.ExitNoFile
	case errors.As(err, &changed):
		return contract.ExitChangedFile
	case errors.As(err, &tooLarge):
		return contract.ExitTooLarge
	case errors.As(err, &conflict), errors.Is(err, storage.ErrExists):
		return contract.ExitConflict
	}
	return systemExitCode(err)
}

// systemExitCode is the code for errors of disks and storage.
func systemExitCode(err error) int {
	switch {
	case errors.Is(err, storage.ErrFull), errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT), errors.Is(err, syscall.EFBIG):
		return contract.ExitDiskFull
	case errors.Is(err, storage.ErrNotFound):
		// Not a file that the job names: something that another start removed meanwhile.
		return contract.ExitStorage
	case errors.Is(err, fs.ErrNotExist):
		return contract.ExitNoFile
	case errors.Is(err, storage.ErrDenied), errors.Is(err, fs.ErrPermission):
		return contract.ExitDenied
	case errors.Is(err, storage.ErrUnavailable), errors.Is(err, syscall.EIO):
		return contract.ExitStorage
	}
	return contract.ExitUnexpected
}
