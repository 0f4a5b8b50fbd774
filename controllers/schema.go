package controllers

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/swath-dev/swath/api/v1alpha1"
)

const (
	// schemaRetry is how often one job is tried again while the CRD is too old.
	schemaRetry = time.Minute
	// reasonOutdatedCRD is the reason of the event that says so.
	reasonOutdatedCRD = "OutdatedCRD"
)

// errOldSchema means that the CRD is too old for the operator.
var errOldSchema = errors.New("the CustomResourceDefinition of TrainingJobs is older than the operator")

// Schema remembers whether the API server keeps what the operator records. It drops
// fields that its CRD does not know. An operator that went on would do again and again
// what it cannot record. Nil checks nothing. It is safe for concurrent use.
type Schema struct {
	mu    sync.Mutex
	lost  string
	tryAt time.Time
}

// Ready is the readiness check: an error while the CRD is too old.
func (s *Schema) Ready(*http.Request) error {
	if field := s.lostField(); field != "" {
		return errors.New(oldSchemaSentence(field))
	}
	return nil
}

func oldSchemaSentence(field string) string {
	return fmt.Sprintf("the CustomResourceDefinition of TrainingJobs is older than the operator: it does not keep %s; install the one of the operator's version (config/crd), until then the operator makes and deletes no Pods", field)
}

// lostField is the field that was dropped; empty while all are kept.
func (s *Schema) lostField() string {
	if s == nil {
		return ""
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.lost
}

// pauses reports whether jobs are left alone for now. Once in schemaRetry one of them is
// not, so that a mended CRD is noticed.
func (s *Schema) pauses(now time.Time) bool {
	if s == nil {
		return false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.lost == "" {
		return false
	}
	if now.Before(s.tryAt) {
		return true
	}
	s.tryAt = now.Add(schemaRetry)
	return false
}

// check compares a status that was written with what came back. It reports the field
// that was dropped, and whether that is news. A dropped field counts until it comes back.
func (s *Schema) check(sent, got *v1alpha1.TrainingJobStatus, now time.Time) (lost string, news bool) {
	if s == nil {
		return "", false
	}
	written, kept := setFields(sent), setFields(got)
	s.mu.Lock()
	defer s.mu.Unlock()
	i := slices.IndexFunc(written, func(field string) bool { return !slices.Contains(kept, field) })
	if i < 0 {
		if slices.Contains(written, s.lost) {
			s.lost = ""
		}
		return "", false
	}
	news, s.lost = s.lost == "", written[i]
	if news {
		s.tryAt = now.Add(schemaRetry)
	}
	return s.lost, news
}

// checkSchema is check with the log and the event that an outdated CRD is worth.
func (r *TrainingJobReconciler) checkSchema(ctx context.Context, job *v1alpha1.TrainingJob, sent *v1alpha1.TrainingJobStatus) error {
	lost, news := r.Schema.check(sent, &job.Status, r.Clock.Now())
	if lost == "" {
		return nil
	}
	if news {
		log.FromContext(ctx).Error(errOldSchema, "The operator makes and deletes no Pods until the CRD is renewed (config/crd)", "dropped", lost)
		r.event(job, corev1.EventTypeWarning, reasonOutdatedCRD, oldSchemaSentence(lost))
	}
	return errOldSchema
}

// setFields are the paths of all fields of the status that are set, parents before what is
// in them.
func setFields(status *v1alpha1.TrainingJobStatus) []string {
	data, err := json.Marshal(status)
	var value any
	if err != nil || json.Unmarshal(data, &value) != nil {
		return nil
	}
	paths := appendFields(nil, "status", value)
	slices.Sort(paths)
	return slices.Compact(paths)
}

func appendFields(paths []string, path string, value any) []string {
	switch value := value.(type) {
	case map[string]any:
		for key, inner := range value {
			paths = appendFields(append(paths, path+"."+key), path+"."+key, inner)
		}
	case []any:
		for _, inner := range value {
			paths = appendFields(paths, path+"[]", inner)
		}
	}
	return paths
}
