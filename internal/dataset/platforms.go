package dataset

import (
	"bytes"
	_ "embed"
	"fmt"
	"maps"
	"slices"
	"sync"

	"go.yaml.in/yaml/v3"
)

// PlatformBand is what is known of a band of a platform.
type PlatformBand struct {
	// Mean and Std are the mean and the standard deviation, in raw units.
	Mean float64 `yaml:"mean"`
	Std  float64 `yaml:"std"`
	// Wavelength is in micrometres.
	Wavelength float64 `yaml:"wavelength"`
}

// Platform is a satellite or an aerial survey, as a product.
type Platform struct {
	// GSD is the ground sample distance in metres a pixel.
	GSD   float64                 `yaml:"gsd"`
	Bands map[string]PlatformBand `yaml:"bands"`
}

// platformsYAML has, for each platform, what the published metadata of the Clay
// v1 foundation model give.
//
//go:embed platforms.yaml
var platformsYAML []byte

var loadPlatforms = sync.OnceValues(func() (map[string]Platform, error) {
	all := map[string]Platform{}
	d := yaml.NewDecoder(bytes.NewReader(platformsYAML))
	d.KnownFields(true)
	if err := d.Decode(&all); err != nil {
		return nil, fmt.Errorf("reading the table of platforms: %w", err)
	}
	return all, nil
})

// Platforms is the table of the known platforms, by name. It is shared: do not
// change it.
func Platforms() (map[string]Platform, error) { return loadPlatforms() }

// PlatformNames are the names of the known platforms, sorted.
func PlatformNames() []string {
	all, err := Platforms()
	if err != nil {
		return nil // Whoever reads the table itself says why.
	}
	return slices.Sorted(maps.Keys(all))
}
