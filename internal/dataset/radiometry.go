package dataset

import (
	"fmt"
	"math"
	"slices"
)

// Bounds of how far data may be from those that a model was trained on.
const (
	// otherDeviations is how far a mean may be off, in deviations.
	otherDeviations = 5
	// otherScale is the factor between the magnitudes of all bands from which on
	// they are in other units; where values scatter around 0, or have a long tail,
	// as the intensity of radar has, a factor tells nothing.
	otherScale = 100
	longTail   = 3
)

// CompareBands says in words how far the statistics of bands are from those of
// the training data; it is empty where they fit. Data may differ by place and by
// season, so that only what looks like other units is told.
func CompareBands(got, want []BandStats) string {
	if len(got) != len(want) {
		return ""
	}
	worst, most, others := 0, 0.0, -1
	for b := range want {
		if !(want[b].Std > 0) {
			continue
		}
		off := math.Abs(got[b].Mean-want[b].Mean) / want[b].Std
		if off > otherDeviations {
			others++
		}
		if off > most {
			worst, most = b, off
		}
	}
	factor := commonFactor(got, want)
	switch {
	case others < 0 && factor == 0:
		return ""
	case others < 0:
		return fmt.Sprintf("the values are about %.1g times those of the training data (mean of band %q: %.4g, there %.4g): other units?",
			factor, want[0].Name, got[0].Mean, want[0].Mean)
	}
	text := fmt.Sprintf("band %q is %.0f deviations away from the training data (mean %.4g, there %.4g)", want[worst].Name, most, got[worst].Mean, want[worst].Mean)
	if others > 0 {
		text += fmt.Sprintf(", and %d more", others)
	}
	text += ": other units?"
	if factor != 0 {
		text += fmt.Sprintf(" The values are about %.1g times those", factor)
	}
	return text
}

// commonFactor is by how much the values of all bands are smaller or larger, or
// 0 where that is not much.
func commonFactor(got, want []BandStats) float64 {
	least, greatest := math.Inf(1), 0.0
	for b := range want {
		if !(want[b].Std > 0) || want[b].Std > longTail*math.Abs(want[b].Mean) {
			return 0
		}
		factor := (math.Abs(got[b].Mean) + got[b].Std) / (math.Abs(want[b].Mean) + want[b].Std)
		least, greatest = min(least, factor), max(greatest, factor)
	}
	if least > 0 && greatest <= 1.0/otherScale || least >= otherScale && !math.IsInf(least, 1) {
		return math.Sqrt(least * greatest)
	}
	return 0
}

// scales counts samples whose values are fractions of 1, as reflectance is, and
// samples of digital numbers.
type scales struct {
	fractions, numbers, between tally
}

// The greatest value of a sample of reflectance, and of one of digital numbers.
const (
	greatestFraction = 2
	leastNumber      = 50
)

func (s *scales) add(i int, pixels []float32, bands []moments) {
	least, greatest := math.Inf(1), math.Inf(-1)
	for _, m := range bands {
		least, greatest = min(least, m.least), max(greatest, m.greatest)
	}
	switch {
	case greatest >= leastNumber:
		s.numbers.add(i)
	case greatest > greatestFraction:
		s.between.add(i)
	case least >= -1 && least < greatest && slices.ContainsFunc(pixels, func(v float32) bool { return v != float32(math.Trunc(float64(v))) }):
		s.fractions.add(i)
	}
}

// mostBetween is which part of the rarer kind may lie between the two.
const mostBetween = 0.1

func (s *scales) warnings(samples int) []string {
	rarer := min(s.fractions.samples, s.numbers.samples)
	if rarer == 0 || float64(s.between.samples) > mostBetween*float64(rarer) {
		return nil
	}
	return []string{fmt.Sprintf("%s have values from 0 to 1, and %d have values above %d (first: sample %d): two scales in one file? Bring them to one",
		s.fractions.of(samples), s.numbers.samples, leastNumber, s.numbers.first)}
}

// lowBands is for how many bands the notes keep means and least values.
const lowBands = 4

// An offset that was added to some of the samples. Sentinel-2 products have one
// of 1000 since processing baseline 04.00 (January 2022).
const (
	leastOffset, greatestOffset = 800, 1200
	// offsetGap is how many times the deviation within both kinds the offset has
	// to be in two bands, and offsetShare and offsetSamples how many of each there
	// have to be.
	offsetGap     = 4
	offsetBands   = 2
	offsetShare   = 0.05
	offsetSamples = 3
	// offsetErrors is how many standard errors another band may be off, and
	// offsetSlack how much that is at most.
	offsetErrors = 3
	offsetSlack  = 500
)

