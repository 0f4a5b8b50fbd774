package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/swath-dev/swath/internal/contract"
	"github.com/swath-dev/swath/internal/storage"
	"github.com/swath-dev/swath/internal/training"
)

// spareBytes is the room that the logs of a container take beside its files.
const spareBytes = 16 << 20

// tooLargeError says that files can never fit into the work directory.
type tooLargeError struct{ files, limit, advice string }

func (e *tooLargeError) Error() string {
	return fmt.Sprintf("%s, but %s; use smaller files, or %s", e.files, e.limit, e.advice)
}

// room is what bounds the work directory, in bytes; 0 where nothing does.
type room struct {
	// workDir is the size limit of the directory's emptyDir, and ephemeral the container's limit of ephemeral storage.
	workDir, ephemeral int64
	// total and free are those of the file system.
	total, free int64
}

// readRoom reads the limits, as the operator says them, and asks the file system.
func (o *stageOptions) readRoom() (room, error) {
	var r room
	var err error
	if r.workDir, err = bytesVariable(contract.EnvWorkDirSize); err != nil {
		return r, err
	}
	if r.ephemeral, err = bytesVariable(contract.EnvEphemeralStorageLimit); err != nil {
		return r, err
	}
	var disk unix.Statfs_t
	if err := unix.Statfs(o.workDir, &disk); err != nil {
		return r, fmt.Errorf("asking for the free space of %s: %w", o.workDir, err)
	}
	// The types differ between systems.
	block := int64(disk.Bsize) //nolint:unconvert // See above.
	r.total, r.free = int64(disk.Blocks)*block, int64(disk.Bavail)*block
	return r, nil
}

// bytesVariable is a number of bytes in the environment; 0 where it has none.
func bytesVariable(name string) (int64, error) {
	text := os.Getenv(name)
	if text == "" {
		return 0, nil
	}
	value, err := strconv.ParseInt(text, 10, 64)
	if err != nil || value < 0 {
		return 0, usageError{fmt.Errorf("%s is %q and must be a number of bytes", name, text)}
	}
	return value, nil
}

// check reports whether files of so many bytes fit. A disk that is small, or that others fill, is no reason for good: another
// node may have more.
func (r room) check(stage contract.Stage, files string, need int64) error {
	shape, container := "prepare", "prepare.resources.limits in the operator's configuration"
	if stage == contract.StageTrain {
		shape, container = "train", "spec.pod.resources.limits"
	}
	switch {
	case r.workDir > 0 && need > r.workDir:
		return &tooLargeError{
			files, fmt.Sprintf("the work directory takes at most %s (the sizeLimit of its emptyDir)", training.Bytes(r.workDir)),
			fmt.Sprintf("ask the platform team to raise %s.workDirSize in the operator's configuration", shape),
		}
	case r.ephemeral > 0 && need+spareBytes > r.ephemeral:
		return &tooLargeError{
			files, fmt.Sprintf("the container's limit of ephemeral-storage is %s, of which its log takes a part", training.Bytes(r.ephemeral)),
			"raise ephemeral-storage in " + container,
		}
	case need > r.total:
		return fmt.Errorf("%w: %s, but the disk that has the work directory takes %s; use smaller files, or ask the platform team for nodes with larger disks",
			storage.ErrFull, files, training.Bytes(r.total))
	case need > r.free:
		return fmt.Errorf("%w: %s, but the disk that has the work directory has only %s free", storage.ErrFull, files, training.Bytes(r.free))
	}
	return nil
}

// checkRoom checks before any file is fetched that all of them fit into the work directory: a Pod that exceeds its limits is
// evicted, again and again.
func (o *stageOptions) checkRoom(ctx context.Context, store *storage.Store) error {
	var need int64
	var files []string
	for _, id := range []string{o.TrainingFile, o.ValidationFile} {
		if id == "" {
			continue
		}
		var size int64
		err := o.reading(ctx, "looking for a file", func() (err error) {
			size, err = store.FileSize(ctx, id)
			return err
		})
		switch {
		case errors.Is(err, storage.ErrNotFound):
			return &noFileError{id}
		case err != nil:
			return fmt.Errorf("looking for file %s: %w", id, err)
		}
		need += size
		files = append(files, fmt.Sprintf("file %s has %s", id, training.Bytes(size)))
	}
	r, err := o.readRoom()
	if err != nil {
		return err
	}
	return r.check(o.Stage, strings.Join(files, " and "), need)
}
