package plugin

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/swath-dev/swath/api/v1alpha1"
)

func newWatch(s *session) *cobra.Command {
	return &cobra.Command{
		Use: "watch JOB", Short: "Show how a TrainingJob gets on until it ends; fails when the job does",
		Args: cobra.ExactArgs(1), ValidArgsFunction: s.completeJobs,
		RunE: func(c *cobra.Command, args []string) error {
			cluster, err := s.cluster()
			if err != nil {
				return err
			}
			job, err := s.job(c.Context(), cluster, args[0])
			if err != nil {
				return err
			}
			return s.follow(c.Context(), cluster, job)
		},
	}
}

// follow shows how the job gets on, and returns an error unless it succeeds.
func (s *session) follow(ctx context.Context, cluster client.WithWatch, job *v1alpha1.TrainingJob) error {
	line := &liveLine{out: s.Out, live: isTerminal(s.Out)}
	last, err := eachState(ctx, cluster, job, func(job *v1alpha1.TrainingJob) bool {
		line.show(describe(job, time.Now()))
		return job.Status.Phase.Finished()
	})
	line.end()
	if err != nil {
		return err
	}
	switch last.Status.Phase {
	case v1alpha1.PhaseSucceeded:
		fmt.Fprintf(s.Out, "model %s\n", last.Status.TrainedModel)
		return nil
	case v1alpha1.PhaseFailed:
		return fmt.Errorf("TrainingJob %s failed: %s", last.Name, last.Status.Error)
	}
	return fmt.Errorf("TrainingJob %s was cancelled", last.Name)
}

// awaitEnd waits until the job has ended, however it does.
func (s *session) awaitEnd(ctx context.Context, cluster client.WithWatch, job *v1alpha1.TrainingJob) error {
	last, err := eachState(ctx, cluster, job, func(job *v1alpha1.TrainingJob) bool { return job.Status.Phase.Finished() })
	if err == nil {
		fmt.Fprintf(s.Out, "trainingjob.%s/%s %s\n", v1alpha1.GroupName, last.Name, last.Status.Phase)
	}
	return err
}

// errGone means that the TrainingJob was deleted while it was watched.
var errGone = errors.New("the TrainingJob was deleted")

// eachState calls visit with each state of the job until visit returns true, and gives the last one. A watch that the API
// server ends, as it does from time to time, is begun again.
func eachState(ctx context.Context, cluster client.WithWatch, job *v1alpha1.TrainingJob, visit func(*v1alpha1.TrainingJob) bool) (*v1alpha1.TrainingJob, error) {
	for {
		var list v1alpha1.TrainingJobList
		one := client.ListOptions{Namespace: job.Namespace, FieldSelector: fields.OneTermEqualSelector("metadata.name", job.Name)}
		if err := cluster.List(ctx, &list, &one); err != nil {
			return nil, fmt.Errorf("reading TrainingJob %s: %w", job.Name, err)
		}
		if len(list.Items) == 0 || list.Items[0].UID != job.UID {
			return nil, errGone
		}
		if visit(&list.Items[0]) {
			return &list.Items[0], nil
		}
		one.Raw = &metav1.ListOptions{ResourceVersion: list.ResourceVersion}
		last, err := watchOnce(ctx, cluster, &one, visit)
		if last != nil || err != nil {
			return last, err
		}
	}
}

// watchOnce visits what the watch tells until it ends; nil where visit has not returned true.
func watchOnce(ctx context.Context, cluster client.WithWatch, one *client.ListOptions, visit func(*v1alpha1.TrainingJob) bool) (*v1alpha1.TrainingJob, error) {
	watching, err := cluster.Watch(ctx, &v1alpha1.TrainingJobList{}, one)
	if err != nil {
		return nil, fmt.Errorf("watching the TrainingJob: %w", err)
	}
	defer watching.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		case event, open := <-watching.ResultChan():
			if !open {
				return nil, nil
			}
			job, ok := event.Object.(*v1alpha1.TrainingJob)
			switch {
			case event.Type == watch.Deleted:
				return nil, errGone
			case event.Type == watch.Error:
				if err := apierrors.FromObject(event.Object); !apierrors.IsGone(err) && !apierrors.IsResourceExpired(err) {
					return nil, fmt.Errorf("watching the TrainingJob: %w", err)
				}
				return nil, nil
			case ok && visit(job):
				return job, nil
			}
		}
	}
}

// describe says in a line how the job gets on: phase, place in the queue, epochs, metrics, time left.
func describe(job *v1alpha1.TrainingJob, now time.Time) string {
	phase := job.Status.Phase
	if phase == "" {
		phase = v1alpha1.PhaseInitializing
	}
	parts := []string{string(phase)}
	if ptr.Deref(job.Spec.Cancel, false) && !phase.Finished() {
		parts = append(parts, "being cancelled")
	}
	running := meta.FindStatusCondition(job.Status.Conditions, v1alpha1.ConditionRunning)
	progress := job.Status.Progress
	switch {
	case phase == v1alpha1.PhaseRunning && progress != nil:
		parts = append(parts, bar(progress.Step, progress.Steps), progress.Summary)
		parts = append(parts, metricsOf(progress)...)
		if progress.EstimatedFinishedAt != nil {
			if left := progress.EstimatedFinishedAt.Sub(now); left > 0 {
				parts = append(parts, left.Round(time.Second).String()+" left")
			}
		}
	case phase == v1alpha1.PhaseQueued && job.Status.QueuePosition != nil:
		parts = append(parts, fmt.Sprintf("place %d in the queue", *job.Status.QueuePosition))
	case !phase.Finished() && running != nil && running.Message != "":
		parts = append(parts, running.Message)
	case phase == v1alpha1.PhaseSucceeded && progress != nil:
		parts = append(parts, progress.Summary)
	}
	return strings.Join(slices.DeleteFunc(parts, func(part string) bool { return part == "" }), "  ")
}

// metricsOf names the loss, since the summary has the metric.
func metricsOf(progress *v1alpha1.Progress) []string {
	for _, name := range []string{"valid_loss", "train_loss"} {
		if value := progress.Metrics[name]; value != "" {
			return []string{name + " " + value}
		}
	}
	return nil
}

// liveLine shows a line that changes: over and over again on a terminal, else one after the other.
type liveLine struct {
	out   io.Writer
	live  bool
	shown string
}

func (l *liveLine) show(text string) {
	if text == l.shown {
		return
	}
	l.shown = text
	if l.live {
		fmt.Fprintf(l.out, "\r\x1b[K%s", text)
		return
	}
	fmt.Fprintln(l.out, text)
}

func (l *liveLine) end() {
	if l.live && l.shown != "" {
		fmt.Fprintln(l.out)
	}
}
