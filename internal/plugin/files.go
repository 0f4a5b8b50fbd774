package plugin

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"
	"k8s.io/apimachinery/pkg/util/duration"

	"github.com/swath-dev/swath/internal/plaintext"
)

// filesPage is how many files are asked for at a time: as many as the gateway gives.
const filesPage = 100

func newFiles(s *session) *cobra.Command {
	var output string
	command := &cobra.Command{
		Use: "files", Short: "List the files of the namespace",
		Long:    "List the files of the namespace, in the order of their IDs: those that were uploaded, and the results files of jobs.",
		Example: "  kubectl swath files\n  kubectl swath files -o name",
		Args:    cobra.NoArgs, ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(c *cobra.Command, _ []string) error { return s.listFiles(c.Context(), output) },
	}
	command.Flags().StringVarP(&output, "output", "o", "", "name (the IDs alone) or json")
	// The flag is there.
	_ = command.RegisterFlagCompletionFunc("output", cobra.FixedCompletions([]string{"name", "json"}, cobra.ShellCompDirectiveNoFileComp))
	return command
}

func (s *session) listFiles(ctx context.Context, output string) error {
	if output != "" && output != "name" && output != "json" {
		return fmt.Errorf("--output is %q and must be name or json", output)
	}
	gateway, err := s.connect(ctx)
	if err != nil {
		return err
	}
	defer gateway.close()
	files, err := gateway.files(ctx)
	if err != nil {
		return err
	}
	switch output {
	case "json":
		encoder := json.NewEncoder(s.Out)
		encoder.SetIndent("", "  ")
		return encoder.Encode(files)
	case "name":
		for _, file := range files {
			fmt.Fprintln(s.Out, plaintext.Line(file.ID))
		}
		return nil
	}
	return s.printFiles(files)
}

// printFiles prints a table as kubectl get does.
func (s *session) printFiles(files []uploadedFile) error {
	if len(files) == 0 {
		namespace, err := s.namespace()
		fmt.Fprintf(s.ErrOut, "No files found in %s namespace.\n", namespace)
		return err
	}
	table := tabwriter.NewWriter(s.Out, 0, 0, 3, ' ', 0)
	fmt.Fprintln(table, "ID\tNAME\tSIZE\tAGE")
	for _, file := range files {
		age := duration.HumanDuration(time.Since(time.Unix(file.CreatedAt, 0)))
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\n", plaintext.Line(file.ID), plaintext.Line(file.Filename), byteCount(file.Bytes), age)
	}
	return table.Flush()
}

// files are all files of the namespace.
func (c *gatewayClient) files(ctx context.Context) ([]uploadedFile, error) {
	files := []uploadedFile{}
	for after, more := "", true; more; {
		type page struct {
			Data []uploadedFile `json:"data"`
			Next *string        `json:"next"`
		}
		got, err := callJSON[page](ctx, c, http.MethodGet, fmt.Sprintf("/files?limit=%d%s", filesPage, after), nil)
		if err != nil {
			return nil, fmt.Errorf("listing the files: %w", err)
		}
		files = append(files, got.Data...)
		if more = got.Next != nil; more {
			after = "&after=" + url.QueryEscape(*got.Next)
		}
	}
	return files, nil
}

// completeFiles completes IDs of files, with their names; after an @ it leaves local files to the shell.
func (s *session) completeFiles(c *cobra.Command, _ []string, begun string) ([]cobra.Completion, cobra.ShellCompDirective) {
	if strings.HasPrefix(begun, localMark) {
		return nil, cobra.ShellCompDirectiveDefault
	}
	return s.filesForCompletion(c.Context(), begun), cobra.ShellCompDirectiveNoFileComp
}

// completeModelsAndFiles completes what can be downloaded.
func (s *session) completeModelsAndFiles(c *cobra.Command, given []string, begun string) ([]cobra.Completion, cobra.ShellCompDirective) {
	names, directive := s.completeModels(c, given, begun)
	if len(given) == 0 && (strings.HasPrefix(begun, filePrefix) || strings.HasPrefix(filePrefix, begun)) {
		names = append(names, s.filesForCompletion(c.Context(), begun)...)
	}
	return names, directive
}

// filePrefix is what the IDs of files begin with.
const filePrefix = "file-"

// filesForCompletion are the IDs that begin so; none where the gateway does not answer soon.
func (s *session) filesForCompletion(ctx context.Context, begun string) []cobra.Completion {
	ctx, stop := context.WithTimeout(ctx, completionTimeout)
	defer stop()
	gateway, err := s.connect(ctx)
	if err != nil {
		return nil
	}
	defer gateway.close()
	files, err := gateway.files(ctx)
	if err != nil {
		return nil
	}
	var names []cobra.Completion
	for _, file := range files {
		if strings.HasPrefix(file.ID, begun) {
			names = append(names, cobra.CompletionWithDesc(plaintext.Line(file.ID), plaintext.Line(file.Filename)))
		}
	}
	return names
}
