package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"time"

	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/swath-dev/swath/internal/contract"
	"github.com/swath-dev/swath/internal/training"
)

// progressServer answers how far training is, at the contract's paths.
type progressServer struct {
	options  *stageOptions
	progress *training.Progress
	server   *http.Server
	ended    chan struct{}
}

// startServer starts to serve. The answer says that nothing is done before the loop runs.
func startServer(ctx context.Context, o *stageOptions) (*progressServer, error) {
	var config net.ListenConfig
	listener, err := config.Listen(ctx, "tcp", o.address)
	if err != nil {
		return nil, fmt.Errorf("listening for those who ask for progress: %w", err)
	}
	s := &progressServer{options: o, progress: &training.Progress{}, ended: make(chan struct{})}
	mux := http.NewServeMux()
	mux.HandleFunc("GET "+contract.ProgressPath, s.answer)
	mux.Handle("GET "+contract.MetricsPath, promhttp.HandlerFor(newMetrics(s.progress), promhttp.HandlerOpts{}))
	s.server = &http.Server{Handler: mux, ReadHeaderTimeout: 5 * time.Second, WriteTimeout: 10 * time.Second, IdleTimeout: time.Minute}
	go func() {
		defer close(s.ended)
		if err := s.server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			o.log.Warn("progress is no longer served", "error", err.Error())
		}
	}()
	o.log.Info("serving progress", "address", listener.Addr().String())
	return s, nil
}

// use adds the hyperparameters to the answers. They are not changed afterwards; the loop has not begun.
func (s *progressServer) use(session *training.Session) error {
	used, err := json.Marshal(session.Settings())
	if err != nil {
		return fmt.Errorf("encoding the hyperparameters: %w", err)
	}
	s.progress.Describe(used)
	o := s.options
	o.log.Info("training", "hyperparameters", json.RawMessage(used))
	return nil
}

func (s *progressServer) answer(w http.ResponseWriter, _ *http.Request) {
	snapshot := s.progress.Snapshot()
	p := contract.Progress{
		PodUID: os.Getenv(contract.EnvPodUID), Job: s.options.Job, Start: s.options.Start, Summary: "reading the files", Checkpoint: int64(s.progress.Checkpoint()),
		Hyperparameters: s.progress.Description(), UpdatedAt: time.Now().UTC(),
	}
	if snapshot.Steps > 0 {
		p.Summary, p.UpdatedAt = snapshot.Summary(), snapshot.At.UTC()
		p.Epoch, p.Epochs, p.Step, p.Steps = int32(snapshot.Epoch), int32(snapshot.Epochs), int64(snapshot.Step), int64(snapshot.Steps)
		p.Metrics = contract.FiniteMetrics(progressMetrics(snapshot))
		if snapshot.Left > 0 {
			finished := snapshot.At.Add(snapshot.Left).UTC().Truncate(time.Second)
			p.EstimatedFinishedAt = &finished
		}
	}
	w.Header().Set("Content-Type", "application/json")
	if err := json.NewEncoder(w).Encode(p); err != nil {
		s.options.log.Warn("progress could not be sent", "error", err.Error())
	}
}

// reached says in a message how far training is; nothing before its first step.
func (s *progressServer) reached() contract.Message {
	snapshot := s.progress.Snapshot()
	if snapshot.Steps == 0 {
		return contract.Message{}
	}
	return contract.Message{
		Checkpoint: int64(s.progress.Checkpoint()),
		Summary:    snapshot.Summary(), Metrics: progressMetrics(snapshot), Hyperparameters: s.progress.Description(),
		Epoch: int32(snapshot.Epoch), Epochs: int32(snapshot.Epochs), Step: int64(snapshot.Step), Steps: int64(snapshot.Steps),
	}
}

// stop ends serving.
func (s *progressServer) stop() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	if err := s.server.Shutdown(ctx); err != nil {
		_ = s.server.Close()
	}
	<-s.ended
}
