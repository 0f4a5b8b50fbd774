package storage

import (
	"context"
	"strings"
	"time"

	"gocloud.dev/blob"
)

// maxLeftovers is how many things that were cut off are looked at in one go: a tenant can make as many as it likes. Those that
// go make room for the next ones.
const maxLeftovers = 100_000

// Folder is what is stored for a job, or of a model.
type Folder struct {
	ID string
	// Whole tells of a model that it exists: its manifest is there.
	Whole bool
	// Mixed reports of a model whether it may have parts of different commits.
	Mixed bool
}

// IsBefore reports whether this folder comes before that with the given ID in a list: folders are in the order of their keys, in
// which a slash follows the ID.
func (f Folder) IsBefore(id string) bool { return id+"/" > f.ID+"/" }

// JobFolders lists the jobs that something is stored for, in the order of their keys, the first so many of them.
func (s *Store) JobFolders(ctx context.Context, limit int) ([]Folder, error) {
	return s.folders(ctx, jobsFolder+"/", limit)
}

// ModelFolders lists the models that something is stored of, in the order of their keys, the first so many of them: also what
// was left by a commit or a deletion that was cut off.
func (s *Store) ModelFolders(ctx context.Context, limit int) ([]Folder, error) {
	return s.folders(ctx, modelsFolder+"/", limit)
}

func (s *Store) folders(ctx context.Context, prefix string, limit int) ([]Folder, error) {
	var folders []Folder
	// commit is the folder of the last part that was seen.
	commit, parts := "", false
	err := s.list(ctx, below(prefix), func(object *blob.ListObject) error {
		id, name, inFolder := strings.Cut(strings.TrimPrefix(object.Key, prefix), "/")
		if !inFolder || !isName(id) {
			return nil
		}
		if len(folders) == 0 || folders[len(folders)-1].ID != id {
			if len(folders) == limit {
				return errEnough
			}
			folders = append(folders, Folder{ID: id})
			parts = false
		}
		last := &folders[len(folders)-1]
		if name == ManifestName {
			last.Whole = true
			return nil
		}
		of, _, nested := strings.Cut(name, "/")
		if !nested {
			of = ""
		}
		last.Mixed = last.Mixed || parts && of != commit
		commit, parts = of, true
		return nil
	})
	return folders, err
}

// CutOff lists what was being written or deleted and has not been touched since before: temporary files of a volume, multipart
// uploads to S3 (the other kinds of buckets drop such things by themselves), and notes on files that are not there.
func (s *Store) CutOff(ctx context.Context, before time.Time) ([]string, error) {
	keys, err := s.cutOffObjects(ctx, before)
	if err != nil {
		return nil, err
	}
	uploads, err := s.cutOffUploads(ctx, before)
	for _, upload := range uploads {
		keys = append(keys, upload.key)
	}
	return keys, err
}

// RemoveCutOff removes what CutOff lists.
func (s *Store) RemoveCutOff(ctx context.Context, before time.Time) error {
	keys, err := s.cutOffObjects(ctx, before)
	if err != nil {
		return err
	}
	for _, k := range keys {
		if err := s.remove(ctx, k); err != nil {
			return err
		}
	}
	uploads, err := s.cutOffUploads(ctx, before)
	if err != nil {
		return err
	}
	for _, upload := range uploads {
		if err := s.abort(ctx, upload); err != nil {
			return err
		}
	}
	return nil
}

// cutOffObjects are what CutOff lists but for uploads.
func (s *Store) cutOffObjects(ctx context.Context, before time.Time) ([]string, error) {
	var keys []string
	for _, prefix := range []string{filesFolder + "/", notesFolder + "/", modelsFolder + "/", jobsFolder + "/", catalogFolder + "/", marksKey + ".", ownerKey + "."} {
		err := s.list(ctx, below(prefix), func(object *blob.ListObject) error {
			if len(keys) >= maxLeftovers {
				return errEnough
			}
			if temporary.MatchString(object.Key) && object.ModTime.Before(before) {
				keys = append(keys, object.Key)
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	notes, err := s.notesOnNothing(ctx, before)
	return append(keys, notes...), err
}
