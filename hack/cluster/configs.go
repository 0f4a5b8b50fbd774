//go:build linux

package main

import (
	"bytes"
	"context"
	"embed"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"text/template"
)

// configFiles are what the components read, as templates.
//
//go:embed config
var configFiles embed.FS

// configValues are what the templates are filled in with.
type configValues struct {
	Name, Etc, CNIPlugins, ContainerdSocket, PauseImage string
	Network                                             network
}

// writeConfigs writes the components' configuration files.
func (c *cluster) writeConfigs() error {
	values := configValues{
		Name:             c.name(),
		Etc:              etc(),
		CNIPlugins:       cniPlugins,
		ContainerdSocket: containerdSocket,
		PauseImage:       pauseImage,
		Network:          c.state.Network,
	}
	for source, target := range map[string]string{
		"containerd.toml": "containerd.toml",
		"cni.conflist":    "cni/10-swath.conflist",
		"kubelet.yaml":    "kubelet.yaml",
		"kube-proxy.yaml": "kube-proxy.yaml",
		"resolv.conf":     "resolv.conf",
		"Corefile":        "Corefile",
	} {
		content, err := render(source, values)
		if err != nil {
			return err
		}
		file := c.path("etc", target)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			return fmt.Errorf("writing %s: %w", file, err)
		}
		if err := os.WriteFile(file, content, 0o644); err != nil {
			return fmt.Errorf("writing %s: %w", file, err)
		}
	}
	return nil
}

// render fills in one of the templates.
func render(name string, values any) ([]byte, error) {
	parsed, err := template.New(name).Option("missingkey=error").ParseFS(configFiles, path.Join("config", name))
	if err != nil {
		return nil, fmt.Errorf("reading the template %s: %w", name, err)
	}
	var out bytes.Buffer
	if err := parsed.Execute(&out, values); err != nil {
		return nil, fmt.Errorf("filling in the template %s: %w", name, err)
	}
	return out.Bytes(), nil
}

// apply hands one of the templates, filled in, to Kubernetes.
func (c *cluster) apply(ctx context.Context, name string, values any) error {
	manifest, err := render(name, values)
	if err != nil {
		return err
	}
	cmd := c.kubectl(ctx, "apply", "--filename=-")
	cmd.Stdin = bytes.NewReader(manifest)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("applying %s: %w\n%s", name, err, out)
	}
	return nil
}
