package nn

// blocks cuts the chips of an image into tasks of some rows each. It depends on shapes only.
type blocks struct {
	height, rows, perChip int
}

// blocksOf has blocks of nearly the same, even number of rows, of at most so many (which is even).
func blocksOf(v *value, most int) blocks {
	count := (v.h + most - 1) / most
	rows := ((v.h+count-1)/count + 1) &^ 1
	return blocks{height: v.h, rows: rows, perChip: (v.h + rows - 1) / rows}
}

// at gives the chip and the rows of a task.
func (b blocks) at(task int) (chip, y0, y1 int) {
	chip = task / b.perChip
	y0 = task % b.perChip * b.rows
	return chip, y0, min(y0+b.rows, b.height)
}

// scratchFloats is what a worker's scratch should hold at most, so that it stays in the processor's second-level cache (512 KiB).
const scratchFloats = 128 << 10

// rowsWithin is the even number of rows, at least 2, of which perRow floats each (with a margin of two) fit into the scratch.
func rowsWithin(perRow int) int {
	return max((scratchFloats/perRow-2)&^1, 2)
}
