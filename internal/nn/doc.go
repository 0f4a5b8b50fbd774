// Package nn holds the neural networks of the trainer: a declarative graph of layers, plans that run it forwards and backwards
// in one block of memory, losses, and the optimiser.
//
// A model is described once, as a [Graph] made with a [Builder]; its weights live in a [Model]; a [Plan] is the graph compiled for
// a largest batch, a chip size and a mode. A step of training reads
//
//	err := plan.Forward(batch)
//	result, err := plan.Loss(loss, labels)
//	err = plan.Backward()
//	err = optimizer.Step(plan.Gradients(), rate)
//
// Activations are float32 in NHWC order; pixels come in as bands × height × width, as the training files have them.
//
// The same calls give the same bytes on any machine: the number of shards and the order of each reduction depend on shapes only,
// never on workers or kernels; each output of a convolution has one accumulator, to which fused multiply-adds are added in ascending
// order; exponential and logarithm are the package's own; products in plain Go are rounded explicitly, so that no compiler fuses them.
package nn

// NumericsVersion names the arithmetic of this package. It changes whenever the same inputs may give other bytes than before, and is
// written into models and checkpoints so that a difference can be said.
const NumericsVersion = 1
