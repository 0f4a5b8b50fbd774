package plugin

import (
	"context"
	"fmt"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/swath-dev/swath/api/v1alpha1"
	"github.com/swath-dev/swath/internal/contract"
)

// job finds the TrainingJob with the given name, or with the given ID of the HTTP API.
func (s *session) job(ctx context.Context, cluster client.Client, name string) (*v1alpha1.TrainingJob, error) {
	namespace, err := s.namespace()
	if err != nil {
		return nil, err
	}
	name = strings.TrimPrefix(name, "trainingjob/")
	job := &v1alpha1.TrainingJob{}
	err = cluster.Get(ctx, client.ObjectKey{Namespace: namespace, Name: name}, job)
	if err == nil {
		return job, nil
	}
	if !apierrors.IsNotFound(err) || !strings.HasPrefix(name, "trainingjob-") {
		return nil, fmt.Errorf("reading TrainingJob %s: %w", name, err)
	}
	var list v1alpha1.TrainingJobList
	if listErr := cluster.List(ctx, &list, client.InNamespace(namespace)); listErr != nil {
		return nil, fmt.Errorf("looking for the TrainingJob with the ID %s: %w", name, listErr)
	}
	for i := range list.Items {
		if idOf(&list.Items[i]) == name {
			return &list.Items[i], nil
		}
	}
	return nil, fmt.Errorf("reading TrainingJob %s: %w", name, err)
}

func idOf(job *v1alpha1.TrainingJob) string {
	return contract.RecordedJobID(job.Status.ID, string(job.UID))
}
