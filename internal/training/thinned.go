package training

import "errors"

// epochs visits the batches of an epoch, in an order of its own for each number.
type epochs func(epoch int, visit func(batch) error) error

const (
	// thinnedSide is how many rows and columns of a chip are kept at most.
	thinnedSide = 64
	// thinnedBytes is how much the pixels of thinned chips may take: less than the plan of training, which is gone by then.
	thinnedBytes = 32 << 20
)

// thinned are chips of which only every so many rows and columns are kept, in memory.
type thinned struct {
	// size is how many chips are in a batch, and side the height and width that is kept of them.
	size, side int
	chips      int
	pixels     []float32
	labels     []uint8
}

// thinOut reads as many training chips as the linear model sees, once, and thins them out.
func (s *Session) thinOut(l *Loop, shuffled epochs) (*thinned, error) {
	full, bands := s.report.Training.Shape[1], s.graph.Bands
	stride := (full + thinnedSide - 1) / thinnedSide
	t := &thinned{side: (full + stride - 1) / stride}
	area := t.side * t.side
	most := min(baselineChips, max(1, thinnedBytes/(4*bands*area)))
	perChip := l.train.labelsPerChip
	err := shuffled(0, func(b batch) error {
		for i := range b.N {
			if t.chips == most {
				return errEnough
			}
			t.chips++
			pixels := b.Pixels[i*l.train.perChip : (i+1)*l.train.perChip]
			for band := range bands {
				t.pixels = appendThinned(t.pixels, pixels[band*full*full:], full, stride)
			}
			labels := b.labels[i*perChip : (i+1)*perChip]
			if perChip == 1 {
				t.labels = append(t.labels, labels[0])
				continue
			}
			t.labels = appendThinned(t.labels, labels, full, stride)
		}
		return nil
	})
	if err != nil && !errors.Is(err, errEnough) {
		return nil, err
	}
	t.size = min(t.chips, max(1, baselinePixels/area))
	return t, nil
}

// appendThinned appends every so many rows and columns of an image.
func appendThinned[T any](to, image []T, side, stride int) []T {
	for y := 0; y < side; y += stride {
		for x := 0; x < side; x += stride {
			to = append(to, image[y*side+x])
		}
	}
	return to
}

// each implements epochs: the chips are in the order in which they were shuffled once.
func (t *thinned) each(_ int, visit func(batch) error) error {
	perChip, perLabels := len(t.pixels)/t.chips, len(t.labels)/t.chips
	for at := 0; at < t.chips; at += t.size {
		end := min(at+t.size, t.chips)
		b := batch{labels: t.labels[at*perLabels : end*perLabels]}
		b.N, b.Pixels = end-at, t.pixels[at*perChip:end*perChip]
		if err := visit(b); err != nil {
			return err
		}
	}
	return nil
}
