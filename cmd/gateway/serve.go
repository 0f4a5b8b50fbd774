package main

import (
	"context"
	"fmt"
	"log/slog"
	"net/netip"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"

	"github.com/swath-dev/swath/internal/gateway"
	"github.com/swath-dev/swath/internal/gateway/access"
	"github.com/swath-dev/swath/internal/gateway/jobs"
	"github.com/swath-dev/swath/internal/namespaces"
	"github.com/swath-dev/swath/internal/storage"
	"github.com/swath-dev/swath/internal/version"
)

// The words of --authentication.
const (
	authenticateTokens = "token"
	authenticateNobody = "none"
)

type serveFlags struct {
	*common
	address        string
	management     string
	authentication string
	audience       string
	namespace      string
	proxies        []string
	tls            tlsFiles
	limits         gateway.Limits
	qps            float32
}

func newServe(all *common) *cobra.Command {
	s := serveFlags{common: all}
	command := &cobra.Command{
		Use: "serve", Short: "Serve the HTTP API", Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error { return s.run(c.Context()) },
	}
	flags := command.Flags()
	flags.StringVar(&s.address, "address", ":8443", "host:port to serve the API at")
	flags.StringVar(&s.management, "management-address", ":8081", "host:port to serve /healthz, /readyz and /metrics at")
	flags.StringVar(&s.authentication, "authentication", authenticateTokens, "token: whoever has a token of Kubernetes for the audience; none: anyone, on the loopback interface only")
	flags.StringVar(&s.audience, "audience", "swath", "the audience that tokens have to be meant for")
	flags.StringVar(&s.namespace, "namespace", "", "with --authentication=none: the namespace of requests that name none")
	flags.StringSliceVar(&s.proxies, "trusted-proxies", nil, "addresses (CIDR) of proxies whose X-Forwarded-For is believed; callers behind any other count as one where tokens are tried out")
	flags.StringVar(&s.tls.certificate, "tls-certificate", "", "the certificate's file; it is read again when it changes. Without it the API is served as plain HTTP")
	flags.StringVar(&s.tls.key, "tls-key", "", "the certificate's key")
	limitFlags(flags, &s.limits)
	flags.Float32Var(&s.qps, "api-qps", 500, "how many requests a second go to the API server at most")
	return command
}

func (s *serveFlags) run(ctx context.Context) error {
	boundGarbage()
	if s.limits.FileBytes > storage.MaxFileBytes {
		return fmt.Errorf("--max-file-bytes is %d, and storage takes files of at most %d bytes", s.limits.FileBytes, int64(storage.MaxFileBytes))
	}
	log := s.logger()
	stores, config, err := s.connect()
	if err != nil {
		return err
	}
	defer stores.Close()
	config.QPS, config.Burst = s.qps, int(2*s.qps)
	cluster, err := newClient(config)
	if err != nil {
		return err
	}
	owners := &namespaces.UIDs{}
	stores.Owner = func(ctx context.Context, namespace string) (string, error) { return owners.Of(ctx, cluster, namespace) }
	gate, err := s.gate(config, log)
	if err != nil {
		return err
	}
	known, err := jobs.Open(config)
	if err != nil {
		return err
	}
	registry := prometheus.NewRegistry()
	registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	server, err := gateway.New(gateway.Options{
		Jobs: known, Gate: gate, Stores: stores, Limits: s.limits, Log: log, Metrics: registry, Version: version.String(),
		PriorityClass: stores.Config.Train.PriorityClassName,
	})
	if err != nil {
		return err
	}
	listening, err := s.tls.listen(ctx, s.address)
	if err != nil {
		return err
	}
	ready := &readiness{}
	group, ctx := errgroup.WithContext(ctx)
	// The cache is there for as long as requests are being worked on.
	serving, served := context.WithCancel(context.WithoutCancel(ctx))
	group.Go(func() error { return known.Run(serving) })
	group.Go(func() error {
		defer served()
		if err := known.Ready(ctx); err != nil {
			return err
		}
		ready.set(true)
		log.Info("serving", "address", listening.Addr().String(), "version", version.String())
		return serve(ctx, newAPIServer(server, log), listening, ready, s.drain())
	})
	group.Go(func() error { return serveManagement(ctx, serving, s.management, registry, ready, log) })
	return group.Wait()
}

// drain is how long requests may still come after the gateway was told to end: Kubernetes takes a while to send no more.
func (s *serveFlags) drain() time.Duration {
	if s.authentication == authenticateNobody {
		return 0
	}
	return drainTime
}

func (s *serveFlags) gate(config *rest.Config, log *slog.Logger) (access.Gate, error) {
	switch s.authentication {
	case authenticateNobody:
		if err := access.CheckLoopback(s.address); err != nil {
			return nil, err
		}
		log.Warn("serving WITHOUT AUTHENTICATION: anyone on this machine may do everything that the gateway may", "address", s.address)
		return access.Open{Namespace: s.namespace}, nil
	case authenticateTokens:
		client, err := kubernetes.NewForConfig(config)
		if err != nil {
			return nil, fmt.Errorf("connecting to the API server: %w", err)
		}
		var proxies []netip.Prefix
		for _, text := range s.proxies {
			prefix, err := netip.ParsePrefix(text)
			if err != nil {
				return nil, fmt.Errorf("--trusted-proxies: %w", err)
			}
			proxies = append(proxies, prefix)
		}
		return access.NewKubernetes(client, s.audience, proxies...)
	}
	return nil, fmt.Errorf("--authentication is %q and must be %s or %s", s.authentication, authenticateTokens, authenticateNobody)
}
