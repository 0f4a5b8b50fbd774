// Command images makes the container images of Swath's programs, as archives or in a registry, without Docker.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"

	"github.com/swath-dev/swath/hack/cluster/repo"
	"github.com/swath-dev/swath/hack/images/image"
)

// options are what the flags say.
type options struct {
	registry  string
	tag       string
	ldflags   string
	out       string
	push      bool
	platforms []*v1.Platform
	packages  []string
}

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "images:", err)
		os.Exit(1)
	}
}

func run() error {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	o, err := parseFlags()
	if err != nil {
		return err
	}
	root, err := repo.Root()
	if err != nil {
		return err
	}
	for _, pkg := range o.packages {
		if err := o.makeImage(ctx, root, pkg); err != nil {
			return err
		}
	}
	return nil
}

func parseFlags() (options, error) {
	var o options
	platforms := flag.String("platform", "linux/"+runtime.GOARCH, "platforms, separated by commas; more than one only with -push")
	flag.StringVar(&o.registry, "registry", "swath.local", "what the images' names begin with")
	flag.StringVar(&o.tag, "tag", "dev", "the images' tag")
	flag.StringVar(&o.ldflags, "ldflags", "", "more flags for Go's linker")
	flag.StringVar(&o.out, "out", "bin/images", "folder for the archives, from the repository's root")
	flag.BoolVar(&o.push, "push", false, "push to the registry, with the credentials of docker login, instead of writing archives")
	flag.Usage = func() {
		fmt.Fprint(flag.CommandLine.Output(), "Usage: go run ./hack/images [FLAGS] PACKAGE…\n\n"+
			"Makes an image of each package, such as ./cmd/trainer, named after its last element.\n\n")
		flag.PrintDefaults()
	}
	flag.Parse()
	o.packages = flag.Args()
	if len(o.packages) == 0 {
		return options{}, fmt.Errorf("no packages given, such as ./cmd/manager ./cmd/trainer; see -h")
	}
	for _, text := range strings.Split(*platforms, ",") {
		p, err := v1.ParsePlatform(text)
		if err != nil {
			return options{}, fmt.Errorf("flag -platform: %w", err)
		}
		o.platforms = append(o.platforms, p)
	}
	if len(o.platforms) > 1 && !o.push {
		return options{}, fmt.Errorf("flag -platform: an archive is for one platform; several need -push")
	}
	return o, nil
}

// makeImage builds the image of one package and writes or pushes it.
func (o options) makeImage(ctx context.Context, root, pkg string) error {
	program := filepath.Base(pkg)
	tag, err := name.NewTag(fmt.Sprintf("%s/%s:%s", o.registry, program, o.tag), name.WithDefaultRegistry(""))
	if err != nil {
		return fmt.Errorf("naming the image of %s: %w", pkg, err)
	}
	var images []v1.Image
	for _, platform := range o.platforms {
		made, err := image.Build(ctx, image.Program{Root: root, Package: pkg, LDFlags: o.ldflags, Platform: platform})
		if err != nil {
			return err
		}
		images = append(images, made)
	}
	if o.push {
		return o.pushImages(ctx, tag, images)
	}
	path := filepath.Join(root, o.out, program+".tar")
	if filepath.IsAbs(o.out) {
		path = filepath.Join(o.out, program+".tar")
	}
	if err := image.WriteArchive(path, tag, images[0]); err != nil {
		return err
	}
	fmt.Printf("%s  %s\n", tag, path)
	return nil
}

// pushImages pushes one image as it is, and several as an index of platforms.
func (o options) pushImages(ctx context.Context, tag name.Tag, images []v1.Image) error {
	access := []remote.Option{remote.WithContext(ctx), remote.WithAuthFromKeychain(authn.DefaultKeychain)}
	var err error
	if len(images) == 1 {
		err = remote.Write(tag, images[0], access...)
	} else {
		index := v1.ImageIndex(empty.Index)
		for i, img := range images {
			index = mutate.AppendManifests(index, mutate.IndexAddendum{
				Add: img, Descriptor: v1.Descriptor{Platform: o.platforms[i]},
			})
		}
		err = remote.WriteIndex(tag, index, access...)
	}
	if err != nil {
		return fmt.Errorf("pushing %s: %w", tag, err)
	}
	fmt.Println(tag)
	return nil
}
