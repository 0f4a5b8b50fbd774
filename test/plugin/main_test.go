package plugin

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/envtest"

	"github.com/swath-dev/swath/hack/cluster/repo"
	"github.com/swath-dev/swath/test/apiserver"
)

// What all tests share: the API server, its administrator, and the folder of kubectl and the plugin.
var (
	environment   *envtest.Environment
	adminConfig   *rest.Config
	admin         client.Client
	programFolder string
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
	root, err := repo.Root()
	if err != nil {
		return 1, err
	}
	if programFolder, err = os.MkdirTemp("", "swath-plugin-*"); err != nil {
		return 1, err
	}
	defer os.RemoveAll(programFolder) // A temporary folder.
	build := exec.Command("go", "build", "-o", programFolder+"/", "./cmd/kubectl-swath")
	build.Dir = root
	if output, err := build.CombinedOutput(); err != nil {
		return 1, fmt.Errorf("building kubectl-swath: %w\n%s", err, output)
	}
	server, err := apiserver.Start()
	if err != nil {
		return 1, err
	}
	defer func() { err = errors.Join(err, server.Stop()) }()
	environment, adminConfig = server.Environment, server.Config
	if err := os.Symlink(filepath.Join(server.Assets, "kubectl"), filepath.Join(programFolder, "kubectl")); err != nil {
		return 1, err
	}
	if admin, err = server.Client(); err != nil {
		return 1, err
	}
	return run(), nil
}
