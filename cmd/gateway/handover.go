package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"github.com/spf13/cobra"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/swath-dev/swath/internal/gateway"
	"github.com/swath-dev/swath/internal/namespaces"
)

func newHandOver(all *common) *cobra.Command {
	return &cobra.Command{
		Use: "hand-over NAMESPACE…", Short: "Give namespaces the storage that earlier namespaces of their names have left",
		Long: "Storage belongs to the namespace with the UID in NAMESPACE/namespace.json, and a namespace that is made again has another UID. " +
			"This command makes the storage that of the namespace as it is now, with all files and models in it: after a restore from a backup, or when the same team comes back.",
		Args: cobra.MinimumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			stores, config, err := all.connect()
			if err != nil {
				return err
			}
			defer stores.Close()
			cluster, err := newClient(config)
			if err != nil {
				return err
			}
			var failed []error
			for _, namespace := range args {
				if err := handOver(c.Context(), stores, cluster, all.logger(), namespace); err != nil {
					failed = append(failed, fmt.Errorf("handing over the storage of namespace %s: %w", namespace, err))
				}
			}
			return errors.Join(failed...)
		},
	}
}

func handOver(ctx context.Context, stores *gateway.ConfiguredStores, cluster client.Client, log *slog.Logger, namespace string) error {
	uid, err := (&namespaces.UIDs{}).Of(ctx, cluster, namespace)
	if err != nil {
		return err
	}
	store, err := stores.Store(ctx, namespace)
	if err != nil {
		return err
	}
	before, err := store.Owner(ctx)
	if err != nil {
		return err
	}
	if err := store.HandOver(ctx, uid); err != nil {
		return err
	}
	log.Info("handed over", "namespace", namespace, "from", before, "to", uid)
	return nil
}
