package plugin

import (
	"context"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/swath-dev/swath/api/v1alpha1"
)

// completionTimeout is how long someone who presses the tabulator waits for a cluster that does not answer.
const completionTimeout = 3 * time.Second

// completeJobs completes names of TrainingJobs.
func (s *session) completeJobs(c *cobra.Command, given []string, begun string) ([]cobra.Completion, cobra.ShellCompDirective) {
	if len(given) > 0 && c.Args != nil && c.Args(c, append(given, begun)) != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	jobs, directive := s.listForCompletion(c.Context())
	var names []cobra.Completion
	for i := range jobs {
		if strings.HasPrefix(jobs[i].Name, begun) {
			names = append(names, cobra.CompletionWithDesc(jobs[i].Name, string(jobs[i].Status.Phase)))
		}
	}
	return names, directive
}

// completeModels completes what names a model: its ID, and the job that trained it.
func (s *session) completeModels(c *cobra.Command, given []string, begun string) ([]cobra.Completion, cobra.ShellCompDirective) {
	if len(given) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	jobs, directive := s.listForCompletion(c.Context())
	var names []cobra.Completion
	for i := range jobs {
		model := jobs[i].Status.TrainedModel
		if model == "" {
			continue
		}
		if strings.HasPrefix(jobs[i].Name, begun) {
			names = append(names, cobra.CompletionWithDesc(jobs[i].Name, model))
		}
		if strings.HasPrefix(model, begun) {
			names = append(names, cobra.CompletionWithDesc(model, "trained by "+jobs[i].Name))
		}
	}
	return names, directive
}

// completeModelThenFile completes a model, and after it a local file.
func (s *session) completeModelThenFile(c *cobra.Command, given []string, begun string) ([]cobra.Completion, cobra.ShellCompDirective) {
	if len(given) == 1 {
		return nil, cobra.ShellCompDirectiveDefault
	}
	return s.completeModels(c, given, begun)
}

func (s *session) listForCompletion(ctx context.Context) ([]v1alpha1.TrainingJob, cobra.ShellCompDirective) {
	ctx, stop := context.WithTimeout(ctx, completionTimeout)
	defer stop()
	namespace, err := s.namespace()
	if err != nil {
		return nil, cobra.ShellCompDirectiveError
	}
	cluster, err := s.cluster()
	if err != nil {
		return nil, cobra.ShellCompDirectiveError
	}
	var list v1alpha1.TrainingJobList
	if err := cluster.List(ctx, &list, client.InNamespace(namespace)); err != nil {
		return nil, cobra.ShellCompDirectiveError
	}
	return list.Items, cobra.ShellCompDirectiveNoFileComp
}
