package plugin

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/swath-dev/swath/internal/plaintext"
)

// storedModel is a model as the gateway lists it.
type storedModel struct {
	ID        string `json:"id"`
	Task      string `json:"task"`
	CreatedAt int64  `json:"created_at"`
	Bytes     int64  `json:"bytes"`
}

// modelPage is a part of the gateway's list of models.
type modelPage struct {
	Data []storedModel `json:"data"`
	Next *string       `json:"next"`
}

func newModels(s *session) *cobra.Command {
	return &cobra.Command{
		Use: "models", Short: "List the models of the namespace",
		Long: "List the models that are stored for the namespace, also those whose training job was deleted. " +
			"Their IDs are what download and predict take.",
		Args: cobra.NoArgs, ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(c *cobra.Command, _ []string) error { return s.printModels(c.Context()) },
	}
}

func (s *session) printModels(ctx context.Context) error {
	models, err := s.listModels(ctx)
	if err != nil {
		return err
	}
	if len(models) == 0 {
		fmt.Fprintln(s.ErrOut, "There are no models in this namespace.")
		return nil
	}
	table := tabwriter.NewWriter(s.Out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "ID\tTASK\tSIZE\tSTORED")
	for _, model := range models {
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\n", plaintext.Line(model.ID), plaintext.Line(model.Task), byteCount(model.Bytes), time.Unix(model.CreatedAt, 0).UTC().Format(time.RFC3339))
	}
	return table.Flush()
}

// listModels asks the gateway for all models, page by page.
func (s *session) listModels(ctx context.Context) ([]storedModel, error) {
	gateway, err := s.connect(ctx)
	if err != nil {
		return nil, err
	}
	defer gateway.close()
	var models []storedModel
	query := url.Values{"limit": {"100"}}
	for {
		page, err := callJSON[modelPage](ctx, gateway, http.MethodGet, "/models?"+query.Encode(), nil)
		if err != nil {
			return nil, fmt.Errorf("listing models: %w", err)
		}
		models = append(models, page.Data...)
		if page.Next == nil {
			return models, nil
		}
		query.Set("after", *page.Next)
	}
}
