package training

import "github.com/swath-dev/swath/internal/nn"

// streamAugment is the stream of random numbers of augmentation.
const streamAugment = 0x61756700

// augmentVersion changes when the same settings move chips in another way: checkpoints of before are not taken then.
const augmentVersion = 1

// augmenter turns and mirrors training chips. Which way depends on seed, epoch and sample only.
type augmenter struct {
	kind    string
	seed    uint64
	side    int
	bands   int
	pixels  []float32
	classes []int16
}

func newAugmenter(kind string, seed int64, side, bands int) *augmenter {
	return &augmenter{kind: kind, seed: uint64(seed), side: side, bands: bands, pixels: make([]float32, side*side), classes: make([]int16, side*side)}
}

// The parts of a move; the eight combinations are the symmetries of a square.
const (
	mirror    = 1 << iota // left and right
	flip                  // up and down
	transpose             // rows and columns
)

// move chooses what happens to a sample in an epoch.
func (a *augmenter) move(epoch, sample int) int {
	random := nn.NewRNG(a.seed, streamAugment, uint64(epoch), uint64(sample))
	switch a.kind {
	case AugmentationFlips:
		return random.IntN(4)
	case AugmentationD4:
		return random.IntN(8)
	}
	return 0
}

// apply moves a chip in place, and its labels where there is one for each pixel.
func (a *augmenter) apply(move int, pixels []float32, labels []int16) {
	if move == 0 {
		return
	}
	area := a.side * a.side
	for band := range a.bands {
		plane := pixels[band*area : (band+1)*area]
		moved(a.pixels, plane, a.side, move)
		copy(plane, a.pixels)
	}
	if len(labels) == area {
		moved(a.classes, labels, a.side, move)
		copy(labels, a.classes)
	}
}

// moved writes src into dst, moved. It walks along the rows of dst; in src that is along a row or a column.
func moved[T any](dst, src []T, side, move int) {
	// A step to the right in dst is `right` in src, a step down is `down`.
	start, right, down := 0, 1, side
	if move&mirror != 0 {
		start, right = start+side-1, -right
	}
	if move&flip != 0 {
		start, down = start+side*(side-1), -down
	}
	if move&transpose != 0 {
		right, down = down, right
	}
	for y := range side {
		at := start + y*down
		for x := range side {
			dst[y*side+x] = src[at]
			at += right
		}
	}
}
