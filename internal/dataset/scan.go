package dataset

import (
	"fmt"
	"math"
	"slices"
	"strings"
)

// scan goes through all samples of a file, checks each and counts.
type scan struct {
	v       *validation
	f       *File
	rule    labelRule
	classes []int64
	ignored int64
	bands   []moments
	// counts are those of one sample's labels, and chip the facts of its pixels.
	counts [MaxClasses]uint32
	chip   chipFacts
	notes  *notes

	spectra     []*spectrum
	nodata      *nodata
	extremes    []extremes
	scales      scales
	coordinates coordinates
	conflicts   conflicts
	// far are, by band, what the statistics leave out.
	far map[int]*trimmed
}

// scan checks every sample; each is called with those that keep all rules.
func (v *validation) scan(f *File, rule labelRule, each func(i int, x *Sample, chip *chipFacts) error) (*scan, error) {
	s := v.newScan(f, rule)
	if err := s.names(); err != nil {
		return nil, err
	}
	r := f.NewReader()
	var sample Sample
	for i := range f.Len() {
		if err := v.ctx.Err(); err != nil {
			return nil, fmt.Errorf("validating %s: %w", f.name, err)
		}
		if err := r.ReadSample(i, &sample); err != nil {
			return nil, err
		}
		for _, check := range []func(int, *Sample) error{s.same, s.pixels, s.labels} {
			if err := check(i, &sample); err != nil {
				return nil, err
			}
		}
		if err := each(i, &sample, &s.chip); err != nil {
			return nil, err
		}
		s.notes.add(i, &sample, &s.chip, &s.counts)
	}
	s.notes.prints.seal()
	var err error
	if s.conflicts, err = s.notes.findConflicts(f, rule.ignore); err != nil {
		return nil, err
	}
	return s, s.trim()
}

func (v *validation) newScan(f *File, rule labelRule) *scan {
	bands := len(f.summary.Bands)
	s := &scan{
		v: v, f: f, rule: rule, bands: make([]moments, bands), classes: make([]int64, rule.classes), notes: newNotes(bands), nodata: newNodata(f.summary.Bands, unitSample, adviceNodata, true),
	}
	s.chip.bands = make([]moments, bands)
	for range bands {
		s.spectra = append(s.spectra, &spectrum{})
		s.extremes = append(s.extremes, newExtremes())
	}
	return s
}

// names checks that each band has a name, by which it is found in what is to be
// predicted.
func (s *scan) names() error {
	for b, name := range s.f.summary.Bands {
		if strings.TrimSpace(name) == "" {
			return s.f.invalid(-1, RuleMembers, "band %d of %d has no name (%q); bands are found by their names in prediction: name each, such as red, green, blue, nir",
				b, len(s.f.summary.Bands), s.f.summary.Bands)
		}
	}
	return nil
}

// warnings says what is allowed in a file and yet likely to ruin a model.
func (s *scan) warnings() []string {
	samples := s.f.Len()
	return slices.Concat(s.nodata.warnings(samples, s.spectra), s.extremeWarnings(), s.farWarnings(), s.scales.warnings(samples), s.notes.offsetWarnings(),
		s.conflicts.warnings(samples), s.coordinates.warnings(samples))
}

// same checks what must be alike in all samples.
func (s *scan) same(i int, x *Sample) error {
	first := s.f.summary
	switch {
	case !slices.Equal(x.Bands, first.Bands):
		return s.f.invalid(i, RuleSameInAll, "its bands are %q, but those of sample 0 are %q; all samples must have the same bands", x.Bands, first.Bands)
	case x.Platform != first.Platform:
		return s.f.invalid(i, RuleSameInAll, "its platform is %q, but that of sample 0 is %q; put other platforms into files of their own", x.Platform, first.Platform)
	case !finite(x.GSD):
		return s.f.invalid(i, RuleFinite, "its gsd is %v; give the ground sample distance in metres", x.GSD)
	case x.GSD != first.GSD:
		return s.f.invalid(i, RuleSameInAll, "its gsd is %v, but that of sample 0 is %v; resample the chips to one ground sample distance", x.GSD, first.GSD)
	case !finite(x.Point[0]) || !finite(x.Point[1]):
		return s.f.invalid(i, RuleFinite, "its point is %v, %v; use 0, 0 where the place is unknown", x.Point[0], x.Point[1])
	}
	s.coordinates.add(i, x)
	if err := CheckPlatform(x.Platform); err != nil {
		return s.f.invalid(i, RulePlatform, "%v", err)
	}
	return nil
}

// pixels checks that the pixels are values, and adds them to the statistics.
func (s *scan) pixels(i int, x *Sample) error {
	if err := s.f.CheckPixels(i, x.Pixels); err != nil {
		return err
	}
	area := s.f.Side() * s.f.Side()
	for b := range s.bands {
		band := x.Pixels[b*area : (b+1)*area]
		s.chip.bands[b] = momentsOf(band)
		s.bands[b].merge(s.chip.bands[b])
		s.spectra[b].add(band)
		s.extremes[b].add(i, band, s.chip.bands[b])
	}
	s.chip.sketch = newSketch(x.Pixels, s.f.Side())
	s.nodata.add(i, x.Pixels, s.f.Side(), s.chip.bands)
	s.scales.add(i, x.Pixels, s.chip.bands)
	return nil
}

// labels checks the labels, and counts them.
func (s *scan) labels(i int, x *Sample) error {
	clear(s.counts[:])
	for k, label := range x.Labels {
		switch c, ok := s.rule.class(label); {
		case !ok:
			return s.f.invalid(i, RuleLabel, "%s", s.rule.complaint(label, s.f.place(k)))
		case c == Ignored:
			s.ignored++
		default:
			s.counts[c]++
		}
	}
	for c, n := range s.counts {
		for n > 0 && c >= len(s.classes) {
			s.classes = append(s.classes, 0)
		}
		if n > 0 {
			s.classes[c] += int64(n)
		}
	}
	return nil
}

// present is how many classes there are labels of, and one of them.
func (s *scan) present() (n, one int) {
	for c, k := range s.classes {
		if k > 0 {
			n, one = n+1, c
		}
	}
	return n, one
}

// checkClasses finds a training file from which nothing can be learnt.
func (s *scan) checkClasses() error {
	switch n, only := s.present(); n {
	case 0:
		return s.f.invalid(-1, RuleClasses, "every label is the ignored one, %d; there is nothing to learn", *s.rule.ignore)
	case 1:
		return s.f.invalid(-1, RuleClasses, "every label is %d; a training file needs at least two classes", only)
	}
	return nil
}

// checkLabelled finds a validation file by which nothing can be measured.
func (s *scan) checkLabelled() error {
	if n, _ := s.present(); n == 0 {
		return s.f.invalid(-1, RuleClasses, "every label of the validation file is the ignored one, %d, so it cannot tell how good a model is; "+
			"label some of it, or leave the validation file out", *s.rule.ignore)
	}
	return nil
}

func (s *scan) report() FileReport {
	r := FileReport{Name: s.f.name, Summary: s.f.summary, Classes: s.classes, Ignored: s.ignored, notes: s.notes, nodata: s.nodata, far: s.far}
	for b, m := range s.bands {
		r.BandStats = append(r.BandStats, m.stats(s.f.summary.Bands[b]))
	}
	return r
}

func finite(x float32) bool {
	return math.Float32bits(x)&0x7f800000 != 0x7f800000
}
