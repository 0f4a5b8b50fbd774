package dataset

import "fmt"

// trimmed is what the statistics of a band leave out: values so far from all
// others that a few of them would move mean and deviation.
type trimmed struct {
	least, greatest float64 // The range of what stays.
	left            moments
	values          int64
	samples         tally
}

func (t *trimmed) keeps(v float32) bool {
	return float64(v) >= t.least && float64(v) <= t.greatest
}

// trim computes the statistics of bands anew that have values far from all
// others. It reads the file again, but only where there are any.
func (s *scan) trim() error {
	far := map[int]*trimmed{}
	for b, m := range s.bands {
		if least, greatest, ok := s.spectra[b].bounds(); ok && (m.least < least || m.greatest > greatest) {
			far[b] = &trimmed{least: least, greatest: greatest}
		}
	}
	if len(far) == 0 {
		return nil
	}
	r, area := s.f.NewReader(), s.f.Side()*s.f.Side()
	pixels, kept := make([]float32, s.f.PixelsPerSample()), make([]float32, 0, area)
	for i := range s.f.Len() {
		if err := s.v.ctx.Err(); err != nil {
			return fmt.Errorf("validating %s: %w", s.f.name, err)
		}
		if err := r.r.ReadFloat32s(i, s.f.pixels, pixels); err != nil {
			return r.valueError(i, RuleMembers, err)
		}
		for b, t := range far {
			kept = t.add(i, pixels[b*area:(b+1)*area], kept[:0])
		}
	}
	for b, t := range far {
		least, greatest := s.bands[b].least, s.bands[b].greatest
		s.bands[b] = t.left
		s.bands[b].least, s.bands[b].greatest = least, greatest
	}
	s.far = far
	return nil
}

// add adds what stays of a band of a sample; kept is room for it.
func (t *trimmed) add(sample int, band, kept []float32) []float32 {
	for _, v := range band {
		if t.keeps(v) {
			kept = append(kept, v)
		}
	}
	if gone := len(band) - len(kept); gone > 0 {
		t.values += int64(gone)
		t.samples.add(sample)
	}
	if len(kept) > 0 {
		t.left.merge(momentsOf(kept))
	}
	return kept
}

// farWarnings say what the statistics leave out.
func (s *scan) farWarnings() []string {
	var all []string
	for b, name := range s.f.summary.Bands {
		if t := s.far[b]; t != nil {
			all = append(all, fmt.Sprintf("%d values of band %q in %s lie far from all others (the band has %.4g to %.4g); mean and deviation leave them out, training does not: correct them",
				t.values, name, t.samples.of(s.f.Len()), s.bands[b].least, s.bands[b].greatest))
		}
	}
	return all
}
