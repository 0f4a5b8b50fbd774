package gateway

import (
	"errors"
	"fmt"
	"os"
	"testing"

	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/swath-dev/swath/test/apiserver"
)

// The API server that all tests share, as its administrator.
var (
	adminConfig *rest.Config
	kube        kubernetes.Interface
	admin       client.Client
	// assets is the folder that has kubectl.
	assets string
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
	server, err := apiserver.Start()
	if err != nil {
		return 1, err
	}
	defer func() { err = errors.Join(err, server.Stop()) }()
	adminConfig, assets = server.Config, server.Assets
	adminConfig.QPS = -1
	if kube, err = kubernetes.NewForConfig(adminConfig); err != nil {
		return 1, err
	}
	if admin, err = server.Client(); err != nil {
		return 1, err
	}
	return run(), nil
}
