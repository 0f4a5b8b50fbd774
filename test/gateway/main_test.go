package gateway

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/go-logr/logr"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/envtest"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/swath-dev/swath/api/v1alpha1"
	"github.com/swath-dev/swath/hack/cluster/binaries"
	"github.com/swath-dev/swath/hack/cluster/repo"
)

// The API server that all tests share, as its administrator.
var (
	adminConfig *rest.Config
	kube        kubernetes.Interface
	admin       client.Client
)

func TestMain(m *testing.M) {
	code, err := withAPIServer(m.Run)
	if err != nil {
		fmt.Fprintln(os.Stderr, "test/gateway:", err)
		code = 1
	}
	os.Exit(code)
}

func withAPIServer(run func() int) (code int, err error) {
	log.SetLogger(logr.Discard())
	root, err := repo.Root()
	if err != nil {
		return 1, err
	}
	assets := os.Getenv("KUBEBUILDER_ASSETS")
	if assets == "" {
		if assets, err = binaries.Ensure(context.Background(), root, os.Stderr, binaries.Envtest...); err != nil {
			return 1, err
		}
	}
	environment := &envtest.Environment{
		CRDDirectoryPaths:     []string{filepath.Join(root, "config", "crd", "bases")},
		ErrorIfCRDPathMissing: true,
		BinaryAssetsDirectory: assets,
	}
	if adminConfig, err = environment.Start(); err != nil {
		return 1, fmt.Errorf("starting the API server: %w", err)
	}
	defer func() {
		if stopErr := environment.Stop(); stopErr != nil && err == nil {
			err = fmt.Errorf("stopping the API server: %w", stopErr)
		}
	}()
	adminConfig.QPS = -1
	if kube, err = kubernetes.NewForConfig(adminConfig); err != nil {
		return 1, err
	}
	if admin, err = client.New(adminConfig, client.Options{}); err != nil {
		return 1, err
	}
	if err := v1alpha1.AddToScheme(admin.Scheme()); err != nil {
		return 1, err
	}
	return run(), nil
}
