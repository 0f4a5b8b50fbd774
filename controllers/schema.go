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
	"k8s.io/client-go/tools/events"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/swath-dev/swath/api/v1alpha1"
)

const (
	// schemaRetry is how often the API server is asked again while the CRD is too old.
	schemaRetry = time.Minute
	// schemaTimeout bounds one question to it.
	schemaTimeout = 5 * time.Second
	// reasonOutdatedCRD is the reason of the event that says so.
	reasonOutdatedCRD = "OutdatedCRD"
)

// errOldSchema means that the CRD is too old for the operator.
var errOldSchema = errors.New("the CustomResourceDefinition of TrainingJobs is older than the operator")

// Schema knows whether the API server keeps what the operator records. It drops fields
// that its CRD does not know. An operator that went on would do again and again what it
// cannot record. Nil checks nothing. It is safe for concurrent use.
type Schema struct {
	// Dropped asks the API server for a field of the status that it does not keep; empty
	// when it keeps all.
	Dropped func(context.Context) (string, error)
	// Clock tells the time.
	Clock clock.PassiveClock
	// Recorder writes the event.
	Recorder events.EventRecorder

	// asking has all wait for the first answer.
	asking sync.Mutex
	mu     sync.Mutex
	lost   string
	// known says that the API server has answered.
	known bool
	// told says that there is an event of what is lost.
	told  bool
	askAt time.Time
}

// Ready is the readiness check: an error while the CRD is too old. Replicas that do not
// lead find that out as well, so that a rollout does not take the operator that works.
func (s *Schema) Ready(request *http.Request) error {
	// Who checks may be less patient than the answer takes, which is for all.
	if s.outdated(context.WithoutCancel(request.Context()), nil) {
		return errors.New(oldSchemaSentence(s.lostField()))
	}
	return nil
}

func oldSchemaSentence(field string) string {
	return fmt.Sprintf("the CustomResourceDefinition of TrainingJobs is older than the operator: it does not keep %s; install the one of the operator's version (config/crd), until then the operator makes and deletes no Pods", field)
}

// lostField is the field that is dropped; empty while all are kept.
func (s *Schema) lostField() string {
	if s == nil {
		return ""
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.lost
}

// outdated reports whether the CRD is too old, so that the job, if it is about one, is to
// be left alone. The API server is asked before anything is written, and once in
// schemaRetry while a field is lost: only its answer ends that, since the job that would
// show the field again may have ended.
func (s *Schema) outdated(ctx context.Context, job *v1alpha1.TrainingJob) bool {
	if s == nil {
		return false
	}
	s.asking.Lock()
	defer s.asking.Unlock()
	if s.asks() {
		ctx, cancel := context.WithTimeout(ctx, schemaTimeout)
		defer cancel()
		lost, err := s.Dropped(ctx)
		if err != nil {
			log.FromContext(ctx).Info("The API server did not say which fields of TrainingJobs it keeps", "cause", err.Error())
		} else {
			s.learn(ctx, lost)
		}
	}
	s.tell(job)
	return s.lostField() != ""
}

// asks reports whether the API server is to be asked now.
func (s *Schema) asks() bool {
	now := s.Clock.Now()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.known && s.lost == "" || now.Before(s.askAt) {
		return false
	}
	s.askAt = now.Add(schemaRetry)
	return true
}

// learn keeps what the API server has answered.
func (s *Schema) learn(ctx context.Context, lost string) {
	s.mu.Lock()
	before := s.lost
	s.lost, s.known, s.told = lost, true, s.told && lost != ""
	s.mu.Unlock()
	switch {
	case before == "" && lost != "":
		logOldSchema(ctx, lost)
	case before != "" && lost == "":
		log.FromContext(ctx).Info("The CRD is renewed, and the operator goes on")
	}
}

// check compares a status that was written with what came back of it, job's. It is
// errOldSchema when a field was dropped.
func (s *Schema) check(ctx context.Context, sent *v1alpha1.TrainingJobStatus, job *v1alpha1.TrainingJob) error {
	if s == nil {
		return nil
	}
	written, kept := setFields(sent), setFields(&job.Status)
	i := slices.IndexFunc(written, func(field string) bool { return !slices.Contains(kept, field) })
	if i < 0 {
		return nil
	}
	now := s.Clock.Now()
	s.mu.Lock()
	news := s.lost == ""
	if news {
		s.lost, s.askAt = written[i], now.Add(schemaRetry)
	}
	s.mu.Unlock()
	if news {
		logOldSchema(ctx, written[i])
	}
	s.tell(job)
	return errOldSchema
}

func logOldSchema(ctx context.Context, lost string) {
	log.FromContext(ctx).Error(errOldSchema, "The operator makes and deletes no Pods until the CRD is renewed (config/crd)", "dropped", lost)
}

// tell sends the event that an outdated CRD is worth, once, to the first job that is there
// for it.
func (s *Schema) tell(job *v1alpha1.TrainingJob) {
	s.mu.Lock()
	lost, told := s.lost, s.told
	s.told = told || lost != "" && job != nil
	s.mu.Unlock()
	if lost != "" && !told && job != nil {
		s.Recorder.Eventf(job, nil, corev1.EventTypeWarning, reasonOutdatedCRD, "Reconcile", "%s", shortNote(oldSchemaSentence(lost)))
	}
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
