package storage

import (
	"context"
	"io"
	"strings"

	"gocloud.dev/blob"
)

const jobsFolder = "jobs"

// PutJobObject stores something a job needs while it runs, such as a
// checkpoint, whole or not at all.
func (s *Store) PutJobObject(ctx context.Context, jobID, name string, r io.Reader) (Digest, error) {
	k, err := key(jobsFolder, jobID, name)
	if err != nil {
		return Digest{}, err
	}
	return s.put(ctx, k, r, nil, nil)
}

// OpenJobObject reads what PutJobObject stored. The caller closes the reader.
func (s *Store) OpenJobObject(ctx context.Context, jobID, name string) (*Reader, error) {
	k, err := key(jobsFolder, jobID, name)
	if err != nil {
		return nil, err
	}
	return s.open(ctx, k, 0, -1)
}

// JobObjects lists what is stored for a job, by name in ascending order.
func (s *Store) JobObjects(ctx context.Context, jobID string) ([]Object, error) {
	prefix, err := key(jobsFolder, jobID)
	if err != nil {
		return nil, err
	}
	var objects []Object
	err = s.list(ctx, below(prefix+"/"), func(object *blob.ListObject) error {
		objects = append(objects, Object{Key: strings.TrimPrefix(object.Key, prefix+"/"), Bytes: object.Size})
		return nil
	})
	return objects, err
}

// DeleteJobObject deletes one object of a job.
func (s *Store) DeleteJobObject(ctx context.Context, jobID, name string) error {
	k, err := key(jobsFolder, jobID, name)
	if err != nil {
		return err
	}
	return s.remove(ctx, k)
}

// DeleteJob deletes all that is stored for a job.
func (s *Store) DeleteJob(ctx context.Context, jobID string) error {
	prefix, err := key(jobsFolder, jobID)
	if err != nil {
		return err
	}
	return s.removeAll(ctx, prefix+"/")
}
