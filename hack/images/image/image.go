// Package image makes container images of Go programs without Docker: the program, linked statically, above the little
// that it needs of a file system. The same sources give the same image, byte for byte, on any machine with the same
// certificates.
package image

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
)

// User is the user and group that the programs run as: Pod Security wants another than root, and 65532 is what
// distroless images call nonroot.
const User = 65532

// certificates is where Debian, and Go's crypto/x509, have the trusted certificate authorities.
const certificates = "/etc/ssl/certs/ca-certificates.crt"

// epoch is the time of everything in an image.
var epoch = time.Unix(0, 0).UTC()

// Program is what an image is made of.
type Program struct {
	Root     string       // The folder of the Go module.
	Package  string       // The package, as go build has it: ./cmd/trainer.
	LDFlags  string       // More flags for the linker.
	Platform *v1.Platform // Operating system and architecture.
}

// Build builds the program and its image. The program is at /<last element of the package> and the entry point.
func Build(ctx context.Context, p Program) (v1.Image, error) {
	binary, err := compile(ctx, p)
	if err != nil {
		return nil, err
	}
	base, err := baseFiles()
	if err != nil {
		return nil, err
	}
	program := "/" + path.Base(p.Package)
	image := mutate.ConfigMediaType(empty.Image, "application/vnd.docker.container.image.v1+json")
	for _, files := range [][]file{base, {{path: program, mode: 0o755, content: binary}}} {
		layer, err := newLayer(files)
		if err != nil {
			return nil, fmt.Errorf("making a layer of the image of %s: %w", p.Package, err)
		}
		if image, err = mutate.AppendLayers(image, layer); err != nil {
			return nil, fmt.Errorf("making the image of %s: %w", p.Package, err)
		}
	}
	config, err := image.ConfigFile()
	if err != nil {
		return nil, fmt.Errorf("making the image of %s: %w", p.Package, err)
	}
	config = config.DeepCopy()
	config.OS, config.Architecture = p.Platform.OS, p.Platform.Architecture
	config.Created = v1.Time{Time: epoch}
	config.Config = v1.Config{
		User:       fmt.Sprintf("%d:%d", User, User),
		WorkingDir: "/",
		Entrypoint: []string{program},
		Env:        []string{"PATH=/"},
		Labels:     map[string]string{"org.opencontainers.image.source": "https://github.com/swath-dev/swath"},
	}
	if image, err = mutate.ConfigFile(image, config); err != nil {
		return nil, fmt.Errorf("making the image of %s: %w", p.Package, err)
	}
	return image, nil
}

// compile returns the program, linked statically.
func compile(ctx context.Context, p Program) ([]byte, error) {
	dir, err := os.MkdirTemp("", "swath-image-")
	if err != nil {
		return nil, fmt.Errorf("building %s: %w", p.Package, err)
	}
	defer os.RemoveAll(dir)
	out := filepath.Join(dir, "program")
	cmd := exec.CommandContext(ctx, "go", "build", "-trimpath", "-buildvcs=false",
		"-ldflags", "-s -w -buildid= "+p.LDFlags, "-o", out, p.Package)
	cmd.Dir = p.Root
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS="+p.Platform.OS, "GOARCH="+p.Platform.Architecture)
	if said, err := cmd.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("building %s: %w\n%s", p.Package, err, said)
	}
	return os.ReadFile(out)
}

// file is a file of a layer.
type file struct {
	path    string
	mode    int64
	content []byte
}

// baseFiles are what a static Go program looks for: its user's name and the certificate authorities to trust.
func baseFiles() ([]file, error) {
	trusted, err := os.ReadFile(certificates)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("images need the certificate authorities of this machine, and %s is not there: "+
			"install the package ca-certificates", certificates)
	}
	if err != nil {
		return nil, fmt.Errorf("reading the certificate authorities of this machine: %w", err)
	}
	passwd := fmt.Sprintf("root:x:0:0:root:/:/sbin/nologin\nnonroot:x:%d:%d:nonroot:/:/sbin/nologin\n", User, User)
	group := fmt.Sprintf("root:x:0:\nnonroot:x:%d:\n", User)
	return []file{
		{"/etc/group", 0o644, []byte(group)},
		{"/etc/passwd", 0o644, []byte(passwd)},
		{certificates, 0o644, trusted},
	}, nil
}

// newLayer packs the files, with the folders that they are in.
func newLayer(files []file) (v1.Layer, error) {
	var packed bytes.Buffer
	w := tar.NewWriter(&packed)
	made := map[string]bool{"/": true}
	for _, f := range files {
		if err := addFolders(w, made, path.Dir(f.path)); err != nil {
			return nil, err
		}
		header := &tar.Header{Name: f.path[1:], Mode: f.mode, Size: int64(len(f.content)), ModTime: epoch}
		if err := w.WriteHeader(header); err != nil {
			return nil, err
		}
		if _, err := w.Write(f.content); err != nil {
			return nil, err
		}
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	open := func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(packed.Bytes())), nil }
	return tarball.LayerFromOpener(open, tarball.WithCompressionLevel(gzip.BestSpeed))
}

// addFolders adds the folder and those above it that were not made before.
func addFolders(w *tar.Writer, made map[string]bool, dir string) error {
	if made[dir] {
		return nil
	}
	if err := addFolders(w, made, path.Dir(dir)); err != nil {
		return err
	}
	made[dir] = true
	return w.WriteHeader(&tar.Header{Typeflag: tar.TypeDir, Name: dir[1:] + "/", Mode: 0o755, ModTime: epoch})
}

// WriteArchive writes the image with its name as an archive that containerd, Docker, Podman, kind and k3s import. The
// file is there whole or not at all.
func WriteArchive(path string, tag name.Tag, image v1.Image) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return fmt.Errorf("writing the image %s: %w", tag, err)
	}
	tmp := path + ".tmp"
	if err := tarball.WriteToFile(tmp, tag, image); err != nil {
		return errors.Join(fmt.Errorf("writing the image %s: %w", tag, err), os.Remove(tmp))
	}
	if err := os.Rename(tmp, path); err != nil {
		return fmt.Errorf("writing the image %s: %w", tag, err)
	}
	return nil
}
