// Command gateway serves the HTTP API of Swath, and removes what nothing in storage refers to any more.
package main

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"syscall"

	"github.com/go-logr/logr"
	"github.com/spf13/cobra"
	"k8s.io/client-go/rest"
	"k8s.io/klog/v2"
	ctrl "sigs.k8s.io/controller-runtime"

	"github.com/swath-dev/swath/internal/config"
	"github.com/swath-dev/swath/internal/gateway"
	"github.com/swath-dev/swath/internal/version"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := newCommand().ExecuteContext(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "gateway:", err)
		os.Exit(1)
	}
}

// common are the flags of all commands.
type common struct {
	configPath string
	volumesDir string
	s3Profiles bool
	level      slog.Level
}

func newCommand() *cobra.Command {
	var flags common
	root := &cobra.Command{
		Use: "gateway", Short: "The HTTP API of Swath", Version: version.String(),
		SilenceErrors: true, SilenceUsage: true,
	}
	all := root.PersistentFlags()
	all.StringVar(&flags.configPath, "config", "/etc/swath/config.yaml", "the operator's configuration file, which says where each namespace's storage is")
	all.StringVar(&flags.volumesDir, "volumes-dir", "/swath/volumes", "where NAMESPACE/CLAIM is the volume of a namespace with file:// storage; without it the path of the URL is used")
	all.BoolVar(&flags.s3Profiles, "s3-profiles", false, "use the credentials that AWS_SHARED_CREDENTIALS_FILE has for the profile named as the namespace")
	all.TextVar(&flags.level, "log-level", slog.LevelInfo, "DEBUG, INFO, WARN or ERROR")
	root.AddCommand(newServe(&flags), newJanitor(&flags), newHandOver(&flags))
	return root
}

// logger logs JSON lines, also for the libraries.
func (c *common) logger() *slog.Logger {
	handler := slog.NewJSONHandler(os.Stderr, &slog.HandlerOptions{Level: c.level})
	ctrl.SetLogger(logr.FromSlogHandler(handler))
	klog.SetSlogLogger(slog.New(handler))
	return slog.New(handler)
}

// connect reads the configurations: where storage is, and where the API server is. The caller closes the stores.
func (c *common) connect() (*gateway.ConfiguredStores, *rest.Config, error) {
	configured, err := config.Load(c.configPath)
	if err != nil {
		return nil, nil, err
	}
	cluster, err := ctrl.GetConfig()
	if err != nil {
		return nil, nil, fmt.Errorf("finding the API server: %w", err)
	}
	return &gateway.ConfiguredStores{Config: &configured, VolumesDir: c.volumesDir, S3Profiles: c.s3Profiles}, cluster, nil
}
