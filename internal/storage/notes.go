package storage

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"gocloud.dev/blob"
)

func noteKey(id string) (string, error) {
	k, err := key(notesFolder, id)
	return k + noteSuffix, err
}

// putNote writes what is known of a file.
func (s *Store) putNote(ctx context.Context, info FileInfo) error {
	k, err := noteKey(info.ID)
	if err != nil {
		return err
	}
	data, err := json.Marshal(info)
	if err != nil {
		return fmt.Errorf("encoding what is known of file %s: %w", info.ID, err)
	}
	_, err = s.put(ctx, k, bytes.NewReader(data), jsonOptions(), nil)
	return err
}

// describe reads what is known of a file that is there. What a note says of another content, which was or is going to be under
// the same ID, is passed over; so is a note that is none of ours, since others may write there as well.
func (s *Store) describe(ctx context.Context, file stored) (FileInfo, error) {
	bare := FileInfo{ID: file.id, Filename: file.id, Bytes: file.bytes, CreatedAt: file.changed.UTC().Truncate(time.Second)}
	k, err := noteKey(file.id)
	if err != nil {
		return FileInfo{}, err
	}
	data, err := s.read(ctx, k, maxNote)
	if errors.Is(err, ErrNotFound) || errors.Is(err, ErrForeignObject) {
		return bare, nil
	}
	if err != nil {
		return FileInfo{}, err
	}
	var info FileInfo
	if json.Unmarshal(data, &info) != nil || info.ID != file.id {
		return bare, nil //nolint:nilerr // What is no note says nothing of the file, which is there all the same.
	}
	if info.Bytes != file.bytes {
		info.Bytes, info.SHA256 = file.bytes, ""
	}
	return info, nil
}

func (s *Store) removeNote(ctx context.Context, id string) error {
	k, err := noteKey(id)
	if err != nil {
		return err
	}
	return s.remove(ctx, k)
}

// removeNoteOnNothing removes the note of an upload that failed, unless a file is there under the same ID all the same.
func (s *Store) removeNoteOnNothing(ctx context.Context, id string) error {
	k, err := key(filesFolder, id)
	if err != nil {
		return err
	}
	if exists, err := s.exists(ctx, k); err != nil || exists {
		return err
	}
	return s.removeNote(ctx, id)
}

// notesOnNothing lists the keys of notes from before a time that are on no file: what a killed upload or deletion left.
func (s *Store) notesOnNothing(ctx context.Context, before time.Time) ([]string, error) {
	old := map[string]string{}
	err := s.list(ctx, below(notesFolder+"/"), func(object *blob.ListObject) error {
		if len(old) == maxLeftovers {
			return errEnough
		}
		id, ok := strings.CutSuffix(strings.TrimPrefix(object.Key, notesFolder+"/"), noteSuffix)
		if ok && object.ModTime.Before(before) {
			old[id] = object.Key
		}
		return nil
	})
	if err != nil || len(old) == 0 {
		return nil, err
	}
	// The files are looked at afterwards: one that is written meanwhile has a new note.
	err = s.listFiles(ctx, "", func(file stored) error {
		delete(old, file.id)
		return nil
	})
	if err != nil {
		return nil, err
	}
	keys := make([]string, 0, len(old))
	for _, k := range old {
		keys = append(keys, k)
	}
	return keys, nil
}
