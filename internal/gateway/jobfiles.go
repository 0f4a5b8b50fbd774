package gateway

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/swath-dev/swath/api/v1alpha1"
)

// askTime is for how long storage is asked about the files of a new job.
const askTime = 5 * time.Second

// missingFile returns an error that names the first file of a request that storage does not have, or says that the namespace has
// no storage of its own. Where storage cannot be asked it returns nil: the trainer looks again, and its job says what is wrong.
func (s *Server) missingFile(r *request, spec *v1alpha1.TrainingJobSpec) error {
	ctx, cancel := context.WithTimeout(r.Context(), askTime)
	defer cancel()
	store, err := s.stores.Store(ctx, r.caller.Namespace)
	if refused, ok := errors.AsType[*callError](err); ok && refused.status == http.StatusForbidden {
		return err // Its trainer would be refused as well.
	}
	if err != nil {
		r.log.Warn("the files of a job are not looked for", "error", err)
		return nil
	}
	files := []struct {
		field string
		id    *v1alpha1.FileName
	}{{"training_file", &spec.TrainingFile}, {"validation_file", spec.ValidationFile}}
	for _, file := range files {
		if file.id == nil {
			continue
		}
		exists, err := store.HasFile(ctx, string(*file.id))
		if err != nil {
			r.log.Warn("the files of a job are not looked for", "error", err)
			return nil
		}
		if !exists {
			return &callError{status: http.StatusNotFound, detail: fmt.Sprintf(
				"File not found: %s is %s, which is not in the storage of namespace %s. Upload it there, or correct its ID", file.field, *file.id, r.caller.Namespace)}
		}
	}
	return nil
}
