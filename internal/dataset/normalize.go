package dataset

import (
	"fmt"
	"math"
)

// NormalizationSource says where the statistics come from.
type NormalizationSource string

// The two sources of statistics.
const (
	FromPlatform NormalizationSource = "platform"
	FromTraining NormalizationSource = "training"
)

// BandNorm is how a band is normalised: (raw - Mean) / Std.
type BandNorm struct {
	Name string  `json:"name"`
	Mean float64 `json:"mean"`
	Std  float64 `json:"std"`
	// Wavelength is in micrometres; 0 where it is unknown.
	Wavelength float64 `json:"wavelength,omitempty"`
}

// Normalization is how pixels are normalised, in training and in inference.
type Normalization struct {
	Source   NormalizationSource `json:"source"`
	Platform string              `json:"platform,omitempty"`
	Bands    []BandNorm          `json:"bands"`
}

// Bounds within which data fit a platform's statistics, in the platform's
// units: what was scaled to 0 to 1, say, does not, and a model would learn
// little from it.
const (
	mostMean     = 5
	leastStd     = 0.05
	greatestStd  = 5
	relativeStd  = 1e-4 // of the mean: the floor of a deviation
	constantStd  = 1    // of a band that has one value only
	smallestMean = 1e-12
)

// normalize decides how to normalise by a training file's statistics: by the
// platform's if every band is known and the data fit, else by the data's own.
// The warning, if there is one, is for the user.
func normalize(s Summary, stats []BandStats, platforms map[string]Platform) (n Normalization, warning string) {
	table, known := platforms[s.Platform]
	if s.Platform == "" || !known {
		return ownStatistics(stats, Platform{}, s.Platform), ""
	}
	n = Normalization{Source: FromPlatform, Platform: s.Platform}
	for _, b := range stats {
		p, ok := table.Bands[b.Name]
		if !ok {
			return ownStatistics(stats, table, s.Platform), fmt.Sprintf(
				"band %q is not known for platform %s, so pixels are normalised by the training data's own statistics", b.Name, s.Platform)
		}
		mean, std := (b.Mean-p.Mean)/p.Std, b.Std/p.Std
		if math.Abs(mean) > mostMean || std < leastStd || std > greatestStd {
			return ownStatistics(stats, table, s.Platform), fmt.Sprintf(
				"band %q (mean %.4g, deviation %.4g) does not fit the statistics of platform %s (mean %.4g, deviation %.4g), "+
					"so pixels are normalised by the training data's own statistics; are they scaled or in other units?",
				b.Name, b.Mean, b.Std, s.Platform, p.Mean, p.Std)
		}
		n.Bands = append(n.Bands, BandNorm{Name: b.Name, Mean: p.Mean, Std: p.Std, Wavelength: p.Wavelength})
	}
	return n, ""
}

// ownStatistics normalises by the data. A deviation has a floor, since division
// by almost nothing would turn noise into signal.
func ownStatistics(stats []BandStats, table Platform, platform string) Normalization {
	n := Normalization{Source: FromTraining, Platform: platform}
	for _, b := range stats {
		std := max(b.Std, relativeStd*math.Abs(b.Mean), smallestMean)
		if b.Least == b.Greatest {
			std = constantStd
		}
		n.Bands = append(n.Bands, BandNorm{Name: b.Name, Mean: b.Mean, Std: std, Wavelength: table.Bands[b.Name].Wavelength})
	}
	return n
}
