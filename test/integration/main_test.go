// Package integration tests the operator against a real API server and etcd. The
// tests act as the kubelet: they write the status of Pods.
package integration

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	utilyaml "k8s.io/apimachinery/pkg/util/yaml"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/swath-dev/swath/internal/manager"
	"github.com/swath-dev/swath/test/apiserver"
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
	server, err := apiserver.Start()
	if err != nil {
		return 1, err
	}
	defer func() { err = errors.Join(err, server.Stop()) }()
	apiServer = server.Config
	apiServer.QPS, apiServer.Burst = 2000, 4000
	cluster, err = client.NewWithWatch(apiServer, client.Options{Scheme: manager.Scheme()})
	if err != nil {
		return 1, fmt.Errorf("making a client: %w", err)
	}
	if err := grantOperator(); err != nil {
		return 1, err
	}
	return m.Run(), nil
}

// operatorUser is as whom the operator talks to the API server in all tests: it
// has only the rights that it is installed with.
const operatorUser = "system:serviceaccount:swath-system:manager"

// grantOperator installs the operator's rights as config/ has them.
func grantOperator() error {
	namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "swath-system"}}
	if err := cluster.Create(context.Background(), namespace); err != nil {
		return fmt.Errorf("making the operator's namespace: %w", err)
	}
	for _, name := range []string{"role.yaml", "role_binding.yaml", "leader_election.yaml", "users/user_roles.yaml"} {
		if err := install(filepath.Join("..", "..", "config", "rbac", name)); err != nil {
			return fmt.Errorf("granting the operator its rights: %w", err)
		}
	}
	return nil
}

// install creates every object of a file.
func install(path string) error {
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	defer func() { _ = file.Close() }()
	decoder := utilyaml.NewYAMLOrJSONDecoder(file, 4096)
	for {
		object := &unstructured.Unstructured{}
		if err := decoder.Decode(object); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return fmt.Errorf("reading %s: %w", path, err)
		}
		if len(object.Object) == 0 {
			continue
		}
		if err := cluster.Create(context.Background(), object); err != nil {
			return fmt.Errorf("creating %s %s: %w", object.GetKind(), object.GetName(), err)
		}
	}
}
