//go:build linux

package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// containerdSocket is containerd's socket inside the node.
const containerdSocket = "/run/containerd/containerd.sock"

// component is one of the programs that make the node.
type component struct {
	name   string
	path   string // Inside the node; a name without a path is looked for.
	args   []string
	after  []string // The components that must be healthy before it starts.
	health string   // A URL, or the path of a socket inside the node.
}

// componentNames are in the order in which they start.
var componentNames = []string{
	"etcd", "containerd", "kube-apiserver", "kube-controller-manager", "kube-scheduler", "kubelet", "kube-proxy",
	"coredns",
}

// components returns the components in the order in which they start.
func components(n network) []component {
	node := n.Node().String()
	all := []component{
		{name: "etcd", args: etcdArgs(node), health: "http://" + node + ":2381/health"},
		{name: "containerd", args: []string{"--config=" + etc("containerd.toml")}, health: containerdSocket},
		{name: "kube-apiserver", args: apiServerArgs(n), after: []string{"etcd"}, health: "https://" + node + ":6443/readyz"},
		{name: "kube-controller-manager", args: controllerManagerArgs(node), after: []string{"kube-apiserver"},
			health: "https://" + node + ":10257/healthz"},
		{name: "kube-scheduler", args: schedulerArgs(node), after: []string{"kube-apiserver"},
			health: "https://" + node + ":10259/healthz"},
		{name: "kubelet", args: kubeletArgs(node), after: []string{"kube-apiserver", "containerd"},
			health: "http://" + node + ":10248/healthz"},
		{name: "kube-proxy", args: proxyArgs(), after: []string{"kube-apiserver"}, health: "http://" + node + ":10256/livez"},
		{name: "coredns", args: []string{"-conf=" + etc("Corefile")}, after: []string{"kube-apiserver"},
			health: "http://" + node + ":8181/ready"},
	}
	for i := range all {
		all[i].path = filepath.Join(insideBinaries, all[i].name)
		if all[i].name == "containerd" {
			all[i].path = "containerd" // Debian's.
		}
	}
	return all
}

// etc is one of the files that writeConfigs and writeCertificates have made, as the node sees it.
func etc(elem ...string) string { return filepath.Join(append([]string{insideDir, "etc"}, elem...)...) }

func etcdArgs(node string) []string {
	return []string{
		"--data-dir=/var/lib/etcd",
		"--listen-client-urls=http://127.0.0.1:2379", // The node's own loopback: nobody else gets there.
		"--advertise-client-urls=http://127.0.0.1:2379",
		"--listen-peer-urls=http://127.0.0.1:2380",
		"--initial-advertise-peer-urls=http://127.0.0.1:2380",
		"--initial-cluster=default=http://127.0.0.1:2380",
		"--listen-metrics-urls=http://" + node + ":2381",
		"--unsafe-no-fsync", // After a crash of the machine the cluster is made anew anyway.
		"--log-level=warn",
	}
}

func apiServerArgs(n network) []string {
	return []string{
		"--etcd-servers=http://127.0.0.1:2379",
		"--advertise-address=" + n.Node().String(),
		"--service-cluster-ip-range=" + n.Services().String(),
		"--client-ca-file=" + etc("ca.crt"),
		"--tls-cert-file=" + etc("node.crt"),
		"--tls-private-key-file=" + etc("node.key"),
		"--kubelet-client-certificate=" + etc("kubelet-client.crt"),
		"--kubelet-client-key=" + etc("kubelet-client.key"),
		"--kubelet-certificate-authority=" + etc("ca.crt"),
		"--kubelet-preferred-address-types=InternalIP", // The node's name is known to no name server.
		"--service-account-issuer=https://kubernetes.default.svc.cluster.local",
		"--service-account-key-file=" + etc("service-accounts.pub"),
		"--service-account-signing-key-file=" + etc("service-accounts.key"),
		"--authorization-mode=Node,RBAC",
		"--enable-admission-plugins=NodeRestriction",
		"--allow-privileged=true", // Pod Security says where.
		"--profiling=false",
	}
}

func controllerManagerArgs(node string) []string {
	return append(clientArgs("kube-controller-manager", node),
		"--root-ca-file="+etc("ca.crt"),
		"--service-account-private-key-file="+etc("service-accounts.key"),
		"--cluster-signing-cert-file="+etc("ca.crt"),
		"--cluster-signing-key-file="+etc("ca.key"),
		"--use-service-account-credentials=true",
	)
}

func schedulerArgs(node string) []string { return clientArgs("kube-scheduler", node) }

// clientArgs are those that controller manager and scheduler have in common.
func clientArgs(name, node string) []string {
	kubeconfig := etc(name + ".kubeconfig")
	return []string{
		"--kubeconfig=" + kubeconfig,
		"--authentication-kubeconfig=" + kubeconfig,
		"--authorization-kubeconfig=" + kubeconfig,
		"--authentication-skip-lookup=true", // The certificate authority is below.
		"--bind-address=" + node,
		"--client-ca-file=" + etc("ca.crt"),
		"--tls-cert-file=" + etc("node.crt"),
		"--tls-private-key-file=" + etc("node.key"),
		"--leader-elect=false", // There is one of each, and it would wait for the lease of the one before.
		"--profiling=false",
	}
}

func kubeletArgs(node string) []string {
	return []string{
		"--config=" + etc("kubelet.yaml"),
		"--kubeconfig=" + etc("kubelet.kubeconfig"),
		"--hostname-override=" + nodeName,
		"--node-ip=" + node,
	}
}

func proxyArgs() []string {
	return []string{"--config=" + etc("kube-proxy.yaml"), "--hostname-override=" + nodeName}
}

// probe tells whether the component is healthy. fsRoot is where the node's file system is seen.
func (c component) probe(fsRoot string) error {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	if !strings.Contains(c.health, "://") {
		conn, err := (&net.Dialer{}).DialContext(ctx, "unix", filepath.Join(fsRoot, c.health))
		if err != nil {
			return err
		}
		return conn.Close()
	}
	client, err := probeClient(fsRoot)
	if err != nil {
		return err
	}
	defer client.CloseIdleConnections()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, c.health, nil)
	if err != nil {
		return err
	}
	response, err := client.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("%s answers %s", c.health, response.Status)
	}
	return nil
}

// probeClient trusts the cluster's certificate authority, and no proxy.
func probeClient(fsRoot string) (*http.Client, error) {
	pem, err := os.ReadFile(filepath.Join(fsRoot, etc("ca.crt")))
	if err != nil {
		return nil, err
	}
	authorities := x509.NewCertPool()
	authorities.AppendCertsFromPEM(pem)
	return &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: authorities}}}, nil
}
