//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	osuser "os/user"
	"strconv"

	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/client-go/tools/clientcmd/api"
)

// contextName is what cluster, user and context are called in kubeconfigs.
const contextName = "swath-local"

// user is who a kubeconfig is for. Kubernetes has rights for most of these names and groups from the start.
type user struct {
	path   string
	name   string
	groups []string
}

// writeKubeconfigs makes a certificate and a kubeconfig for each user.
func (c *cluster) writeKubeconfigs(a authority, caCertificate []byte) error {
	users := []user{
		{c.kubeconfig(), "admin", []string{"system:masters"}},
		{c.path("etc", "kubelet.kubeconfig"), "system:node:" + nodeName, []string{"system:nodes"}},
		{c.path("etc", "kube-controller-manager.kubeconfig"), "system:kube-controller-manager", nil},
		{c.path("etc", "kube-scheduler.kubeconfig"), "system:kube-scheduler", nil},
		{c.path("etc", "kube-proxy.kubeconfig"), "system:kube-proxy", nil},
		{c.path("etc", "coredns.kubeconfig"), "system:coredns", nil}, // Its rights are in config/dns.yaml.
	}
	for _, u := range users {
		id, err := a.client(u.name, u.groups...)
		if err != nil {
			return err
		}
		config := api.NewConfig()
		config.Clusters[contextName] = &api.Cluster{
			Server:                   fmt.Sprintf("https://%s:6443", c.state.Network.Node()),
			CertificateAuthorityData: caCertificate,
		}
		config.AuthInfos[contextName] = &api.AuthInfo{
			ClientCertificateData: id.certificate,
			ClientKeyData:         id.key,
		}
		config.Contexts[contextName] = &api.Context{Cluster: contextName, AuthInfo: contextName}
		config.CurrentContext = contextName
		if err := clientcmd.WriteToFile(*config, u.path); err != nil {
			return fmt.Errorf("writing the kubeconfig of %s: %w", u.name, err)
		}
	}
	return giveToSudoUser(c.kubeconfig())
}

// client is the administrator's client.
func (c *cluster) client() (kubernetes.Interface, error) {
	config, err := clientcmd.BuildConfigFromFlags("", c.kubeconfig())
	if err != nil {
		return nil, fmt.Errorf("reading the kubeconfig: %w", err)
	}
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return nil, fmt.Errorf("making a client of the kubeconfig: %w", err)
	}
	return client, nil
}

// giveToSudoUser makes the file belong to the user who has called sudo, if one has: kubectl then needs no sudo.
func giveToSudoUser(path string) error {
	name := os.Getenv("SUDO_USER")
	if name == "" {
		return nil
	}
	caller, err := osuser.Lookup(name)
	if err != nil {
		return fmt.Errorf("looking for the user who called sudo: %w", err)
	}
	uid, err := strconv.Atoi(caller.Uid)
	if err != nil {
		return fmt.Errorf("looking for the user who called sudo: %w", err)
	}
	// The group stays root's: the file is readable for its owner only.
	if err := os.Chown(path, uid, -1); err != nil {
		return fmt.Errorf("giving %s to the user who called sudo: %w", path, err)
	}
	return nil
}

// printKubeconfig prints the administrator's kubeconfig's path, for export KUBECONFIG=$(…).
func printKubeconfig(_ context.Context, c *cluster, _ []string) error {
	if _, err := os.Stat(c.kubeconfig()); err != nil {
		return errNotUp
	}
	fmt.Println(c.kubeconfig())
	return nil
}

// runKubectl runs the kubectl that was built, as the administrator, and ends as it ends.
func runKubectl(ctx context.Context, c *cluster, args []string) error {
	if c.state.Binaries == "" {
		return errNotUp
	}
	cmd := c.kubectl(ctx, args...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	return passExit(cmd.Run())
}

func (c *cluster) kubectl(ctx context.Context, args ...string) *exec.Cmd {
	return exec.CommandContext(ctx, c.program("kubectl"), append([]string{"--kubeconfig=" + c.kubeconfig()}, args...)...)
}

// passExit makes a command's exit code this program's.
func passExit(err error) error {
	if exit := (*exec.ExitError)(nil); errors.As(err, &exit) && exit.Exited() {
		return exitError(exit.ExitCode())
	}
	return err
}
