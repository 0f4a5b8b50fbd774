// Package integration tests the operator against a real API server and etcd. The
// tests act as the kubelet: they write the status of Pods.
package integration

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/go-logr/logr"
	"k8s.io/client-go/rest"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/envtest"

	"github.com/swath-dev/swath/internal/manager"
)

var (
	// apiServer is how to reach the API server of all tests.
	apiServer *rest.Config
	// cluster reads and writes as a cluster administrator.
	cluster client.WithWatch
)

func TestMain(m *testing.M) {
	code, err := run(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, "test/integration:", err)
		code = 1
	}
	os.Exit(code)
}

func run(m *testing.M) (code int, err error) {
	if os.Getenv("KUBEBUILDER_ASSETS") == "" {
		return 1, fmt.Errorf("KUBEBUILDER_ASSETS is not set; run `make test-integration`, or set it to $(go run ./hack/cluster/envtest)")
	}
	ctrl.SetLogger(logr.Discard())
	environment := &envtest.Environment{
		CRDDirectoryPaths:     []string{filepath.Join("..", "..", "config", "crd", "bases")},
		ErrorIfCRDPathMissing: true,
	}
	apiServer, err = environment.Start()
	if err != nil {
		return 1, fmt.Errorf("starting the API server: %w", err)
	}
	defer func() {
		if stopErr := environment.Stop(); stopErr != nil && err == nil {
			err = fmt.Errorf("stopping the API server: %w", stopErr)
		}
	}()
	apiServer.QPS, apiServer.Burst = 2000, 4000
	cluster, err = client.NewWithWatch(apiServer, client.Options{Scheme: manager.Scheme()})
	if err != nil {
		return 1, fmt.Errorf("making a client: %w", err)
	}
	return m.Run(), nil
}
