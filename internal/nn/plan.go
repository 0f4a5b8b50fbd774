package nn

import (
	"errors"
	"fmt"
)

// Mode says what a plan can do.
type Mode int

const (
	// Train computes with the statistics of each batch and can go backwards.
	Train Mode = iota
	// Infer computes with the running statistics, folded into the convolutions.
	Infer
)

// PlanConfig is what a plan is compiled for.
type PlanConfig struct {
	// Mode is Train or Infer.
	Mode Mode
	// MaxBatch is the largest number of chips in one call; each call may have fewer.
	MaxBatch int
	// Height and Width of the chips in pixels, divisible by Graph.Factor.
	Height, Width int
	// Workers compute at the same time; 0 means GOMAXPROCS. They change the time and the memory, never the result.
	Workers int
	// Kernels is "avx512", "avx2" or "portable"; empty means what UseKernels chose, or the best of the machine.
	Kernels string
}

// Batch is the input of a step. The plan only reads it: until Forward returns, and when training until Backward returns.
type Batch struct {
	// N is the number of chips.
	N int
	// Pixels are raw, N × bands × height × width; the plan normalises them.
	Pixels []float32
}

// ErrShape says that an argument does not fit the plan it was given to.
var ErrShape = errors.New("shape does not fit the plan")

// ErrOrder says that a plan's methods were called in an order that has no meaning, as Backward without Loss.
var ErrOrder = errors.New("call out of order")

// Plan is a graph compiled for a largest batch, a chip size and a mode. It has all its memory from the start; calls allocate nothing.
// A plan is used by one goroutine at a time. Training plans read the model's weights in each Forward and write its running statistics.
type Plan struct {
	model  *Model
	config PlanConfig
	exec   *executor
	state  planState
	n      int
}

// planState is how far the step of a plan has come.
type planState int

const (
	stateEmpty planState = iota
	stateForward
	stateLoss
)

// PlanBytes is the memory in bytes that a plan would take, gradients included, without making it. Beside it there are the model's weights
// and twice as much in the optimiser.
func PlanBytes(g *Graph, c PlanConfig) (int64, error) {
	if err := c.complete(g); err != nil {
		return 0, err
	}
	layout, err := compile(g, c)
	if err != nil {
		return 0, err
	}
	return layout.bytes(), nil
}

// NewPlan compiles the model's graph. An inference plan takes the weights as they are now; see Load.
func NewPlan(m *Model, c PlanConfig) (*Plan, error) {
	if err := c.complete(m.Graph); err != nil {
		return nil, err
	}
	exec, err := newExecutor(m, c)
	if err != nil {
		return nil, err
	}
	p := &Plan{model: m, config: c, exec: exec}
	p.Load()
	return p, nil
}

// complete fills in what was left out and checks the rest.
func (c *PlanConfig) complete(g *Graph) error {
	switch {
	case c.Mode != Train && c.Mode != Infer:
		return fmt.Errorf("%w: there is no mode %d", ErrShape, c.Mode)
	case c.MaxBatch < 1:
		return fmt.Errorf("%w: a batch has at least one chip, not %d", ErrShape, c.MaxBatch)
	case c.Height < 1 || c.Width < 1 || c.Height%g.Factor() != 0 || c.Width%g.Factor() != 0:
		return fmt.Errorf("%w: chips of %d×%d pixels; both sides must be divisible by %d", ErrShape, c.Height, c.Width, g.Factor())
	case c.Height > maxSide || c.Width > maxSide:
		return fmt.Errorf("%w: chips of %d×%d pixels; sides go up to %d", ErrShape, c.Height, c.Width, maxSide)
	}
	if c.Workers < 1 {
		c.Workers = defaultWorkers()
	}
	if c.Kernels == "" {
		c.Kernels = KernelName()
	}
	_, err := kernelsByName(c.Kernels)
	return err
}

// maxSide keeps sizes and positions far from overflow.
const maxSide = 1 << 14

// Load takes the model's weights and running statistics into an inference plan; call it whenever they have changed.
func (p *Plan) Load() {
	if p.config.Mode == Infer {
		p.exec.load()
	}
}

// Bytes is the memory that the plan holds.
func (p *Plan) Bytes() int64 { return p.exec.layout.bytes() }

// Config is what the plan was compiled for, complete with workers and kernels.
func (p *Plan) Config() PlanConfig { return p.config }

// Forward computes the logits of a batch. When training, batch norms use the batch's statistics and update the running ones.
func (p *Plan) Forward(b Batch) error {
	if err := p.checkBatch(b); err != nil {
		return err
	}
	p.exec.forward(b)
	if p.config.Mode == Train {
		p.exec.updateRunning()
	}
	p.n, p.state = b.N, stateForward
	return nil
}

