package plugin

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/swath-dev/swath/api/v1alpha1"
)

// switching is a command that sets one field of a TrainingJob.
type switching struct {
	verb, short, done string
	set               func(*v1alpha1.TrainingJobSpec)
}

var (
	cancelling = switching{"cancel", "End TrainingJobs: a job that is cancelled never succeeds", "is being cancelled",
		func(spec *v1alpha1.TrainingJobSpec) { spec.Cancel = ptr.To(true) }}
	suspending = switching{"suspend", "Hold TrainingJobs: one that trains writes a checkpoint first", "is suspended",
		func(spec *v1alpha1.TrainingJobSpec) { spec.Suspend = ptr.To(true) }}
	resuming = switching{"resume", "Let suspended TrainingJobs go on", "goes on",
		func(spec *v1alpha1.TrainingJobSpec) { spec.Suspend = ptr.To(false) }}
)

func newSwitch(s *session, what switching) *cobra.Command {
	wait, timeout := false, time.Duration(0)
	command := &cobra.Command{
		Use: what.verb + " JOB…", Short: what.short, Args: cobra.MinimumNArgs(1), ValidArgsFunction: s.completeJobs,
		RunE: func(c *cobra.Command, args []string) error {
			cluster, err := s.cluster()
			if err != nil {
				return err
			}
			for _, name := range args {
				job, err := s.flip(c.Context(), cluster, name, what)
				if err != nil {
					return err
				}
				if wait {
					if err := s.awaitEnd(c.Context(), cluster, job, timeout); err != nil {
						return err
					}
				}
			}
			return nil
		},
	}
	if what.verb == cancelling.verb {
		command.Flags().BoolVar(&wait, "wait", false, "wait until none of the job's Pods is left")
		command.Flags().DurationVar(&timeout, "timeout", 0, "with --wait: how long to wait for each job at most, such as 90s (0: for ever)")
	}
	return command
}

// flip sets the field. The answer to the write tells whether the job had ended before.
func (s *session) flip(ctx context.Context, cluster client.Client, name string, what switching) (*v1alpha1.TrainingJob, error) {
	job, err := s.job(ctx, cluster, name)
	if err != nil {
		return nil, err
	}
	if job.Status.Phase.Finished() {
		return nil, fmt.Errorf("TrainingJob %s is already %s", job.Name, job.Status.Phase)
	}
	before := job.DeepCopy()
	what.set(&job.Spec)
	if err := cluster.Patch(ctx, job, client.MergeFrom(before)); err != nil {
		return nil, fmt.Errorf("changing TrainingJob %s: %w", job.Name, err)
	}
	if job.Status.Phase.Finished() {
		return nil, fmt.Errorf("TrainingJob %s has meanwhile %s", job.Name, job.Status.Phase)
	}
	fmt.Fprintf(s.Out, "trainingjob.%s/%s %s\n", v1alpha1.GroupName, job.Name, what.done)
	return job, nil
}
