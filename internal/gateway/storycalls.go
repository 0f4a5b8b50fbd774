package gateway

import (
	"cmp"
	"net/http"
	"slices"
	"strconv"

	"github.com/danielgtaylor/huma/v2"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"

	"github.com/swath-dev/swath/api/v1alpha1"
	"github.com/swath-dev/swath/internal/gateway/access"
	"github.com/swath-dev/swath/internal/gateway/jobs"
)

// Event is something that happened to a job.
type Event struct {
	ID        string `json:"id" doc:"The identifier of the event."`
	CreatedAt int64  `json:"created_at" doc:"The Unix timestamp (in seconds) for when it happened."`
	Level     string `json:"level" enum:"info,warn" doc:"How serious it is."`
	Type      string `json:"type" doc:"status for a status that was entered, else the event's reason in one word."`
	Message   string `json:"message" doc:"What happened."`
}

// Progress is how far a job is, and what it waits for.
type Progress struct {
	ID                  string             `json:"id" doc:"The ID of the training job."`
	Name                string             `json:"name" doc:"The name of the TrainingJob in Kubernetes."`
	Status              v1alpha1.Phase     `json:"status" enum:"initializing,downloading_files,validating_files,queued,running,succeeded,failed,cancelled" doc:"The status of the training job."`
	Message             *string            `json:"message" doc:"What the job does or waits for, in a sentence."`
	QueuePosition       *int               `json:"queue_position" doc:"The place among the jobs that wait for another to end, from 1; null where the job does not wait for that."`
	QueueLength         *int               `json:"queue_length" doc:"How many jobs wait."`
	Summary             *string            `json:"summary" doc:"How far the training is, in a few words."`
	Epoch               int32              `json:"epoch" doc:"How many epochs are done."`
	Epochs              int32              `json:"epochs" doc:"How many epochs are to be done."`
	Step                int64              `json:"step" doc:"How many steps are done."`
	Steps               int64              `json:"steps" doc:"How many steps are to be done."`
	BestEpoch           *int32             `json:"best_epoch" doc:"The epoch whose weights the model has, from 1; null before there is a model."`
	Metrics             map[string]float64 `json:"metrics" doc:"The newest metrics by name; once the job has succeeded, those of the model."`
	EstimatedFinishedAt *int64             `json:"estimated_finished_at" doc:"The Unix timestamp (in seconds) for when training is expected to end."`
	ResultsFile         *string            `json:"results_file" doc:"The ID of the file with the metrics of each epoch."`
	Warnings            []string           `json:"warnings" nullable:"false" doc:"What to know about the files and the model though nothing failed."`
}

// storyCalls are the calls that tell how a job goes.
func (s *Server) storyCalls() []call {
	tags := []string{"Training"}
	results := s.document(huma.Operation{
		Method: http.MethodGet, Path: jobPath + "/results", OperationID: "getTrainingJobResults", Tags: tags,
		Summary: "Get the results of a training job", Description: "The metrics of each epoch, and what to know before relying on the model.",
		Parameters: append(idParam("training job", exampleJob), wordParam("format", "The form: rows in JSON, or the results file itself.", "json", "csv")),
	}, Results{}, http.StatusNotFound, http.StatusRequestEntityTooLarge, http.StatusUnprocessableEntity)
	results.Responses["200"].Content["text/csv"] = contentAnswer("", "text/csv").Content["text/csv"]
	return []call{
		{
			Operation: s.document(huma.Operation{
				Method: http.MethodGet, Path: jobPath + "/events", OperationID: "listTrainingJobEvents", Tags: tags,
				Summary: "List the events of a training job", Description: "The oldest first. Kubernetes keeps events for about an hour; statuses are kept with the job.",
				Parameters: append(idParam("training job", exampleJob), pageParams("next of the page before, or the ID of its last event.")...),
			}, Page[Event]{}, http.StatusNotFound, http.StatusUnprocessableEntity),
			right: access.Get, timeout: callTimeout, handle: s.listEvents,
		},
		{
			Operation: s.document(huma.Operation{
				Method: http.MethodGet, Path: jobPath + "/progress", OperationID: "getTrainingJobProgress", Tags: tags,
				Summary:    "Get the progress of a training job",
				Parameters: idParam("training job", exampleJob),
			}, Progress{}, http.StatusNotFound),
			right: access.Get, timeout: callTimeout, handle: s.getProgress,
		},
		{Operation: results, right: access.Get, handle: s.getResults},
	}
}

