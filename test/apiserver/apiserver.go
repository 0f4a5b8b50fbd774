// Package apiserver starts a real API server with the schema of TrainingJobs, for tests of programs that talk to one.
package apiserver

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/go-logr/logr"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/envtest"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/swath-dev/swath/api/v1alpha1"
	"github.com/swath-dev/swath/hack/cluster/binaries"
	"github.com/swath-dev/swath/hack/cluster/repo"
)

// Server is a running API server.
type Server struct {
	Environment *envtest.Environment
	// Config is its administrator's.
	Config *rest.Config
	// Assets is the folder that has its program, and kubectl.
	Assets string
}

// Start starts one. KUBEBUILDER_ASSETS names the folder of its programs; without it they are built, once for all clones.
func Start() (*Server, error) {
	log.SetLogger(logr.Discard())
	root, err := repo.Root()
	if err != nil {
		return nil, err
	}
	s := &Server{Assets: os.Getenv("KUBEBUILDER_ASSETS")}
	if s.Assets == "" {
		if s.Assets, err = binaries.Ensure(context.Background(), root, os.Stderr, binaries.Envtest...); err != nil {
			return nil, err
		}
	}
	s.Environment = &envtest.Environment{
		CRDDirectoryPaths:     []string{filepath.Join(root, "config", "crd", "bases")},
		ErrorIfCRDPathMissing: true,
		BinaryAssetsDirectory: s.Assets,
	}
	if s.Config, err = s.Environment.Start(); err != nil {
		return nil, fmt.Errorf("starting the API server: %w", err)
	}
	return s, nil
}

// Client is a client of the administrator that knows TrainingJobs.
func (s *Server) Client() (client.Client, error) {
	c, err := client.New(s.Config, client.Options{})
	if err != nil {
		return nil, err
	}
	return c, v1alpha1.AddToScheme(c.Scheme())
}

// Stop stops it.
func (s *Server) Stop() error {
	if err := s.Environment.Stop(); err != nil {
		return fmt.Errorf("stopping the API server: %w", err)
	}
	return nil
}
