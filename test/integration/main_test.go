// Package integration tests the operator against a real API server and etcd. The
// tests act as the kubelet: they write the status of Pods.
package integration

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/go-logr/logr"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/envtest"
	"sigs.k8s.io/yaml"

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
	if err := grantOperator(); err != nil {
		return 1, err
	}
	return m.Run(), nil
}

// operatorUser is as whom the operator talks to the API server in all tests: it
// has only the rights that it is installed with.
const operatorUser = "system:serviceaccount:swath-system:manager"

func grantOperator() error {
	data, err := os.ReadFile(filepath.Join("..", "..", "config", "rbac", "role.yaml"))
	if err != nil {
		return fmt.Errorf("reading the operator's role: %w", err)
	}
	role := &rbacv1.ClusterRole{}
	if err := yaml.UnmarshalStrict(data, role); err != nil {
		return fmt.Errorf("reading the operator's role: %w", err)
	}
	binding := &rbacv1.ClusterRoleBinding{
		ObjectMeta: metav1.ObjectMeta{Name: role.Name},
		RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: role.Name},
		Subjects:   []rbacv1.Subject{{APIGroup: rbacv1.GroupName, Kind: rbacv1.UserKind, Name: operatorUser}},
	}
	for _, object := range []client.Object{role, binding} {
		if err := cluster.Create(context.Background(), object); err != nil {
			return fmt.Errorf("granting the operator its rights: %w", err)
		}
	}
	return nil
}
