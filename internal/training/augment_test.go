package training

import (
	"fmt"
	"slices"
	"testing"
)

func TestTheMovesAreTheSymmetriesOfASquare(t *testing.T) {
	// 0 1
	// 2 3
	want := map[int][]int{
		0:                         {0, 1, 2, 3},
		mirror:                    {1, 0, 3, 2},
		flip:                      {2, 3, 0, 1},
		mirror | flip:             {3, 2, 1, 0},
		transpose:                 {0, 2, 1, 3},
		transpose | mirror:        {1, 3, 0, 2},
		transpose | flip:          {2, 0, 3, 1},
		transpose | mirror | flip: {3, 1, 2, 0},
	}
	seen := map[string]bool{}
	for move := range 8 {
		got := make([]int, 4)
		moved(got, []int{0, 1, 2, 3}, 2, move)
		if !slices.Equal(got, want[move]) {
			t.Errorf("move %d gives %v, want %v", move, got, want[move])
		}
		seen[fmt.Sprint(got)] = true
	}
	if len(seen) != 8 {
		t.Errorf("there are %d different moves, want 8", len(seen))
	}
}

// Each pixel keeps its label, in all bands.
func TestLabelsMoveWithTheirPixels(t *testing.T) {
	const side, bands = 8, 3
	a := newAugmenter(AugmentationD4, 1, side, bands)
	for move := range 8 {
		pixels, labels := make([]float32, bands*side*side), make([]int16, side*side)
		for i := range labels {
			labels[i] = int16(i)
			for band := range bands {
				pixels[band*side*side+i] = float32(i + 1000*band)
			}
		}
		a.apply(move, pixels, labels)
		for i, label := range labels {
			for band := range bands {
				if got := pixels[band*side*side+i]; got != float32(int(label)+1000*band) {
					t.Fatalf("move %d: the pixel of label %d in band %d is %v", move, label, band, got)
				}
			}
		}
	}
}

func TestMovesDependOnSeedEpochAndSampleAndAreAllUsed(t *testing.T) {
	for kind, want := range map[string]int{AugmentationNone: 1, AugmentationFlips: 4, AugmentationD4: 8} {
		a, again := newAugmenter(kind, 1, 8, 1), newAugmenter(kind, 1, 8, 1)
		used := map[int]int{}
		for epoch := range 20 {
			for sample := range 50 {
				move := a.move(epoch, sample)
				used[move]++
				if again.move(epoch, sample) != move {
					t.Fatal("the same sample of the same epoch moved in another way")
				}
			}
		}
		if len(used) != want {
			t.Errorf("%s has %d moves, want %d", kind, len(used), want)
		}
		for move, n := range used {
			if want > 1 && (n < 700/want || n > 1300/want) {
				t.Errorf("%s chose move %d %d times of 1000", kind, move, n)
			}
		}
	}
}
