package storage

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
)

// ownerKey is where the storage of a namespace says whose it is.
const ownerKey = "namespace.json"

// owner is the content of ownerKey.
type owner struct {
	UID string `json:"uid"`
}

// NotOwnerError is storage that belongs to another namespace, which had the same
// name before.
type NotOwnerError struct {
	Location, Owner, UID string
}

// Error implements error.
func (e *NotOwnerError) Error() string {
	return fmt.Sprintf("the storage at %s belongs to an earlier namespace of this name (UID %s), and this namespace has the UID %s: nothing of it is handed out; "+
		"ask the platform team to hand it over with \"gateway hand-over\", or to move it away", e.Location, e.Owner, e.UID)
}

// Owner is the UID of the namespace that the storage belongs to; empty while it is
// nobody's.
func (s *Store) Owner(ctx context.Context) (string, error) {
	data, err := s.read(ctx, ownerKey, maxNote)
	if errors.Is(err, ErrNotFound) {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	var o owner
	if err := json.Unmarshal(data, &o); err != nil || o.UID == "" {
		return "", fmt.Errorf("%w: %s does not say which namespace the storage belongs to", ErrConfiguration, s.Location(ownerKey))
	}
	return o.UID, nil
}

// CheckOwner makes sure that the storage belongs to the namespace with the given
// UID, or to nobody. Otherwise the error is a *NotOwnerError.
func (s *Store) CheckOwner(ctx context.Context, uid string) error {
	owner, err := s.Owner(ctx)
	if err != nil || owner == "" || owner == uid {
		return err
	}
	return &NotOwnerError{Location: s.root, Owner: owner, UID: uid}
}

// Claim is CheckOwner, and makes storage that is nobody's the namespace's. Of
// several that claim it at once one wins.
func (s *Store) Claim(ctx context.Context, uid string) error {
	owner, err := s.Owner(ctx)
	switch {
	case err != nil || owner == uid:
		return err
	case owner != "":
		return &NotOwnerError{Location: s.root, Owner: owner, UID: uid}
	}
	err = s.putOwner(ctx, uid, true)
	if errors.Is(err, ErrExists) {
		return s.CheckOwner(ctx, uid)
	}
	return err
}

// HandOver makes the storage the namespace's, whoever's it was.
func (s *Store) HandOver(ctx context.Context, uid string) error {
	return s.putOwner(ctx, uid, false)
}

func (s *Store) putOwner(ctx context.Context, uid string, first bool) error {
	data, err := json.Marshal(owner{UID: uid})
	if err != nil {
		return fmt.Errorf("encoding the owner of %s: %w", s.root, err)
	}
	options := jsonOptions()
	options.IfNotExist = first
	_, err = s.put(ctx, ownerKey, bytes.NewReader(data), options, nil)
	return err
}
