package nn

// executor runs a layout in one block of memory.
type executor struct {
	model     *Model
	layout    *layout
	kernels   *kernels
	arena     []float32
	gradients []float32
	zeros     []float32
	tiles     []workerTiles
	scratches [][]float32
	job       *job
	lossState lossState

	convolutions []*convStage
	packTasks    int
	packing      func(worker, task int)

	n      int       // Chips of the current batch,
	pixels []float32 // and its pixels.
}

// workerTiles are the arguments of kernels, one set for each worker, so that calls allocate nothing.
type workerTiles struct {
	conv  convTile
	wgrad wgradTile
}

func newExecutor(m *Model, c PlanConfig) (*executor, error) {
	l, err := compile(m.Graph, c)
	if err != nil {
		return nil, err
	}
	k, err := kernelsByName(c.Kernels)
	if err != nil {
		return nil, err
	}
	e := &executor{model: m, layout: l, kernels: k, job: newJob(), tiles: make([]workerTiles, c.Workers)}
	e.arena = make([]float32, l.arenaFloats())
	for i := range c.Workers {
		e.scratches = append(e.scratches, e.arena[l.floats+i*l.scratch:][:l.scratch:l.scratch])
	}
	for _, b := range l.buffers {
		b.data = e.arena[b.offset : b.offset+b.floats : b.offset+b.floats]
	}
	widest := lanes
	for _, v := range l.values {
		widest = max(widest, v.stride)
		v.coefs.last = newMoments(v.node.Channels)
	}
	for _, s := range l.stages {
		if c, ok := s.(*convStage); ok {
			widest = max(widest, c.in.stride)
		}
	}
	e.zeros = make([]float32, widest)
	if c.Mode == Train {
		e.gradients = make([]float32, len(m.Weights))
	}
	e.lossState = newLossState(e)
	for _, s := range l.stages {
		e.bind(s)
	}
	e.packing = e.packTask
	hire(c.Workers - 1)
	return e, nil
}

// bind makes the functions that workers call, once and for all.
func (e *executor) bind(s stage) {
	b := s.common()
	b.forwardTask = func(worker, task int) { s.forward(e, worker, task) }
	b.backwardTask = func(worker, task int) { s.backward(e, worker, task) }
	if c, ok := s.(*convStage); ok {
		e.convolutions = append(e.convolutions, c)
		e.packTasks += c.kernel
		b.reduceTask = func(_, part int) { c.reduce(e, part) }
	}
}

func (e *executor) scratch(worker int) []float32 { return e.scratches[worker] }

func (l *layout) needScratch(floats int) { l.scratch = max(l.scratch, toLanes(floats)+guard) }

func (e *executor) run(tasks int, task func(worker, task int)) {
	e.job.run(e.layout.config.Workers, tasks, task)
}

// gradientOf is the gradient of one parameter.
func (e *executor) gradientOf(param int) []float32 {
	at := 0
	for _, s := range e.model.Graph.Params[:param] {
		at += s.Len()
	}
	return e.gradients[at : at+e.model.Graph.Params[param].Len()]
}

// load folds batch norms into the weights of an inference plan. What is stored is then what readers see.
func (e *executor) load() {
	for _, c := range e.convolutions {
		weights, bias := e.model.Folded(c.out.node, c.out.norm)
		copy(c.bias.data, bias)
		for ky := range c.kernel {
			c.pack(weights, ky)
		}
	}
}

// packTask brings one row of a kernel of a training plan's weights into the kernels' order.
func (e *executor) packTask(_, task int) {
	for _, c := range e.convolutions {
		if task >= c.kernel {
			task -= c.kernel
			continue
		}
		if node := c.out.node; task == 0 && node.Bias != None {
			copy(c.bias.data, e.model.Params[node.Bias])
		}
		c.pack(e.model.Params[c.out.node.Weight], task)
		return
	}
}

func (e *executor) forward(b Batch) {
	if e.layout.config.Mode == Infer {
		e.infer(b)
		return
	}
	e.n, e.pixels = b.N, b.Pixels
	e.run(e.packTasks, e.packing)
	for _, s := range e.layout.stages {
		base := s.common()
		e.run(base.tasks(e.n), base.forwardTask)
		if c, ok := s.(*convStage); ok && c.parts != nil {
			c.normalise(e)
		}
	}
}

// infer passes the batch through all stages a few chips at a time; their logits follow each other.
func (e *executor) infer(b Batch) {
	logits := e.layout.logits
	all, floats, pixels := logits.data.data, logits.h*logits.w*logits.stride, len(b.Pixels)/b.N
	for first := 0; first < b.N; first += e.n {
		e.n = min(e.layout.chips, b.N-first)
		e.pixels = b.Pixels[first*pixels : (first+e.n)*pixels]
		logits.data.data = all[first*floats:]
		for _, s := range e.layout.stages {
			base := s.common()
			e.run(base.tasks(e.n), base.forwardTask)
		}
	}
	e.n, e.pixels, logits.data.data = b.N, nil, all
}

func (e *executor) backward() {
	e.layout.lossTarget.finish(e, e.lossTasks(e.n))
	for i := len(e.layout.stages) - 1; i >= 0; i-- {
		s := e.layout.stages[i]
		base := s.common()
		tasks := base.tasks(e.n)
		c, isConv := s.(*convStage)
		if isConv {
			e.run(c.shardCount(e.n), base.backwardTask)
			e.run(c.kernel, base.reduceTask)
		} else {
			e.run(tasks, base.backwardTask)
		}
		for _, t := range base.targets {
			t.finish(e, tasks)
		}
	}
}