func (s *Server) listEvents(w http.ResponseWriter, r *request) error {
	job, err := s.jobs.Get(r.Context(), r.caller.Namespace, r.PathValue("id"))
	if err != nil {
		return err
	}
	happened, err := s.jobs.Events(r.Context(), job)
	if err != nil {
		return err
	}
	events, limit := story(job, happened), r.limit()
	if after := r.query.Get("after"); after != "" {
		cursor := slices.IndexFunc(events, func(event Event) bool { return event.ID == after })
		if cursor < 0 {
			return &callError{status: http.StatusBadRequest, detail: "There is no event to continue after: begin the list again without after"}
		}
		events = events[cursor+1:]
	}
	page := Page[Event]{Data: events[:min(limit, len(events))], HasMore: len(events) > limit}
	if page.HasMore {
		page.Next = orNil(events[limit-1].ID)
	}
	writeJSON(w, http.StatusOK, page)
	return nil
}

// story puts the statuses that a job entered and its events in order. The statuses keep
// theirs though the nodes that they happened on have clocks that differ.
func story(job *v1alpha1.TrainingJob, happened []corev1.Event) []Event {
	events := []Event{}
	var at int64
	for _, entered := range job.Status.PhaseTimes {
		at = max(at, entered.At.Unix())
		events = append(events, Event{
			ID: "status-" + string(entered.Phase), CreatedAt: at, Level: "info", Type: "status", Message: string(entered.Phase),
		})
	}
	for i := range happened {
		level := "info"
		if happened[i].Type == corev1.EventTypeWarning {
			level = "warn"
		}
		events = append(events, Event{
			ID: "event-" + string(happened[i].UID), CreatedAt: jobs.EventTime(&happened[i]).Unix(), Level: level,
			Type: happened[i].Reason, Message: happened[i].Message,
		})
	}
	slices.SortStableFunc(events, func(a, b Event) int { return cmp.Compare(a.CreatedAt, b.CreatedAt) })
	return events
}

// warningsOf are the job's warnings, an empty list where there are none.
func warningsOf(job *v1alpha1.TrainingJob) []string {
	return append([]string{}, job.Status.Warnings...)
}

func (s *Server) getProgress(w http.ResponseWriter, r *request) error {
	job, err := s.jobs.Get(r.Context(), r.caller.Namespace, r.PathValue("id"))
	if err != nil {
		return err
	}
	shown := Progress{
		ID: jobs.ID(job), Name: job.Name, Status: jobs.Phase(job), ResultsFile: orNil(job.Status.ResultsFile), Metrics: map[string]float64{},
		Warnings: warningsOf(job),
	}
	if job.Status.BestEpoch > 0 {
		shown.BestEpoch = &job.Status.BestEpoch
	}
	if running := meta.FindStatusCondition(job.Status.Conditions, v1alpha1.ConditionRunning); running != nil {
		shown.Message = orNil(running.Message)
	}
	place, waiting, err := s.jobs.Place(r.Context(), job, s.priorityClass)
	if err != nil {
		return err
	}
	if place > 0 {
		shown.QueuePosition, shown.QueueLength = &place, &waiting
	}
	if progress := job.Status.Progress; progress != nil {
		shown.Summary = orNil(progress.Summary)
		shown.Epoch, shown.Epochs, shown.Step, shown.Steps = progress.Epoch, progress.Epochs, progress.Step, progress.Steps
		for name, text := range progress.Metrics {
			if value, err := strconv.ParseFloat(text, 64); err == nil {
				shown.Metrics[name] = value
			}
		}
		if progress.EstimatedFinishedAt != nil && !shown.Status.Finished() {
			at := progress.EstimatedFinishedAt.Unix()
			shown.EstimatedFinishedAt = &at
		}
	}
	writeJSON(w, http.StatusOK, shown)
	return nil
}
