package dataset

import "fmt"

// placeCells are the widths of the cells that places are, in degrees: 0.01 is
// about 1 km.
var placeCells = []float64{0.01, 0.001, 0.0001}

// Places gives the place of each sample of a view of the file, numbered from 0,
// and how many there are: the samples of a place are alike, so that as evidence
// they count less than as many samples from all over. Places are the cells that
// [Report.Split] uses, of the widest kind of which there are at least so many; a
// sample without a point is a place of its own, and equal pixels are of one
// place. The file is not read.
func (r *FileReport) Places(v *View, least int) (places []int, n int, err error) {
	if r.notes == nil || r.notes.len() != v.f.Len() {
		return nil, 0, fmt.Errorf("finding the places of %s: the report is not of its validation", v.f.name)
	}
	places = make([]int, v.Len())
	for _, cell := range placeCells {
		groups, _ := r.notes.groups(cell)
		of := make([]int, r.notes.len())
		for g, samples := range groups {
			for _, i := range samples {
				of[i] = g
			}
		}
		number := map[int]int{}
		for i := range places {
			g := of[v.Sample(i)]
			if _, ok := number[g]; !ok {
				number[g] = len(number)
			}
			places[i] = number[g]
		}
		if n = len(number); n >= least {
			break
		}
	}
	return places, n, nil
}
