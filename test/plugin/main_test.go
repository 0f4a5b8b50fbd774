package plugin

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/go-logr/logr"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/envtest"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/swath-dev/swath/api/v1alpha1"
	"github.com/swath-dev/swath/hack/cluster/binaries"
	"github.com/swath-dev/swath/hack/cluster/repo"
)

// What all tests share: the API server, its administrator, and the folder of the programs.
var (
	environment *envtest.Environment
	adminConfig *rest.Config
	admin       client.Client
	programs    string
)

func TestMain(m *testing.M) {
	code, err := withAPIServer(m.Run)
	if err != nil {
		fmt.Fprintln(os.Stderr, "test/plugin:", err)
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
	if programs, err = os.MkdirTemp("", "swath-plugin-*"); err != nil {
		return 1, err
	}
	defer os.RemoveAll(programs) // A temporary folder.
	build := exec.Command("go", "build", "-o", programs+"/", "./cmd/kubectl-swath", "./cmd/gateway")
	build.Dir = root
	if output, err := build.CombinedOutput(); err != nil {
		return 1, fmt.Errorf("building the programs: %w\n%s", err, output)
	}
	assets := os.Getenv("KUBEBUILDER_ASSETS")
	if assets == "" {
		if assets, err = binaries.Ensure(context.Background(), root, os.Stderr, binaries.Envtest...); err != nil {
			return 1, err
		}
	}
	if err := os.Symlink(filepath.Join(assets, "kubectl"), filepath.Join(programs, "kubectl")); err != nil {
		return 1, err
	}
	environment = &envtest.Environment{
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
	if admin, err = client.New(adminConfig, client.Options{}); err != nil {
		return 1, err
	}
	if err := v1alpha1.AddToScheme(admin.Scheme()); err != nil {
		return 1, err
	}
	return run(), nil
}
