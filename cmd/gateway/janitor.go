package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/spf13/cobra"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/swath-dev/swath/api/v1alpha1"
	"github.com/swath-dev/swath/internal/gateway"
	"github.com/swath-dev/swath/internal/janitor"
	"github.com/swath-dev/swath/internal/namespaces"
)

// listPage is how many jobs are listed at a time.
const listPage = 500

// clusterNamespace is the namespace whose UID is the cluster's ID: every cluster has it, and it is never made again.
const clusterNamespace = metav1.NamespaceSystem

type janitorFlags struct {
	*common
	options    janitor.Options
	namespaces []string
}

func newJanitor(all *common) *cobra.Command {
	j := janitorFlags{common: all}
	command := &cobra.Command{
		Use: "janitor", Short: "Remove from storage what nothing refers to any more, and say what", Args: cobra.NoArgs,
		Long: "Remove from storage uploads that were cut off, checkpoints of jobs that have ended or are gone, models of jobs that were cancelled or failed, and models that are not whole. " +
			"What nothing refers to is marked first and removed by a later run, once it has been marked for long enough. " +
			"The namespaces that are cleaned are those that have jobs, those that the configuration or --namespaces names, and those that this cluster's janitor has cleaned before. " +
			"Storage that the janitor of another cluster cleans is left alone.",
		RunE: func(c *cobra.Command, _ []string) error { return j.run(c.Context()) },
	}
	flags := command.Flags()
	flags.DurationVar(&j.options.CutOff, "cut-off-after", 24*time.Hour, "after how long an upload that does not get on counts as cut off; 0 keeps them")
	flags.DurationVar(&j.options.Checkpoints, "keep-checkpoints", 24*time.Hour, "for how long checkpoints are kept that no job needs, what is left of models that are not whole, and models of jobs that were cancelled or failed; 0 keeps them for ever")
	flags.BoolVar(&j.options.ListUnrecorded, "list-unrecorded", false, "list models again whose job is gone and whose success nobody recorded, as from before an upgrade: also what trainers of cancelled jobs may have committed")
	flags.DurationVar(&j.options.Models, "keep-models", 0, "for how long models are kept whose job is gone; 0 keeps them for good")
	flags.BoolVar(&j.options.DryRun, "dry-run", false, "remove nothing, and say what would be removed")
	flags.BoolVar(&j.options.TakeOver, "take-over", false, "take storage over that the janitor of another cluster has cleaned: only when that cluster is gone, or was restored as this one")
	flags.StringSliceVar(&j.namespaces, "namespaces", nil, "namespaces to clean beside those that are found")
	return command
}

// run cleans one namespace after the other: what is wrong with one does not keep the others waiting.
func (j *janitorFlags) run(ctx context.Context) error {
	log := j.logger()
	stores, config, err := j.connect()
	if err != nil {
		return err
	}
	defer stores.Close()
	cluster, err := newClient(config)
	if err != nil {
		return err
	}
	var system corev1.Namespace
	if err := cluster.Get(ctx, client.ObjectKey{Name: clusterNamespace}, &system); err != nil {
		return fmt.Errorf("reading the ID of the cluster, the UID of namespace %s: %w", clusterNamespace, err)
	}
	j.options.Cluster = string(system.UID)
	everywhere, err := listJobs(ctx, cluster, "")
	if err != nil {
		return err
	}
	known := janitor.Namespaces(everywhere, slices.Concat(j.namespaces, stores.Named()))
	found, err := stores.Stored(ctx)
	if err != nil {
		log.Warn("namespaces without jobs may be left out, for not every bucket can be listed: name them with --namespaces", "error", err)
	}
	var failed []error
	for _, namespace := range janitor.Namespaces(nil, slices.Concat(known, found)) {
		options := j.options
		options.OnlyClaimed = !slices.Contains(known, namespace)
		if err := clean(ctx, stores, cluster, namespace, options, log.With("namespace", namespace)); err != nil {
			failed = append(failed, fmt.Errorf("cleaning namespace %s: %w", namespace, err))
		}
	}
	return errors.Join(failed...)
}

func clean(ctx context.Context, stores *gateway.ConfiguredStores, cluster client.Client, namespace string, options janitor.Options, log *slog.Logger) error {
	store, err := stores.Store(ctx, namespace)
	if err != nil {
		return err
	}
	if options.UID, err = uidOf(ctx, cluster, namespace); err != nil {
		return err
	}
	list := func(ctx context.Context) ([]v1alpha1.TrainingJob, error) { return listJobs(ctx, cluster, namespace) }
	done, err := janitor.Clean(ctx, store, list, options, time.Now(), log)
	if err != nil {
		return err
	}
	if done.Skipped {
		log.Info("left alone: nothing is stored, or this cluster's janitor has not cleaned here before")
		return nil
	}
	log.Info("cleaned", "cutOff", len(done.CutOff), "checkpoints", len(done.Checkpoints), "models", len(done.Models), "parts", len(done.Parts), "strays", len(done.Strays),
		"marked", done.Marked, "dryRun", options.DryRun)
	return nil
}

// uidOf is the UID of a namespace; empty for one that is gone.
func uidOf(ctx context.Context, cluster client.Client, namespace string) (string, error) {
	uid, err := (&namespaces.UIDs{}).Of(ctx, cluster, namespace)
	if apierrors.IsNotFound(err) {
		return "", nil
	}
	return uid, err
}

func newClient(config *rest.Config) (client.Client, error) {
	scheme := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{v1alpha1.AddToScheme, corev1.AddToScheme} {
		if err := add(scheme); err != nil {
			return nil, fmt.Errorf("building the scheme: %w", err)
		}
	}
	cluster, err := client.New(config, client.Options{Scheme: scheme})
	if err != nil {
		return nil, fmt.Errorf("connecting to the API server: %w", err)
	}
	return cluster, nil
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
