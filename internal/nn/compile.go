package nn

import "fmt"

// compile turns a graph into stages. It allocates no memory but its own.
func compile(g *Graph, c PlanConfig) (*layout, error) {
	l := &layout{graph: g, config: c, chips: chipsAtOnce(g, c), of: make([]*value, len(g.Nodes))}
	consumers := g.Consumers()
	for _, n := range g.Nodes {
		if err := l.add(n, consumers); err != nil {
			return nil, fmt.Errorf("compiling %s %s: %w", n.Kind, n.Name, err)
		}
	}
	l.logits = l.of[g.Logits.ID]
	l.logits.data.floats = toLanes(c.MaxBatch * l.logits.h * l.logits.w * l.logits.stride)
	l.allocate()
	l.place()
	return l, nil
}

// imageFloats is how much of the images between its layers an inference plan keeps for each worker, so that
// they are still in the processor's cache when the next layer reads them (1 MiB).
const imageFloats = 256 << 10

// chipsAtOnce is how many chips pass a stage before the next stage begins: when training the whole batch, since
// batch norms need it; else as many as keep the workers busy and the cache warm. The chips do not know of each
// other then, so that it changes no result.
func chipsAtOnce(g *Graph, c PlanConfig) int {
	if c.Mode == Train {
		return c.MaxBatch
	}
	largest := 1
	for _, n := range g.Nodes {
		if !n.Vector {
			largest = max(largest, (c.Height>>n.Scale)*(c.Width>>n.Scale)*toLanes(n.Channels))
		}
	}
	return min(c.MaxBatch, c.Workers*max(imageFloats/largest, 1))
}

func (l *layout) add(n *Node, consumers [][]*Node) error {
	switch n.Kind {
	case KindInput:
	case KindBandStats:
		l.stage(&bandStatsStage{stageBase: l.base(l.value(n))})
	case KindConv, KindLinear:
		v := l.value(n)
		l.stage(&convStage{stageBase: l.base(v), in: l.source(n.Inputs[0]), kernel: max(n.Kernel, 1)})
	case KindBatchNorm:
		v := l.of[n.Inputs[0].ID]
		v.norm = n
		l.of[n.ID] = v
	case KindReLU:
		v := l.of[n.Inputs[0].ID]
		v.coefs.lo = 0
		l.of[n.ID] = v
	case KindAdd:
		l.stage(&addStage{stageBase: l.base(l.value(n)), x: l.image(n.Inputs[0]), y: l.image(n.Inputs[1])})
	case KindMaxPool, KindUpConcat:
		if l.virtual(n, consumers[n.ID]) {
			return nil
		}
		in := l.source(n)
		l.stage(&copyStage{stageBase: l.base(l.value(n)), in: in})
	case KindGlobalAvgPool:
		l.stage(&meanStage{stageBase: l.base(l.value(n)), in: l.source(n.Inputs[0])})
	case KindConcat:
		s := &concatStage{stageBase: l.base(l.value(n))}
		for _, in := range n.Inputs {
			s.parts = append(s.parts, l.of[in.ID])
		}
		l.stage(s)
	default:
		return fmt.Errorf("%w: no such kind", ErrShape)
	}
	return nil
}

// virtual says that a pooled or concatenated image is made only where it is read, row by row.
func (l *layout) virtual(n *Node, consumers []*Node) bool {
	for _, c := range consumers {
		if c.Kind != KindConv && c.Kind != KindGlobalAvgPool {
			return false
		}
	}
	return n.Kind == KindUpConcat || len(consumers) == 1
}

// value makes the value that a node stores.
func (l *layout) value(n *Node) *value {
	v := &value{node: n, h: l.config.Height >> n.Scale, w: l.config.Width >> n.Scale, stride: toLanes(n.Channels), vector: n.Vector}
	if n.Vector {
		v.h, v.w = 1, 1
	}
	if n.Kind == KindConcat {
		v.stride = 0
		for _, in := range n.Inputs {
			v.stride += toLanes(in.Channels)
		}
	}
	v.noGrad = n.Kind == KindBandStats
	v.coefs = newCoefficients(v.stride)
	v.data = l.buffer(l.chips * v.h * v.w * v.stride)
	l.of[n.ID] = v
	l.values = append(l.values, v)
	return v
}

// image is the value of a node that is read as it is; inputs and virtual nodes are made real.
func (l *layout) image(n *Node) *value {
	if v := l.of[n.ID]; v != nil {
		return v
	}
	in := l.source(n)
	v := l.value(n)
	v.noGrad = in.kind == sourceInput
	l.stage(&copyStage{stageBase: l.base(v), in: in})
	return v
}

func (l *layout) stage(s stage) { l.stages = append(l.stages, s) }

func (l *layout) base(out *value) stageBase { return stageBase{out: out} }

// allocate decides when each buffer is needed: data from the stage that makes it to the last that reads it (when training, that is its own
// backward pass), gradients from the first that writes to the stage that reads them.
func (l *layout) allocate() {
	count := len(l.stages)
	l.clock = count
	if l.config.Mode == Train {
		l.clock = 2 * count
	} else {
		l.logits.data.use(0) // Those of the chips before are there already.
	}
	for time, s := range l.stages {
		base := s.common()
		base.out.data.use(time)
		for _, v := range s.reads() {
			v.data.use(time)
		}
		s.plan(l)
		base.parts.use(time)
	}
	l.logits.data.use(l.clock)
	l.planLoss()
	if l.config.Mode == Infer {
		return
	}
	l.lossTarget = l.contribute(l.logits, count, l.lossBlocks)
	for i := count - 1; i >= 0; i-- {
		l.allocateBack(l.stages[i], 2*count-i)
	}
}

func (l *layout) allocateBack(s stage, time int) {
	base := s.common()
	base.out.data.use(time)
	base.out.grad.use(time)
	base.shards.use(time)
	for _, v := range s.reads() {
		v.data.use(time)
		base.targets = append(base.targets, l.contribute(v, time, base.blocks))
	}
}

// contribute notes that a stage of the backward pass, working in blocks, adds to a value's gradient.
func (l *layout) contribute(v *value, time int, b blocks) *target {
	t := &target{value: v, add: v.grad != nil}
	if v.noGrad {
		return t
	}
	if v.grad == nil {
		v.grad = l.buffer(v.data.floats)
	}
	v.grad.use(time)
	if v.latest != nil {
		v.latest.parts = nil
	}
	if v.latest = t; v.needsSums() {
		t.parts = l.buffer(2 * v.stride * b.perChip * v.chips(l.chips))
		t.parts.use(time)
	}
	return t
}
