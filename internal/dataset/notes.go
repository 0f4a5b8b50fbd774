package dataset

import "math"

// notes are what validation keeps of each sample, so that a file need not be read
// again to split it and to find what does not belong: about 100 bytes a sample,
// and 5 more for each further class that its labels have.
type notes struct {
	points [][2]float32
	// bands is how many bands means and lows, the mean and the least value of each
	// band, are of.
	bands       int
	means, lows [][lowBands]float32
	sketches    []sketch
	// labelPrints are hashes of the labels.
	labelPrints []uint32
	// classes are what most labels of each sample are, the lowest of equals, or
	// Ignored.
	classes []int16
	labels  labelCounts
	// prints are of all samples but constant ones.
	prints *fingerprints
}

// labelCounts are how often each class is among the labels of each sample.
type labelCounts struct {
	// end is, for each sample, where its part of class and count ends; it begins
	// where the one before ends.
	end   []int
	class []uint8
	count []uint32
}

// chipFacts are what is found out about the pixels of a sample once.
type chipFacts struct {
	// bands are the moments of each band.
	bands  []moments
	sketch sketch
}

func newNotes(bands int) *notes {
	return &notes{bands: min(bands, lowBands), prints: newFingerprints()}
}

// add takes note of sample i, which must be the next; counts are those of its
// labels by class.
func (n *notes) add(i int, x *Sample, chip *chipFacts, counts *[MaxClasses]uint32) {
	most := Ignored
	for c, k := range counts {
		if k == 0 {
			continue
		}
		if most == Ignored || k > counts[most] {
			most = c
		}
		n.labels.class = append(n.labels.class, uint8(c))
		n.labels.count = append(n.labels.count, k)
	}
	n.labels.end = append(n.labels.end, len(n.labels.class))
	n.classes = append(n.classes, int16(most))
	n.points = append(n.points, x.Point)
	n.means = append(n.means, bandMeans(chip.bands))
	n.lows = append(n.lows, bandLows(chip.bands))
	n.sketches = append(n.sketches, chip.sketch)
	n.labelPrints = append(n.labelPrints, labelPrint(x.Labels))
	if !constant(x.Pixels, len(x.Pixels)/len(x.Bands)) {
		n.prints.add(i, n.prints.hash(x.Pixels))
	}
}

func bandMeans(bands []moments) (means [lowBands]float32) {
	for b := range min(lowBands, len(bands)) {
		means[b] = float32(bands[b].mean)
	}
	return means
}

func bandLows(bands []moments) (lows [lowBands]float32) {
	for b := range min(lowBands, len(bands)) {
		lows[b] = float32(bands[b].least)
	}
	return lows
}

// labelPrint is a hash of labels (FNV-1a, by label).
func labelPrint(labels []int64) uint32 {
	h := uint64(14695981039346656037)
	for _, label := range labels {
		h = (h ^ uint64(label)) * 1099511628211
	}
	return uint32(h >> 32)
}

func (n *notes) len() int { return len(n.points) }

// addLabels adds the labels of sample i to the counts of each class.
func (n *notes) addLabels(i int32, to []int64) {
	first := 0
	if i > 0 {
		first = n.labels.end[i-1]
	}
	for k := first; k < n.labels.end[i]; k++ {
		to[n.labels.class[k]] += int64(n.labels.count[k])
	}
}

// groups puts samples together that must not be parted: those of one cell of
// latitude and longitude, cell degrees wide (0: places do not matter), and those
// with equal pixels. Samples without a point are in no cell. Groups are in the
// order of their first samples; places is the number of cells.
func (n *notes) groups(cell float64) (groups [][]int32, places int) {
	type key [2]int64
	sets := newSets(n.len())
	cells := map[key]int32{}
	for i, p := range n.points {
		if cell == 0 || p == [2]float32{} {
			continue
		}
		k := key{int64(math.Floor(float64(p[0]) / cell)), int64(math.Floor(float64(p[1]) / cell))}
		if first, ok := cells[k]; ok {
			sets.join(first, int32(i))
		} else {
			cells[k] = int32(i)
		}
	}
	n.prints.twins(sets.join)
	at := make([]int32, n.len())
	for i := range at {
		first := sets.first(int32(i))
		if int(first) == i {
			at[i] = int32(len(groups))
			groups = append(groups, nil)
		}
		groups[at[first]] = append(groups[at[first]], int32(i))
	}
	return groups, len(cells)
}

// sets are disjoint sets of numbers; each number leads to a lower one of its set,
// and the lowest to itself.
type sets []int32

func newSets(n int) sets {
	s := make(sets, n)
	for i := range s {
		s[i] = int32(i)
	}
	return s
}

// first is the lowest number of the set that i is in.
func (s sets) first(i int32) int32 {
	for s[i] != i {
		s[i] = s[s[i]]
		i = s[i]
	}
	return i
}

// join makes one set of those that a and b are in.
func (s sets) join(a, b int32) {
	a, b = s.first(a), s.first(b)
	s[max(a, b)] = min(a, b)
}
