package dataset

import (
	"fmt"
	"math"
	"slices"
	"strings"
)

// Trained is what a model was trained on, as far as what it is given has to be
// alike.
type Trained struct {
	// Bands are the bands in the model's order, with the statistics that it
	// normalizes by.
	Bands []BandStats
	// GSD is the ground sample distance in meters a pixel, and Platform the name of
	// the platform; 0 and empty where they are not known.
	GSD      float64
	Platform string
}

// Given compares chips that a model is to predict with what it was trained on.
type Given struct {
	trained  Trained
	unit     string
	nodata   *nodata
	bands    []moments
	chips    int
	gsd      tally
	platform tally
	// firstGSD and firstPlatform are the first that are not the model's.
	firstGSD      float64
	firstPlatform string
}

// otherGSD is from which part on a ground sample distance is another one.
const otherGSD = 0.05

// NewGiven begins a comparison. Unit is what messages call a chip, such as image.
func NewGiven(trained Trained, unit string) *Given {
	g := &Given{trained: trained, unit: unit, bands: make([]moments, len(trained.Bands))}
	var names []string
	for _, b := range trained.Bands {
		names = append(names, b.Name)
	}
	g.nodata = newNodata(names, unit, adviceFill, false)
	g.nodata.masks = !slices.ContainsFunc(trained.Bands, func(b BandStats) bool { return !b.isMask() })
	return g
}

// Add looks at chip i of side × side pixels, whose bands are in the model's order.
func (g *Given) Add(i int, pixels []float32, side int, gsd float64, platform string) {
	g.chips++
	area := side * side
	for b := range g.bands {
		g.bands[b] = momentsOf(pixels[b*area : (b+1)*area])
	}
	g.nodata.add(i, pixels, side, g.bands)
	if want := g.trained.GSD; want > 0 && gsd > 0 && math.Abs(gsd-want) > otherGSD*want {
		if g.gsd.samples == 0 {
			g.firstGSD = gsd
		}
		g.gsd.add(i)
	}
	if want := g.trained.Platform; want != "" && platform != "" && platform != want {
		if g.platform.samples == 0 {
			g.firstPlatform = platform
		}
		g.platform.add(i)
	}
}

// Warnings says how the chips differ from the training data.
func (g *Given) Warnings() []string {
	all := g.nodata.warnings(g.chips, nil)
	var got []BandStats
	for b, m := range g.nodata.measured {
		if m.n == 0 {
			break // Nothing but what stands for no data, which is told.
		}
		got = append(got, m.stats(g.trained.Bands[b].Name))
	}
	if text := CompareBands(got, g.trained.Bands); text != "" {
		all = append(all, text)
	}
	if g.gsd.samples > 0 {
		all = append(all, fmt.Sprintf("the ground sample distance of %s is %.4g m, and the model was trained at %.4g m: resample them",
			g.gsd.ofUnits(g.chips, g.unit), g.firstGSD, g.trained.GSD))
	}
	if g.platform.samples > 0 {
		all = append(all, fmt.Sprintf("%s are of platform %s, and the model was trained on %s: its units and bands may be others",
			g.platform.ofUnits(g.chips, g.unit), g.firstPlatform, g.trained.Platform))
	}
	return all
}

// CheckPlatform says why a platform cannot be: it is not known. Empty is where
// nobody knows it.
func CheckPlatform(name string) error {
	all, err := Platforms()
	if err != nil {
		return err
	}
	if _, known := all[name]; name == "" || known {
		return nil
	}
	return fmt.Errorf("platform %q is not known; use one of %s, or leave it empty", name, strings.Join(PlatformNames(), ", "))
}
