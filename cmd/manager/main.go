// Command manager is the operator: it takes TrainingJobs through their phases.
package main

import (
	"context"
	"flag"
	"fmt"
	"log/slog"
	"os"

	"github.com/go-logr/logr"
	"k8s.io/klog/v2"
	ctrl "sigs.k8s.io/controller-runtime"

	"github.com/swath-dev/swath/internal/config"
	"github.com/swath-dev/swath/internal/manager"
)

func main() {
	if err := run(ctrl.SetupSignalHandler(), os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "manager:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	flags := flag.NewFlagSet("manager", flag.ContinueOnError)
	var options manager.Options
	configPath := flags.String("config", "/etc/swath/config.yaml", "the configuration file; docs/operating.md describes it")
	flags.StringVar(&options.MetricsAddress, "metrics-address", ":8080", "host:port to serve Prometheus metrics at; 0 for none")
	flags.BoolVar(&options.MetricsSecure, "metrics-secure", false, "serve metrics over HTTPS, to callers whose token has the right to get /metrics")
	flags.StringVar(&options.MetricsCertPath, "metrics-cert-path", "", "with --metrics-secure: the folder with tls.crt and tls.key; they are read again when they change. Without it the certificate is self-signed")
	flags.StringVar(&options.HealthAddress, "health-address", ":8081", "host:port to serve /healthz and /readyz at; 0 for none")
	flags.StringVar(&options.ProfileAddress, "pprof-address", "", "host:port to serve Go's profiles at; none when empty. They tell about the program: keep it on loopback")
	flags.BoolVar(&options.LeaderElect, "leader-elect", false, "let several replicas agree on one that works")
	flags.StringVar(&options.LeaderElectionNamespace, "leader-election-namespace", "", "where the lease is; the Pod's own namespace when empty")
	var level slog.Level
	flags.TextVar(&level, "log-level", slog.LevelInfo, "DEBUG, INFO, WARN or ERROR")
	if err := flags.Parse(args); err != nil {
		return err
	}
	handler := slog.NewJSONHandler(os.Stderr, &slog.HandlerOptions{Level: level})
	ctrl.SetLogger(logr.FromSlogHandler(handler))
	klog.SetSlogLogger(slog.New(handler))
	c, err := config.Load(*configPath)
	if err != nil {
		return err
	}
	restConfig, err := ctrl.GetConfig()
	if err != nil {
		return fmt.Errorf("finding the API server: %w", err)
	}
	mgr, err := manager.New(ctx, restConfig, &c, options)
	if err != nil {
		return err
	}
	if err := mgr.Start(ctx); err != nil {
		return fmt.Errorf("running the operator: %w", err)
	}
	return nil
}
