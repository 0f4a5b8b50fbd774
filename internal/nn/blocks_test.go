package nn

import "testing"

func TestBlocksCoverEachRowOnce(t *testing.T) {
	for h := 1; h <= 70; h++ {
		for most := 2; most <= 80; most += 2 {
			b := blocksOf(&value{h: h}, most)
			next := 0
			for task := range b.perChip {
				chip, y0, y1 := b.at(task)
				if chip != 0 || y0 != next || y1 <= y0 || y1-y0 > most || y0%2 != 0 {
					t.Fatalf("%d rows in blocks of at most %d: block %d is %d to %d", h, most, task, y0, y1)
				}
				next = y1
			}
			if next != h {
				t.Fatalf("%d rows in blocks of at most %d: they end at %d", h, most, next)
			}
		}
	}
}
