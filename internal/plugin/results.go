package plugin

import (
	"context"
	"encoding/csv"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"text/tabwriter"

	"github.com/pkg/browser"
	"github.com/spf13/cobra"

	"github.com/swath-dev/swath/api/v1alpha1"
	"github.com/swath-dev/swath/internal/plaintext"
)

// reportPart is the part of a model that shows how it was trained and how good it is.
const reportPart = "report.html"

func newResults(s *session) *cobra.Command {
	var asCSV, open, force bool
	var report string
	command := &cobra.Command{
		Use: "results JOB", Short: "Show the metrics of each epoch, or the report",
		Example: "  kubectl swath results landcover\n  kubectl swath results landcover --csv > results.csv\n  kubectl swath results landcover --report report.html --open",
		Args:    cobra.ExactArgs(1), ValidArgsFunction: s.completeJobs,
		RunE: func(c *cobra.Command, args []string) error {
			cluster, err := s.cluster()
			if err != nil {
				return err
			}
			job, err := s.job(c.Context(), cluster, args[0])
			if err != nil {
				return err
			}
			gateway, err := s.connect(c.Context())
			if err != nil {
				return err
			}
			defer gateway.close()
			if report != "" || open {
				return s.saveReport(c.Context(), gateway, job, report, open, force)
			}
			return s.showResults(c.Context(), gateway, job, asCSV)
		},
	}
	command.Flags().BoolVar(&asCSV, "csv", false, "print the results file as it is")
	command.Flags().StringVar(&report, "report", "", "save the report (HTML) to this file")
	command.Flags().BoolVar(&open, "open", false, "open the report in the browser")
	command.Flags().BoolVar(&force, "force", false, "with --report: overwrite a file that is there")
	return command
}

func (s *session) showResults(ctx context.Context, gateway *gatewayClient, job *v1alpha1.TrainingJob, asCSV bool) error {
	response, err := gateway.call(ctx, http.MethodGet, path("training", "jobs", idOf(job), "results")+"?format=csv", "", nil)
	if err != nil {
		return fmt.Errorf("reading the results of %s: %w", job.Name, err)
	}
	defer response.Body.Close()
	if asCSV {
		_, err := io.Copy(s.Out, response.Body)
		return err
	}
	rows, err := csv.NewReader(response.Body).ReadAll()
	if err != nil {
		return fmt.Errorf("reading the results of %s: %w", job.Name, err)
	}
	table := tabwriter.NewWriter(s.Out, 0, 0, 2, ' ', tabwriter.AlignRight)
	for _, row := range rows {
		for i := range row {
			row[i] = plaintext.Line(row[i])
		}
		fmt.Fprintln(table, strings.Join(row, "\t")+"\t")
	}
	return table.Flush()
}

// saveReport saves the report, and opens it where that is asked for.
func (s *session) saveReport(ctx context.Context, gateway *gatewayClient, job *v1alpha1.TrainingJob, name string, open, force bool) error {
	if job.Status.TrainedModel == "" {
		return fmt.Errorf("TrainingJob %s has no model yet, and so no report", job.Name)
	}
	if name == "" {
		folder, err := os.MkdirTemp("", "swath-"+job.Name+"-*")
		if err != nil {
			return fmt.Errorf("saving the report: %w", err)
		}
		name = filepath.Join(folder, reportPart)
	}
	name = target(name, reportPart)
	if err := s.savePart(ctx, gateway, modelOf(job), reportPart, name, force); err != nil {
		return fmt.Errorf("the report of %s: %w", job.Name, err)
	}
	fmt.Fprintln(s.Out, name)
	if open {
		browser.Stdout = s.ErrOut
		return browser.OpenFile(name)
	}
	return nil
}
