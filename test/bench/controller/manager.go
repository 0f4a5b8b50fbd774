//go:build linux

package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	appsv1 "k8s.io/api/apps/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/apimachinery/pkg/util/yaml"
	"sigs.k8s.io/controller-runtime/pkg/client"
	sigsyaml "sigs.k8s.io/yaml"

	"github.com/swath-dev/swath/internal/config"
)

// managerUser is whom the manager is for the API server: the service account that it is installed with.
const managerUser = "system:serviceaccount:swath-system:manager"

// installManager gives the manager the rights that it is installed with, and writes its configuration: the installed
// one, but for the limits of its client, and for storage, which is a bucket that is never reached: nothing runs in
// the simulated Pods, and volumes would have to be made by other controllers.
func (c *cluster) installManager(ctx context.Context) error {
	for name, object := range map[string]client.Object{"role.yaml": &rbacv1.ClusterRole{}, "role_binding.yaml": &rbacv1.ClusterRoleBinding{}} {
		if err := readManifest(filepath.Join(c.root, "config", "rbac", name), object); err != nil {
			return err
		}
		if err := c.admin.Create(ctx, object); err != nil {
			return fmt.Errorf("giving the manager its rights: %w", err)
		}
	}
	installed, err := config.Load(filepath.Join(c.root, "config", "configuration", "config.yaml"))
	if err != nil {
		return err
	}
	installed.Controller.QPS, installed.Controller.Burst = clientQPS, clientBurst
	installed.Storage = []config.Storage{{URL: "s3://swath-bench?region=eu-central-1"}}
	c.config = installed
	content, err := sigsyaml.Marshal(installed)
	if err != nil {
		return fmt.Errorf("making the manager's configuration: %w", err)
	}
	if err := os.WriteFile(c.managerConfig(), content, 0o600); err != nil {
		return fmt.Errorf("writing the manager's configuration: %w", err)
	}
	return nil
}

func (c *cluster) managerConfig() string { return filepath.Join(c.dir, "manager.yaml") }

// managerProgram is the manager with the environment that it is installed with.
func managerProgram(c *cluster) (program, string, error) {
	address, err := freeAddress()
	if err != nil {
		return program{}, "", err
	}
	kubeconfig, err := c.kubeconfig("manager", managerUser)
	if err != nil {
		return program{}, "", err
	}
	var deployment appsv1.Deployment
	if err := readManifest(filepath.Join(c.root, "config", "manager", "manager.yaml"), &deployment); err != nil {
		return program{}, "", err
	}
	p := program{
		name: "manager", path: c.binaries.manager, env: []string{"KUBECONFIG=" + kubeconfig},
		args: []string{"--config=" + c.managerConfig(), "--metrics-address=" + address, "--health-address=0", "--pprof-address=127.0.0.1:6123"},
	}
	for _, container := range deployment.Spec.Template.Spec.Containers {
		for _, variable := range container.Env {
			p.env = append(p.env, variable.Name+"="+variable.Value)
		}
	}
	return p, address, nil
}

// readManifest reads the first object of a file into one of its kind.
func readManifest(path string, object any) error {
	file, err := os.Open(path)
	if err != nil {
		return fmt.Errorf("reading a manifest: %w", err)
	}
	defer file.Close()
	if err := yaml.NewYAMLOrJSONDecoder(file, 4096).Decode(object); err != nil {
		return fmt.Errorf("reading %s: %w", path, err)
	}
	return nil
}
