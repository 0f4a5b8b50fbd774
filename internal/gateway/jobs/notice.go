package jobs

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
	toolscache "k8s.io/client-go/tools/cache"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/swath-dev/swath/api/v1alpha1"
)

// maxNotices bounds how many jobs cancelled by other means wait for their time to be written down. One that finds no room is
// noticed again when the job changes.
const maxNotices = 1024

// notice watches the cache for what has to be remembered: where jobs that are gone were in lists, when jobs were cancelled by
// other means than the HTTP API, and which have succeeded.
func (j *Jobs) notice(ctx context.Context) error {
	informer, err := j.cached.GetInformer(ctx, &v1alpha1.TrainingJob{}, cache.BlockUntilSynced(false))
	if err != nil {
		return fmt.Errorf("watching the cache of TrainingJobs: %w", err)
	}
	_, err = informer.AddEventHandler(toolscache.ResourceEventHandlerFuncs{
		AddFunc:    j.noticeEnd,
		UpdateFunc: func(_, object any) { j.noticeEnd(object) },
		DeleteFunc: func(object any) {
			if last, ok := object.(toolscache.DeletedFinalStateUnknown); ok {
				object = last.Obj
			}
			if job, ok := object.(*v1alpha1.TrainingJob); ok {
				j.gone.Add(key{job.Namespace, ID(job)}, positionOf(job))
				j.succeeded.notice(job)
			}
		},
	})
	if err != nil {
		return fmt.Errorf("watching the cache of TrainingJobs: %w", err)
	}
	return nil
}

func (j *Jobs) noticeEnd(object any) {
	j.noticeCancelled(object)
	j.succeeded.notice(object)
}

func (j *Jobs) noticeCancelled(object any) {
	job, ok := object.(*v1alpha1.TrainingJob)
	if !ok || !ptr.Deref(job.Spec.Cancel, false) || job.Status.Phase.Finished() || job.Annotations[CancelledAtAnnotation] != "" {
		return
	}
	select {
	case j.cancelled <- job:
	default:
	}
}

// writeDown keeps with each job that was cancelled by other means when that was, as Cancel does: what the API server noted moves
// when the same manager writes the job again, and what was once said to be its end has to stay.
func (j *Jobs) writeDown(ctx context.Context) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case job := <-j.cancelled:
			err := j.annotate(ctx, job, *FinishedAt(job))
			// One that has changed is noticed again.
			if err != nil && !apierrors.IsConflict(err) && !apierrors.IsNotFound(err) && ctx.Err() == nil {
				log.Log.Error(err, "when a job was cancelled was not written down", "trainingJob", client.ObjectKeyFromObject(job))
			}
		}
	}
}

func (j *Jobs) annotate(ctx context.Context, job *v1alpha1.TrainingJob, at time.Time) error {
	patch, err := json.Marshal(map[string]any{"metadata": map[string]any{
		"resourceVersion": job.ResourceVersion,
		"annotations":     map[string]string{CancelledAtAnnotation: at.UTC().Format(time.RFC3339)},
	}})
	if err != nil {
		return fmt.Errorf("encoding when job %s was cancelled: %w", job.Name, err)
	}
	target := &v1alpha1.TrainingJob{}
	target.Namespace, target.Name = job.Namespace, job.Name
	return j.live.Patch(ctx, target, client.RawPatch(types.MergePatchType, patch))
}
