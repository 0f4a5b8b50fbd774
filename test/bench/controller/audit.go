//go:build linux

package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"

	auditv1 "k8s.io/apiserver/pkg/apis/audit/v1"
)

// auditLog is the API server's log of the controllers' writes.
type auditLog struct {
	path string
	read int64 // How far it has been read.
}

// writes are a controller's requests that change something, by what they are about. Requests that are refused count
// like the others.
type writes struct {
	Pods       int // Pods made.
	Finalizers int // Pods changed: their finalizers.
	Statuses   int
	Other      int
	Events     int
	Deletions  int
	Refused    int // How many of them all the API server has refused (conflicts, for example).
}

// counted are the writes that a job costs. Events and deletions stand apart.
func (w writes) counted() int { return w.Pods + w.Finalizers + w.Statuses + w.Other }

// since reads what was logged after the last call and counts the user's writes in the namespace.
func (l *auditLog) since(user, namespace string) (writes, error) {
	var w writes
	file, err := os.Open(l.path)
	if err != nil {
		return w, fmt.Errorf("reading the audit log: %w", err)
	}
	defer file.Close()
	if _, err := file.Seek(l.read, io.SeekStart); err != nil {
		return w, fmt.Errorf("reading the audit log: %w", err)
	}
	decoder := json.NewDecoder(file)
	for {
		var event auditv1.Event
		err := decoder.Decode(&event)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return w, fmt.Errorf("reading the audit log: %w", err)
		}
		if event.User.Username == user && event.ObjectRef != nil && event.ObjectRef.Namespace == namespace {
			w.add(&event)
		}
	}
	l.read += decoder.InputOffset()
	return w, nil
}

func (w *writes) add(event *auditv1.Event) {
	switch ref := event.ObjectRef; {
	case ref.Resource == "events":
		w.Events++
	case event.Verb == "delete" || event.Verb == "deletecollection":
		w.Deletions++
	case ref.Subresource == "status":
		w.Statuses++
	case ref.Resource == "pods" && event.Verb == "create":
		w.Pods++
	case ref.Resource == "pods":
		w.Finalizers++
	default:
		w.Other++
	}
	if event.ResponseStatus != nil && event.ResponseStatus.Code >= 400 {
		w.Refused++
	}
}
