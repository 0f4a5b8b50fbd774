package nn

import (
	"fmt"
	"slices"
)

// layout is a graph compiled for a plan: values, stages and where everything lies in the plan's memory.
type layout struct {
	graph      *Graph
	config     PlanConfig
	chips      int // That pass a stage before the next stage begins.
	values     []*value
	of         []*value // By node ID; several nodes share a value, virtual nodes have none.
	stages     []stage
	logits     *value
	lossTarget *target
	lossBlocks blocks

	floats  int // Of the arena.
	scratch int // Floats of each worker's scratch.
	clock   int
	buffers []*buffer
}

// value is an image or vector in memory with what its readers see of it: max(a·x + b, lo). The values of batch norms and ReLUs are never
// stored; they are computed again wherever they are read.
type value struct {
	node   *Node // That makes the stored numbers: a convolution, a linear layer, a sum …
	h, w   int   // Of a chip; a vector has one row of chips.
	stride int   // Channels, rounded up to lanes; those beyond are zero.
	vector bool
	norm   *Node // The batch norm, or nil.
	noGrad bool  // Nothing that is trained comes before it.
	data   *buffer
	grad   *buffer // Of what the readers see.
	latest *target // That writes to grad last.
	coefs  coefficients
}

// target is a value to whose gradient a stage of the backward pass contributes.
type target struct {
	value *value
	add   bool    // Others have contributed before.
	parts *buffer // Partial sums of the gradient by task, if this is the last contribution and the sums are needed.
}

// coefficients of a value by channel, stride long.
type coefficients struct {
	gradConstants
	mean []float32
	last pooledMoments // Of the last batch.
}

// buffer is a piece of the arena that is needed from one stage to another.
type buffer struct {
	floats      int
	first, last int
	offset      int
	data        []float32
}

func (l *layout) buffer(floats int) *buffer {
	b := &buffer{floats: toLanes(floats), first: -1}
	l.buffers = append(l.buffers, b)
	return b
}

// use says that a buffer is needed at a time of the clock, which counts the stages forwards and then backwards.
func (b *buffer) use(time int) {
	if b == nil {
		return
	}
	if b.first < 0 {
		b.first = time
	}
	b.last = max(b.last, time)
}

// guard floats lie between buffers and at the end, so that neighbours do not share a cache line.
const guard = lanes

// place gives every buffer its offset: the greatest first, each at the lowest place that is free while it is needed.
func (l *layout) place() {
	order := slices.Clone(l.buffers)
	slices.SortStableFunc(order, func(a, b *buffer) int { return b.floats - a.floats })
	var placed []*buffer
	for _, b := range order {
		if b.first < 0 {
			b.first, b.last = 0, l.clock
		}
		b.offset = lowestGap(placed, b)
		placed = append(placed, b)
		l.floats = max(l.floats, b.offset+b.floats+guard)
	}
}

// lowestGap is the lowest offset where b overlaps none of the placed buffers that live at the same time.
func lowestGap(placed []*buffer, b *buffer) int {
	offset := 0
	for again := true; again; {
		again = false
		for _, p := range placed {
			if p.first > b.last || b.first > p.last {
				continue
			}
			if offset < p.offset+p.floats+guard && p.offset < offset+b.floats+guard {
				offset = p.offset + p.floats + guard
				again = true
			}
		}
	}
	return offset
}

// arenaFloats is the size of the plan's block of memory: buffers, and scratch for each worker.
func (l *layout) arenaFloats() int64 {
	return int64(l.floats) + int64(l.scratch)*int64(l.config.Workers)
}

// bytes counts the gradients too, and the coefficients and moments of each value.
func (l *layout) bytes() int64 {
	floats := l.arenaFloats()
	for _, v := range l.values {
		floats += int64(len(v.coefs.a))*coefficientFloats + int64(v.node.Channels)*momentFloats
	}
	if l.config.Mode == Train {
		for _, s := range l.graph.Params {
			floats += int64(s.Len())
		}
	}
	return 4 * floats
}

// toLanes rounds a number of channels or floats up to whole lanes.
func toLanes(n int) int { return (n + lanes - 1) / lanes * lanes }

// chips is the number of images that a value holds for n chips; a vector is one image of n pixels.
func (v *value) chips(n int) int {
	if v.vector {
		return 1
	}
	return n
}

// width is that of the image, see chips.
func (v *value) width(n int) int {
	if v.vector {
		return n
	}
	return v.w
}

// rows gives a view on rows y0 to y1 of one chip.
func (v *value) rows(data []float32, n, chip, y0, y1 int) []float32 {
	row := v.width(n) * v.stride
	at := chip * v.h * row
	return data[at+y0*row : at+y1*row]
}

func (v *value) String() string {
	return fmt.Sprintf("%s %d×%d×%d", v.node.Name, v.h, v.w, v.stride)
}
