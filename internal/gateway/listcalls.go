package gateway

import (
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/swath-dev/swath/internal/gateway/access"
)

// The number of entries on a page of a list.
const (
	defaultPage = 20
	maxPage     = 100
	// maxCursor is the longest cursor of a list in characters: base64 makes four of three.
	maxCursor = 256
)

// Page is a part of a list.
type Page[T any] struct {
	Data    []T  `json:"data" nullable:"false" doc:"The entries."`
	HasMore bool `json:"has_more" doc:"Whether others follow: ask again with after set to next, or to the ID of the last entry."`
	// Next is opaque: an ID, or what keeps its place also when the entry is gone.
	Next *string `json:"next" doc:"What to set after to for the entries that follow; null where none do."`
}

// listCalls are the calls on training jobs beside the documented ones.
func (s *Server) listCalls() []call {
	return []call{
		{
			Operation: s.document(huma.Operation{
				Method: http.MethodGet, Path: jobsPath, OperationID: "listTrainingJobs", Tags: []string{"Training"},
				Summary:     "List training jobs",
				Description: "Lists the training jobs of the namespace, the newest first.",
				Parameters:  pageParams("next of the page before, or the ID of its last training job."),
			}, Page[Job]{}, http.StatusUnprocessableEntity),
			right: access.List, timeout: callTimeout, handle: s.listJobs,
		},
	}
}

func (s *Server) listJobs(w http.ResponseWriter, r *request) error {
	listed, err := s.jobs.Page(r.Context(), r.caller.Namespace, r.query.Get("after"), r.limit())
	if err != nil {
		return err
	}
	page := Page[Job]{Data: make([]Job, len(listed.Jobs)), HasMore: listed.Next != "", Next: orNil(listed.Next)}
	for i, job := range listed.Jobs {
		page.Data[i] = newJob(job)
	}
	writeJSON(w, http.StatusOK, page)
	return nil
}
