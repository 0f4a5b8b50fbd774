package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"
	"k8s.io/apimachinery/pkg/runtime"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/swath-dev/swath/api/v1alpha1"
	"github.com/swath-dev/swath/internal/janitor"
)

// listPage is how many jobs are listed at a time.
const listPage = 500

func newJanitor(all *common) *cobra.Command {
	var options janitor.Options
	var namespaces []string
	command := &cobra.Command{
		Use: "janitor", Short: "Remove from storage what nothing refers to any more, and say what", Args: cobra.NoArgs,
		Long: "Remove from storage uploads that were cut off, checkpoints of jobs that have ended or are gone, and models that no job names. " +
			"What nothing refers to is marked first and removed by a later run, once it has been marked for long enough.",
		RunE: func(c *cobra.Command, _ []string) error { return clean(c.Context(), all, namespaces, options) },
	}
	flags := command.Flags()
	flags.DurationVar(&options.CutOff, "cut-off-after", 24*time.Hour, "after how long an upload that does not get on counts as cut off; 0 keeps them")
	flags.DurationVar(&options.Checkpoints, "keep-checkpoints", 24*time.Hour, "for how long checkpoints are kept that no job needs; 0 keeps them for ever")
	flags.DurationVar(&options.Models, "keep-models", 7*24*time.Hour, "for how long models are kept that no job names; 0 keeps them for ever")
	flags.BoolVar(&options.DryRun, "dry-run", false, "remove nothing, and say what would be removed")
	flags.StringSliceVar(&namespaces, "namespaces", nil, "namespaces to clean beside those that have jobs")
	return command
}

func clean(ctx context.Context, all *common, namespaces []string, options janitor.Options) error {
	log := all.logger()
	stores, err := all.stores()
	if err != nil {
		return err
	}
	defer stores.Close()
	config, err := ctrl.GetConfig()
	if err != nil {
		return fmt.Errorf("finding the API server: %w", err)
	}
	scheme := runtime.NewScheme()
	if err := v1alpha1.AddToScheme(scheme); err != nil {
		return fmt.Errorf("building the scheme: %w", err)
	}
	cluster, err := client.New(config, client.Options{Scheme: scheme})
	if err != nil {
		return fmt.Errorf("connecting to the API server: %w", err)
	}
	everywhere, err := listJobs(ctx, cluster, "")
	if err != nil {
		return err
	}
	var failed []error
	for _, namespace := range janitor.Namespaces(everywhere, namespaces) {
		log := log.With("namespace", namespace)
		store, err := stores.Store(ctx, namespace)
		if err != nil {
			failed = append(failed, fmt.Errorf("cleaning namespace %s: %w", namespace, err))
			continue
		}
		done, err := janitor.Clean(ctx, store, func(ctx context.Context) ([]v1alpha1.TrainingJob, error) {
			return listJobs(ctx, cluster, namespace)
		}, options, time.Now(), log)
		if err != nil {
			failed = append(failed, fmt.Errorf("cleaning namespace %s: %w", namespace, err))
			continue
		}
		log.Info("cleaned", "cutOff", len(done.CutOff), "checkpoints", len(done.Checkpoints), "models", len(done.Models), "marked", done.Marked, "dryRun", options.DryRun)
	}
	return errors.Join(failed...)
}

// listJobs lists the jobs of a namespace, or of all, as they are now.
func listJobs(ctx context.Context, cluster client.Client, namespace string) ([]v1alpha1.TrainingJob, error) {
	var all []v1alpha1.TrainingJob
	for next, more := "", true; more; more = next != "" {
		var list v1alpha1.TrainingJobList
		if err := cluster.List(ctx, &list, client.InNamespace(namespace), client.Limit(listPage), client.Continue(next)); err != nil {
			return nil, fmt.Errorf("listing TrainingJobs: %w", err)
		}
		all, next = append(all, list.Items...), list.Continue
	}
	return all, nil
}
