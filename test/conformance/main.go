// Command conformance is behind `make test-api`: it starts the HTTP API on a real API server, puts there what the examples of its
// description name, and lets schemathesis look for requests on which description and API differ.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/sync/errgroup"
	"k8s.io/client-go/kubernetes"

	"github.com/swath-dev/swath/hack/cluster/repo"
	"github.com/swath-dev/swath/internal/config"
	"github.com/swath-dev/swath/internal/gateway"
	"github.com/swath-dev/swath/internal/gateway/access"
	"github.com/swath-dev/swath/internal/gateway/jobs"
	"github.com/swath-dev/swath/test/apiserver"
)

func main() {
	program := flag.String("schemathesis", "schemathesis", "the program")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, *program, flag.Args()); err != nil {
		fmt.Fprintln(os.Stderr, "conformance:", err)
		stop()
		os.Exit(1)
	}
}

// run runs schemathesis with more arguments against a gateway of its own.
func run(ctx context.Context, program string, arguments []string) (err error) {
	root, err := repo.Root()
	if err != nil {
		return err
	}
	folder, err := os.MkdirTemp("", "conformance-*")
	if err != nil {
		return err
	}
	defer os.RemoveAll(folder) // A temporary folder.
	server, err := apiserver.Start()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, server.Stop()) }()
	server.Config.QPS = -1
	w := &world{root: root, folder: folder, storage: "file://" + filepath.Join(folder, "storage"), config: server.Config}
	if w.kube, err = kubernetes.NewForConfig(server.Config); err != nil {
		return err
	}
	if w.admin, err = server.Client(); err != nil {
		return err
	}
	if err := w.fill(ctx); err != nil {
		return err
	}
	ctx, end := context.WithCancel(ctx)
	group, ctx := errgroup.WithContext(ctx)
	address, err := w.serve(ctx, group)
	if err == nil {
		err = w.schemathesis(ctx, program, address, arguments)
	}
	end()
	return errors.Join(err, group.Wait())
}

// serve serves the API on a free port, and gives its address.
func (w *world) serve(ctx context.Context, group *errgroup.Group) (string, error) {
	known, err := jobs.Open(w.config)
	if err != nil {
		return "", err
	}
	group.Go(func() error { return known.Run(ctx) })
	if err := known.Ready(ctx); err != nil {
		return "", err
	}
	gate, err := access.NewKubernetes(w.kube, audience)
	if err != nil {
		return "", err
	}
	log, err := os.Create(filepath.Join(w.folder, "gateway.log"))
	if err != nil {
		return "", err
	}
	const unlimited = 1e6
	handler, err := gateway.New(gateway.Options{
		Jobs: known, Gate: gate, Stores: &gateway.ConfiguredStores{Config: &config.Config{Storage: []config.Storage{{URL: w.storage}}}},
		Limits: gateway.Limits{PerSecond: unlimited, Burst: unlimited, FileBytes: 1 << 20, InferenceBytes: 1 << 20},
		Log:    slog.New(slog.NewTextHandler(log, nil)), Metrics: prometheus.NewRegistry(), Version: "test",
	})
	if err != nil {
		return "", err
	}
	listening, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return "", fmt.Errorf("listening: %w", err)
	}
	serving := &http.Server{Handler: handler, ReadHeaderTimeout: 10 * time.Second}
	context.AfterFunc(ctx, func() { _ = serving.Close() })
	group.Go(func() error {
		if err := serving.Serve(listening); !errors.Is(err, http.ErrServerClosed) {
			return err
		}
		return nil
	})
	return "http://" + listening.Addr().String(), nil
}

// schemathesis runs it with the settings beside this program.
func (w *world) schemathesis(ctx context.Context, program, address string, arguments []string) error {
	settings := filepath.Join(w.root, "test", "conformance")
	command := exec.CommandContext(ctx, program, append([]string{
		"--config-file", filepath.Join(settings, "schemathesis.toml"), "run", address + "/openapi.json",
	}, arguments...)...)
	command.Dir = w.folder
	command.Env = append(os.Environ(), "SWATH_TOKEN="+w.token, "SCHEMATHESIS_HOOKS=hooks", "PYTHONPATH="+settings, "PYTHONDONTWRITEBYTECODE=1")
	command.Stdout, command.Stderr = os.Stdout, os.Stderr
	command.Cancel = func() error { return command.Process.Signal(os.Interrupt) }
	if err := command.Run(); err != nil {
		return fmt.Errorf("schemathesis: %w", err)
	}
	return nil
}
