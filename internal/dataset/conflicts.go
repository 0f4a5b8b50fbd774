package dataset

import (
	"fmt"
	"slices"
)

// mostCompared bounds how many samples are read again to compare their labels.
const mostCompared = 256

// conflicts counts samples with the pixels of another one but other labels.
type conflicts struct {
	samples       int
	first, second int32
}

// findConflicts compares the labels of samples with equal pixels. Labels that
// differ only where one of them is the ignored one do not contradict each other;
// to find that out, samples are read again.
func (n *notes) findConflicts(f *File, ignore *int64) (conflicts, error) {
	var found conflicts
	c := comparison{reader: f.NewReader(), ignore: ignore}
	for first := 0; first < len(n.prints.all); {
		same := n.prints.find(n.prints.all[first].hash)
		first += len(same)
		for _, p := range same[1:] {
			a, b := same[0].sample, p.sample
			differ, err := n.differ(&c, a, b)
			if err != nil {
				return found, err
			}
			if !differ {
				continue
			}
			if found.samples == 0 || b < found.second {
				found.first, found.second = a, b
			}
			found.samples++
		}
	}
	return found, nil
}

func (n *notes) differ(c *comparison, a, b int32) (bool, error) {
	if n.labelPrints[a] == n.labelPrints[b] {
		return false, nil
	}
	if c.ignore == nil || c.read == mostCompared {
		return true, nil
	}
	return c.differ(int(a), int(b))
}

// comparison reads labels to compare them.
type comparison struct {
	reader *Reader
	ignore *int64
	read   int
}

func (c *comparison) differ(a, b int) (bool, error) {
	c.read++
	if err := c.reader.readLabels(a); err != nil {
		return false, err
	}
	one := slices.Clone(c.reader.labels)
	if err := c.reader.readLabels(b); err != nil {
		return false, err
	}
	for k, label := range c.reader.labels {
		if label != one[k] && label != *c.ignore && one[k] != *c.ignore {
			return true, nil
		}
	}
	return false, nil
}

func (c conflicts) warnings(samples int) []string {
	if c.samples == 0 {
		return nil
	}
	return []string{fmt.Sprintf("%d of %d samples have the same pixels as another one but other labels (such as samples %d and %d); correct the labels or remove one of each",
		c.samples, samples, c.first, c.second)}
}
