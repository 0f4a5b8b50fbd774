package gateway

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base32"
	"net/http"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/swath-dev/swath/api/v1alpha1"
	"github.com/swath-dev/swath/internal/gateway/access"
	"github.com/swath-dev/swath/internal/gateway/mirror"
)

const (
	// maxRequest is the largest body of a training request, in bytes.
	maxRequest = 64 << 10
	// idempotencyHeader lets a client send a request again without making a second job.
	idempotencyHeader = "Idempotency-Key"
	maxIdempotencyKey = 255
	// idempotencyPattern is printable ASCII, which every client and proxy hands on as it is.
	idempotencyPattern = `^[!-~]([ -~]*[!-~])?$`

	jobsPath = "/training/jobs"
	jobPath  = jobsPath + "/{id}"
)

// jobCalls are the documented calls on training jobs.
func (s *Server) jobCalls() []call {
	return []call{
		{
			Operation: s.document(huma.Operation{
				Method: http.MethodPost, Path: jobsPath, OperationID: "createTrainingJob", Tags: []string{"Training"},
				Summary:     "Create a training job",
				Description: "Makes a TrainingJob in the caller's namespace. The files must have been uploaded to it, and must differ. A request that is sent again with the same Idempotency-Key gives the same job.",
				Parameters:  []*huma.Param{headerParam(idempotencyHeader, "A key of the client's choice: requests with the same key make one job.", idempotencyPattern, maxIdempotencyKey)},
				RequestBody: jsonBody(s.requestSchema, jobExamples),
			}, Job{}, http.StatusNotFound, http.StatusConflict, http.StatusRequestTimeout, http.StatusRequestEntityTooLarge, http.StatusUnprocessableEntity),
			right: access.Create, timeout: callTimeout, handle: s.createJob,
		},
		{
			Operation: s.document(huma.Operation{
				Method: http.MethodGet, Path: jobPath, OperationID: "getTrainingJob", Tags: []string{"Training"},
				Summary: "Get a training job", Parameters: idParam("training job", exampleJob),
			}, Job{}, http.StatusNotFound),
			right: access.Get, timeout: callTimeout, handle: s.getJob,
		},
		{
			Operation: s.document(huma.Operation{
				Method: http.MethodDelete, Path: jobPath, OperationID: "cancelTrainingJob", Tags: []string{"Training"},
				Summary:     "Cancel a training job",
				Description: "Cancels the job at once. Cancelling cannot be taken back, and a job that is cancelled never succeeds.",
				Parameters:  idParam("training job", exampleJob),
			}, Job{}, http.StatusBadRequest, http.StatusNotFound),
			right: access.Patch, timeout: callTimeout, handle: s.cancelJob,
		},
	}
}

func (s *Server) createJob(w http.ResponseWriter, r *request) error {
	body, err := s.readJSON(w, r, maxRequest)
	if err != nil {
		return err
	}
	spec, err := mirror.Read(body, s.requestSchema)
	if err != nil {
		return err
	}
	key := r.Header.Get(idempotencyHeader)
	job := &v1alpha1.TrainingJob{
		ObjectMeta: metav1.ObjectMeta{Namespace: r.caller.Namespace, Name: jobName(r.caller, key)},
		Spec:       spec,
	}
	if job, err = s.makeJob(r, job, key != ""); err != nil {
		return err
	}
	writeJSON(w, http.StatusOK, newJob(job))
	return nil
}

// makeJob makes the job, unless one of its files does not exist. A request that is sent again gives the job that the first one
// made, also when its files are gone.
func (s *Server) makeJob(r *request, job *v1alpha1.TrainingJob, again bool) (*v1alpha1.TrainingJob, error) {
	missing := s.missingFile(r, &job.Spec)
	switch {
	case missing != nil && !again:
		return nil, missing
	case missing == nil:
		if err := s.jobs.Create(r.Context(), job); !again || !apierrors.IsAlreadyExists(err) {
			return job, err
		}
	}
	standing, err := s.jobs.SameRequest(r.Context(), job)
	switch {
	case missing != nil && apierrors.IsNotFound(err):
		return nil, missing
	case err == nil && standing == nil:
		return nil, &callError{status: http.StatusConflict, detail: "Another training job was made with this " + idempotencyHeader}
	}
	return standing, err
}

// jobName is the name of a new TrainingJob: by chance, or the same for the same key of the same caller.
func jobName(caller access.Caller, key string) string {
	const length = 12
	text := rand.Text()
	if key != "" {
		sum := sha256.Sum256([]byte(caller.Name + "\x00" + key))
		text = base32.StdEncoding.EncodeToString(sum[:])
	}
	return "job-" + strings.ToLower(text)[:length]
}

func (s *Server) getJob(w http.ResponseWriter, r *request) error {
	job, err := s.jobs.Get(r.Context(), r.caller.Namespace, r.PathValue("id"))
	if err != nil {
		return err
	}
	writeJSON(w, http.StatusOK, newJob(job))
	return nil
}

func (s *Server) cancelJob(w http.ResponseWriter, r *request) error {
	job, err := s.jobs.Cancel(r.Context(), r.caller.Namespace, r.PathValue("id"), s.now())
	if err != nil {
		return err
	}
	writeJSON(w, http.StatusOK, newJob(job))
	return nil
}
