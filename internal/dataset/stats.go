package dataset

import "math"

// BandStats are the statistics of a band over all pixels of all samples.
type BandStats struct {
	Name string `json:"name"`
	// Mean, Std (of the population), Least and Greatest are in raw units.
	Mean     float64 `json:"mean"`
	Std      float64 `json:"std"`
	Least    float64 `json:"least"`
	Greatest float64 `json:"greatest"`
}

// isMask reports whether a band has only 0 and 1, or 0 and 255: no other band with
// this mean and such a range deviates as much (Bhatia and Davis, A better bound on
// the variance, 2000). Models know no more of a band than mean and deviation.
func (s BandStats) isMask() bool {
	for _, greatest := range [...]float64{1, math.MaxUint8} {
		if most := s.Mean * (greatest - s.Mean); most > 0 && math.Abs(s.Std*s.Std-most) < 1e-4*most {
			return true
		}
	}
	return false
}

// moments are count, mean and sum of squared differences from the mean. They
// are merged by the formula of Chan, Golub and LeVeque (Updating formulae and a
// pairwise algorithm for computing sample variances, 1979), which stays exact
// where a difference of large sums would cancel.
type moments struct {
	n, mean, m2     float64
	least, greatest float64
}

// momentsOf takes two passes over a band of a sample: the mean, then the squares
// around it.
func momentsOf(x []float32) moments {
	m := moments{n: float64(len(x)), least: math.Inf(1), greatest: math.Inf(-1)}
	sum := 0.0
	for _, v := range x {
		f := float64(v)
		sum += f
		m.least = min(m.least, f)
		m.greatest = max(m.greatest, f)
	}
	m.mean = sum / m.n
	for _, v := range x {
		d := float64(v) - m.mean
		m.m2 += float64(d * d)
	}
	return m
}

// merge adds other to m.
func (m *moments) merge(other moments) {
	if m.n == 0 {
		*m = other
		return
	}
	n := m.n + other.n
	d := other.mean - m.mean
	m.m2 += other.m2 + float64(d*d)*(m.n*other.n/n)
	m.mean += d * (other.n / n)
	m.n = n
	m.least = min(m.least, other.least)
	m.greatest = max(m.greatest, other.greatest)
}

func (m moments) stats(name string) BandStats {
	return BandStats{Name: name, Mean: m.mean, Std: math.Sqrt(m.m2 / m.n), Least: m.least, Greatest: m.greatest}
}