const adviceOffset = "as in Sentinel-2 products since processing baseline 04.00? Subtract it from one part"

// offsetWarnings finds samples whose darkest pixels are brighter than those of
// the others by one offset in all bands.
func (n *notes) offsetWarnings() []string {
	order := n.textured()
	if n.bands < offsetBands || len(order) < 2*offsetSamples {
		return nil
	}
	for band := range n.bands {
		low, high := n.halves(order, band)
		few := max(offsetSamples, int(offsetShare*float64(len(order))))
		if min(len(low), len(high)) < few {
			continue
		}
		if off, ok := offsetBetween(n, low, n, high); ok {
			t := tally{samples: len(high), first: int(slices.Min(high))}
			return []string{fmt.Sprintf("the darkest pixels of %s are about %.0f brighter in all bands than those of the others: %s", t.of(n.len()), off, adviceOffset)}
		}
	}
	return nil
}

// halves sorts samples by the least values of a band and divides them where these
// differ most.
func (n *notes) halves(samples []int32, band int) (low, high []int32) {
	slices.SortStableFunc(samples, func(a, b int32) int { return compareFloats(n.lows[a][band], n.lows[b][band]) })
	values := make([]float64, len(samples))
	for k, i := range samples {
		values[k] = float64(n.lows[i][band])
	}
	cut := bestCut(values)
	return samples[:cut], samples[cut:]
}

// textured are the samples whose notes have a least value of each band that is
// a measurement.
func (n *notes) textured() []int32 {
	var all []int32
	for i, lows := range n.lows {
		if !slices.Contains(lows[:n.bands], emptyValues[0]) && slices.Min(lows[:n.bands]) > doubtfulMark {
			all = append(all, int32(i))
		}
	}
	return all
}

// bestCut divides sorted values into two parts that differ most (Otsu, A
// threshold selection method from gray-level histograms, 1979).
func bestCut(sorted []float64) int {
	total := 0.0
	for _, v := range sorted {
		total += v
	}
	cut, best, sum := 0, -1.0, 0.0
	for k, v := range sorted[:len(sorted)-1] {
		sum += v
		n, m := float64(k+1), float64(len(sorted)-k-1)
		d := sum/n - (total-sum)/m
		if between := n * m * d * d; between > best {
			cut, best = k+1, between
		}
	}
	return cut
}

// offsetBetween is by how much the least values of samples of b are above those
// of a, if that is one plain offset: clearly in two bands, while no other one
// contradicts. Land and water scatter more than that in near infrared.
func offsetBetween(a *notes, of []int32, b *notes, others []int32) (offset float64, ok bool) {
	agreeing := 0
	for band := range a.bands {
		x, y := lowsOf(a, of, band), lowsOf(b, others, band)
		d := y.mean - x.mean
		within := math.Sqrt((x.m2 + y.m2) / (x.n + y.n))
		if d >= max(leastOffset, offsetGap*within) && d <= greatestOffset {
			agreeing++
			offset += d
			continue
		}
		slack := min(offsetSlack, offsetErrors*within*math.Sqrt(1/x.n+1/y.n))
		if d < leastOffset-slack || d > greatestOffset+slack {
			return 0, false
		}
	}
	return offset / float64(agreeing), agreeing >= offsetBands
}

func lowsOf(n *notes, samples []int32, band int) moments {
	values := make([]float32, len(samples))
	for k, i := range samples {
		values[k] = n.lows[i][band]
	}
	return momentsOf(values)
}

func compareFloats(a, b float32) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

// radiometryWarnings compares a validation file with the training file.
func radiometryWarnings(r *Report) []string {
	t, v := r.Training.notes, r.Validation.notes
	if text := CompareBands(r.Validation.measured(), r.Training.measured()); text != "" {
		return []string{"in the validation file, " + text}
	}
	of, others := t.textured(), v.textured()
	if t.bands < offsetBands || min(len(of), len(others)) < offsetSamples {
		return nil
	}
	if off, ok := offsetBetween(t, of, v, others); ok {
		return []string{fmt.Sprintf("the darkest pixels of the validation file are about %.0f brighter in all bands than those of the training file: %s", off, adviceOffset)}
	}
	if off, ok := offsetBetween(v, others, t, of); ok {
		return []string{fmt.Sprintf("the darkest pixels of the validation file are about %.0f darker in all bands than those of the training file: %s", off, adviceOffset)}
	}
	return nil
}