func (p *Plan) checkBatch(b Batch) error {
	if b.N < 1 || b.N > p.config.MaxBatch {
		return fmt.Errorf("%w: %d chips in a batch of 1 to %d", ErrShape, b.N, p.config.MaxBatch)
	}
	if want := b.N * p.model.Graph.Bands * p.config.Height * p.config.Width; len(b.Pixels) != want {
		return fmt.Errorf("%w: %d values for %d chips of %d×%d×%d, which have %d", ErrShape, len(b.Pixels), b.N, p.model.Graph.Bands, p.config.Height, p.config.Width, want)
	}
	return nil
}

// Labels is the number of labels of the batch that Forward saw: one for each chip, or one for each pixel.
func (p *Plan) Labels() int {
	if p.model.Graph.PerPixel() {
		return p.n * p.config.Height * p.config.Width
	}
	return p.n
}

// Logits copies the logits of the last Forward into dst, Labels() × classes, row by row.
func (p *Plan) Logits(dst []float32) error {
	if p.state == stateEmpty {
		return fmt.Errorf("%w: Logits needs Forward", ErrOrder)
	}
	if want := p.Labels() * p.model.Graph.Classes(); len(dst) != want {
		return fmt.Errorf("%w: room for %d logits, and there are %d", ErrShape, len(dst), want)
	}
	p.exec.logits(dst, p.Labels())
	return nil
}

// Predict writes the class with the greatest logit (the first of equals) for each label of the last Forward into dst.
func (p *Plan) Predict(dst []uint8) error {
	if p.state == stateEmpty {
		return fmt.Errorf("%w: Predict needs Forward", ErrOrder)
	}
	if len(dst) != p.Labels() {
		return fmt.Errorf("%w: room for %d predictions, and there are %d", ErrShape, len(dst), p.Labels())
	}
	p.exec.predict(dst)
	return nil
}

// Loss computes the loss of the last Forward, in both modes, and when training its gradient for Backward.
func (p *Plan) Loss(l Loss, labels []uint8) (LossResult, error) {
	if p.state == stateEmpty {
		return LossResult{}, fmt.Errorf("%w: Loss needs Forward", ErrOrder)
	}
	if len(labels) != p.Labels() {
		return LossResult{}, fmt.Errorf("%w: %d labels, and there must be %d", ErrShape, len(labels), p.Labels())
	}
	if err := l.check(p.model.Graph.Classes(), labels); err != nil {
		return LossResult{}, err
	}
	p.state = stateLoss
	return p.exec.loss(l, labels), nil
}

// Backward computes the gradients of the last Loss with respect to all parameters. It can be called once after each Loss.
func (p *Plan) Backward() error {
	if p.config.Mode != Train || p.state != stateLoss {
		return fmt.Errorf("%w: Backward needs a training plan, Forward and Loss", ErrOrder)
	}
	p.exec.backward()
	p.state = stateForward
	return nil
}

// Gradients are those of the last Backward, in the order of Model.Weights. They are the plan's and change with the next Backward; the
// caller may scale them.
func (p *Plan) Gradients() []float32 { return p.exec.gradients }

// Calibration gathers the statistics of batch norms over several batches, exactly pooled: mean and variance are those of all values
// that passed each batch norm (Wu and Johnson 2021, arXiv:2105.07576, "precise BN").
type Calibration struct {
	plan    *Plan
	moments []pooledMoments
}

// Calibrate starts with no batch. The plan must be a training plan.
func (p *Plan) Calibrate() (*Calibration, error) {
	if p.config.Mode != Train {
		return nil, fmt.Errorf("%w: Calibrate needs a training plan", ErrOrder)
	}
	return &Calibration{plan: p, moments: p.exec.newPooledMoments()}, nil
}

// Add passes a batch through the network. Neither weights nor running statistics change.
func (c *Calibration) Add(b Batch) error {
	if err := c.plan.checkBatch(b); err != nil {
		return err
	}
	c.plan.exec.forward(b)
	c.plan.exec.pool(c.moments)
	c.plan.n, c.plan.state = b.N, stateForward
	return nil
}

// Apply makes the gathered statistics the model's running ones.
func (c *Calibration) Apply() error {
	for i := range c.moments {
		if c.moments[i].count == 0 {
			return fmt.Errorf("%w: a calibration needs at least one batch", ErrOrder)
		}
	}
	c.plan.exec.setRunning(c.moments)
	return nil
}

// Finite reports whether all values are numbers.
func Finite(values []float32) bool {
	for _, v := range values {
		if v-v != 0 {
			return false
		}
	}
	return true
}
