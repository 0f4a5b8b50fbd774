package image

import (
	"archive/tar"
	"errors"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
)

// build builds the image of the smallest program that the repository has.
func build(t *testing.T) v1.Image {
	t.Helper()
	made, err := Build(t.Context(), Program{
		Root: "../../..", Package: "./hack/cluster/pause",
		Platform: &v1.Platform{OS: "linux", Architecture: runtime.GOARCH},
	})
	if err != nil {
		t.Fatal(err)
	}
	return made
}

func TestImagesAreReproducible(t *testing.T) {
	first, err := build(t).Digest()
	if err != nil {
		t.Fatal(err)
	}
	second, err := build(t).Digest()
	if err != nil {
		t.Fatal(err)
	}
	if first != second {
		t.Errorf("two builds of the same sources have the digests %v and %v", first, second)
	}
}

func TestImageRunsTheProgramAsAnotherThanRoot(t *testing.T) {
	config, err := build(t).ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	if config.Config.User != "65532:65532" || config.Config.Entrypoint[0] != "/pause" {
		t.Errorf("user %q, entry point %q", config.Config.User, config.Config.Entrypoint)
	}
}

func TestLayersHaveEachFileOnceAfterItsFolder(t *testing.T) {
	layers, err := build(t).Layers()
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, layer := range layers {
		names = append(names, fileNames(t, layer)...)
	}
	want := []string{"etc/", "etc/group", "etc/passwd", "etc/ssl/", "etc/ssl/certs/", "etc/ssl/certs/ca-certificates.crt", "pause"}
	if len(names) != len(want) {
		t.Fatalf("files %q, want %q", names, want)
	}
	for i := range want {
		if names[i] != want[i] {
			t.Errorf("file %d is %q, want %q", i, names[i], want[i])
		}
	}
}

func fileNames(t *testing.T, layer v1.Layer) []string {
	t.Helper()
	content, err := layer.Uncompressed()
	if err != nil {
		t.Fatal(err)
	}
	defer content.Close()
	var names []string
	for reader := tar.NewReader(content); ; {
		header, err := reader.Next()
		if errors.Is(err, io.EOF) {
			return names
		}
		if err != nil {
			t.Fatal(err)
		}
		names = append(names, header.Name)
	}
}

func TestArchiveIsReadBack(t *testing.T) {
	made := build(t)
	path := filepath.Join(t.TempDir(), "new", "pause.tar")
	tag, err := name.NewTag("swath.local/pause:test")
	if err != nil {
		t.Fatal(err)
	}
	if err := WriteArchive(path, tag, made); err != nil {
		t.Fatal(err)
	}
	read, err := tarball.ImageFromPath(path, &tag)
	if err != nil {
		t.Fatal(err)
	}
	want, err := made.ConfigName()
	if err != nil {
		t.Fatal(err)
	}
	if got, err := read.ConfigName(); err != nil || got != want {
		t.Errorf("the archive has the image %v (%v), want %v", got, err, want)
	}
	if entries, err := os.ReadDir(filepath.Dir(path)); err != nil || len(entries) != 1 {
		t.Errorf("beside the archive there are %v (%v)", entries, err)
	}
}

func TestSourcesThatDoNotCompileAreAnError(t *testing.T) {
	_, err := Build(t.Context(), Program{
		Root: "../../..", Package: "./hack/no-such-program",
		Platform: &v1.Platform{OS: "linux", Architecture: runtime.GOARCH},
	})
	if err == nil {
		t.Error("a package that is not there made an image")
	}
}
