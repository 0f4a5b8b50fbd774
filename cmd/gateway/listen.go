package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"sigs.k8s.io/controller-runtime/pkg/certwatcher"
)

const (
	headerTimeout = 10 * time.Second
	idleTimeout   = 2 * time.Minute
	// maxHeaderBytes bounds what a request's headers may take.
	maxHeaderBytes = 32 << 10
	// drainTime is how long Kubernetes may take to send no more requests here, and shutdownTime how long those that go on may
	// take then.
	drainTime    = 5 * time.Second
	shutdownTime = 50 * time.Second
)

// tlsFiles are a certificate and its key.
type tlsFiles struct{ certificate, key string }

// listen listens at address, with TLS where there is a certificate.
func (f tlsFiles) listen(ctx context.Context, address string) (net.Listener, error) {
	listening, err := (&net.ListenConfig{}).Listen(ctx, "tcp", address)
	if err != nil {
		return nil, fmt.Errorf("listening at %s: %w", address, err)
	}
	if f.certificate == "" && f.key == "" {
		return listening, nil
	}
	watcher, err := certwatcher.New(f.certificate, f.key)
	if err != nil {
		_ = listening.Close()
		return nil, fmt.Errorf("reading the certificate: %w", err)
	}
	go func() {
		if err := watcher.Start(ctx); err != nil {
			slog.Error("the certificate is not read again when it changes", "error", err)
		}
	}()
	return tls.NewListener(listening, &tls.Config{
		GetCertificate: watcher.GetCertificate, MinVersion: tls.VersionTLS12, NextProtos: []string{"h2", "http/1.1"},
	}), nil
}

func newAPIServer(handler http.Handler, log *slog.Logger) *http.Server {
	return &http.Server{
		Handler: handler, ReadHeaderTimeout: headerTimeout, IdleTimeout: idleTimeout, MaxHeaderBytes: maxHeaderBytes,
		ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelDebug),
	}
}

// readiness is whether requests are to be sent here.
type readiness struct{ ready atomic.Bool }

func (r *readiness) set(ready bool) { r.ready.Store(ready) }

func (r *readiness) ServeHTTP(w http.ResponseWriter, _ *http.Request) {
	if !r.ready.Load() {
		http.Error(w, "not ready", http.StatusServiceUnavailable)
		return
	}
	fmt.Fprintln(w, "ok")
}

// serve serves until ctx ends; then it first waits until nobody sends requests any more, and lets those that go on end.
func serve(ctx context.Context, server *http.Server, listening net.Listener, ready *readiness, drain time.Duration) error {
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(listening) }()
	select {
	case err := <-ended:
		return fmt.Errorf("serving the API: %w", err)
	case <-ctx.Done():
	}
	ready.set(false)
	<-time.After(drain)
	closing, cancel := context.WithTimeout(context.WithoutCancel(ctx), shutdownTime)
	defer cancel()
	if err := server.Shutdown(closing); err != nil {
		return errors.Join(fmt.Errorf("waiting for requests to end: %w", err), server.Close())
	}
	return nil
}

// serveManagement serves what Kubernetes and Prometheus ask for, until serving ends: that the gateway is not ready has to be
// told for as long as requests are being worked on.
func serveManagement(ctx, serving context.Context, address string, registry *prometheus.Registry, ready *readiness, log *slog.Logger) error {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "ok") })
	mux.Handle("GET /readyz", ready)
	mux.Handle("GET /metrics", promhttp.HandlerFor(registry, promhttp.HandlerOpts{ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelError)}))
	listening, err := (&net.ListenConfig{}).Listen(ctx, "tcp", address)
	if err != nil {
		return fmt.Errorf("listening at %s: %w", address, err)
	}
	server := newAPIServer(mux, log)
	server.WriteTimeout = time.Minute
	stop := context.AfterFunc(serving, func() { _ = server.Close() })
	defer stop()
	if err := server.Serve(listening); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serving health and metrics: %w", err)
	}
	return nil
}
