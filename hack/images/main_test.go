package main

import (
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
)

// pause is the smallest program that the repository has.
const pause = "./hack/cluster/pause"

var (
	amd64 = &v1.Platform{OS: "linux", Architecture: "amd64"}
	arm64 = &v1.Platform{OS: "linux", Architecture: "arm64"}
)

// newRegistry starts a registry and returns what the names of its images begin with.
func newRegistry(t *testing.T) string {
	t.Helper()
	server := httptest.NewServer(registry.New())
	t.Cleanup(server.Close)
	return strings.TrimPrefix(server.URL, "http://") + "/swath"
}

func TestAnImageOfOnePlatformIsPushed(t *testing.T) {
	o := options{registry: newRegistry(t), tag: "v1", push: true, platforms: []*v1.Platform{amd64}}
	if err := o.makeImage(t.Context(), "../..", pause); err != nil {
		t.Fatal(err)
	}
	tag, err := name.NewTag(o.registry + "/pause:v1")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := remote.Image(tag); err != nil {
		t.Errorf("reading the image back: %v", err)
	}
}

func TestImagesOfSeveralPlatformsArePushedAsIndex(t *testing.T) {
	o := options{registry: newRegistry(t), tag: "v1", push: true, platforms: []*v1.Platform{amd64, arm64}}
	if err := o.makeImage(t.Context(), "../..", pause); err != nil {
		t.Fatal(err)
	}
	tag, err := name.NewTag(o.registry + "/pause:v1")
	if err != nil {
		t.Fatal(err)
	}
	for _, platform := range o.platforms {
		got, err := remote.Image(tag, remote.WithPlatform(*platform))
		if err != nil {
			t.Errorf("reading the image for %v back: %v", platform, err)
			continue
		}
		config, err := got.ConfigFile()
		if err != nil || config.Architecture != platform.Architecture {
			t.Errorf("the image for %v is for %s (%v)", platform, config.Architecture, err)
		}
	}
}

func TestAnArchiveIsNamedAfterTheProgram(t *testing.T) {
	o := options{registry: "swath.local", tag: "dev", out: t.TempDir(), platforms: []*v1.Platform{amd64}}
	if err := o.makeImage(t.Context(), "../..", pause); err != nil {
		t.Fatal(err)
	}
	tag, err := name.NewTag("swath.local/pause:dev")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tarball.ImageFromPath(filepath.Join(o.out, "pause.tar"), &tag); err != nil {
		t.Errorf("reading the archive back: %v", err)
	}
}

func TestARegistryThatIsNotThereIsAnError(t *testing.T) {
	server := httptest.NewServer(registry.New())
	host := strings.TrimPrefix(server.URL, "http://")
	server.Close()
	o := options{registry: host, tag: "v1", push: true, platforms: []*v1.Platform{amd64}}
	if err := o.makeImage(t.Context(), "../..", pause); err == nil || !strings.Contains(err.Error(), "pushing "+host) {
		t.Errorf("pushing to nobody: %v", err)
	}
}
