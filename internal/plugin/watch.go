package plugin

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/swath-dev/swath/api/v1alpha1"
)

func newWatch(s *session) *cobra.Command {
	var timeout time.Duration
	command := &cobra.Command{
		Use: "watch JOB", Short: "Show how a TrainingJob gets on until it ends; fails when the job does",
		Long: "Show how a TrainingJob gets on until it ends. Ctrl-C ends the watching; the job goes on.\n\n" +
			"Exit codes: 0 succeeded, 3 failed, 4 cancelled or deleted, 124 --timeout has passed, 130 interrupted, 1 any other error.",
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
			return s.follow(c.Context(), cluster, job, timeout)
		},
	}
	addTimeout(command.Flags(), &timeout)
	return command
}

func addTimeout(flags *pflag.FlagSet, timeout *time.Duration) {
	flags.DurationVar(timeout, "timeout", 0, "how long to wait at most, such as 90m; the job goes on after that (0: for ever)")
}

// follow shows how the job gets on, and returns an error unless it succeeds.
func (s *session) follow(ctx context.Context, cluster client.WithWatch, job *v1alpha1.TrainingJob, timeout time.Duration) error {
	ctx, stop := withTimeout(ctx, timeout)
	defer stop()
	line := newLiveLine(s.Out)
	places := &placeFinder{connect: s.connect}
	defer places.close()
	now := job
	show := func() { line.show(describe(now, places.place, time.Now())) }
	var warned []string
	f := &follower{
		cluster: cluster, job: job, backoff: reconnecting,
		visit: func(state *v1alpha1.TrainingJob) bool {
			now = state
			for _, warning := range newWarnings(&warned, state) {
				line.note(s.ErrOut, "warning: "+warning)
			}
			show()
			return state.Status.Phase.Finished()
		},
		lost: func(err error) { line.show("reconnecting: " + err.Error()) },
		tick: func(ctx context.Context) {
			before := places.place
			if err := places.look(ctx, now, time.Now()); err != nil && ctx.Err() == nil {
				line.note(s.ErrOut, err.Error())
			}
			// The time left goes by, but only a terminal shows each second of it.
			if line.live || places.place != before {
				show()
			}
		},
	}
	last, err := f.follow(ctx)
	line.end()
	if err != nil {
		err = stoppedWaiting(ctx, err, fmt.Sprintf("TrainingJob %[1]s goes on; look again with: kubectl swath watch -n %[2]s %[1]s, end it with: kubectl swath cancel -n %[2]s %[1]s", job.Name, job.Namespace))
		return outcome(nil, job.Name, err)
	}
	if err := outcome(last, job.Name, nil); err != nil {
		return err
	}
	fmt.Fprintf(s.Out, "model %s\n", last.Status.TrainedModel)
	return nil
}

// newWarnings are the job's warnings that are not among those told already, which they are from then on.
func newWarnings(told *[]string, job *v1alpha1.TrainingJob) []string {
	added := slices.DeleteFunc(slices.Clone(job.Status.Warnings), func(warning string) bool { return slices.Contains(*told, warning) })
	*told = append(*told, added...)
	return added
}

// outcome is nil for a job that has succeeded, and an error with an exit code of its own for one that has not.
func outcome(last *v1alpha1.TrainingJob, name string, err error) error {
	switch {
	case errors.Is(err, errGone):
		return &exitError{codeCancelled, fmt.Errorf("TrainingJob %s: %w", name, err)}
	case err != nil:
		return err
	case last.Status.Phase == v1alpha1.PhaseFailed:
		return &exitError{codeFailed, fmt.Errorf("TrainingJob %s failed: %s", name, last.Status.Error)}
	case last.Status.Phase == v1alpha1.PhaseCancelled:
		return &exitError{codeCancelled, fmt.Errorf("TrainingJob %s was cancelled", name)}
	}
	return nil
}

// awaitEnd waits until the job has ended, however it does.
func (s *session) awaitEnd(ctx context.Context, cluster client.WithWatch, job *v1alpha1.TrainingJob, timeout time.Duration) error {
	ctx, stop := withTimeout(ctx, timeout)
	defer stop()
	f := &follower{
		cluster: cluster, job: job, backoff: reconnecting,
		visit: func(state *v1alpha1.TrainingJob) bool { return state.Status.Phase.Finished() },
		lost:  func(err error) { fmt.Fprintln(s.ErrOut, "reconnecting:", err) },
	}
	last, err := f.follow(ctx)
	switch {
	case errors.Is(err, errGone):
		fmt.Fprintf(s.Out, "trainingjob.%s/%s deleted\n", v1alpha1.GroupName, job.Name)
		return nil
	case err != nil:
		return stoppedWaiting(ctx, err, fmt.Sprintf("TrainingJob %s is still being cancelled", job.Name))
	}
	fmt.Fprintf(s.Out, "trainingjob.%s/%s %s\n", v1alpha1.GroupName, last.Name, last.Status.Phase)
	return nil
}
