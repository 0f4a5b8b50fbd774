package training

import (
	"fmt"

	"github.com/swath-dev/swath/internal/nn"
)

// widths are the channels of each level of a network, by its size; the last is repeated for levels below.
var widths = map[string][]int{
	SizeSmall: {16, 32, 64, 96},
	SizeBase:  {32, 64, 128, 192},
	SizeLarge: {64, 128, 256, 384},
}

// NewGraph describes the network for a task. The side of the chips decides how often they are halved: so that a
// classifier ends with a few pixels a side, and a segmentation network goes down 1, 2 or 3 times for sides of 8, 16 and more.
func NewGraph(task Task, modelSize string, bands, side, classes int) (*nn.Graph, error) {
	channels, ok := widths[modelSize]
	if !ok {
		return nil, usageErrorf("modelSize is %q and must be one of small, base, large", modelSize)
	}
	a := &architecture{Builder: nn.NewBuilder(bands), channels: channels}
	switch task {
	case Classification:
		return a.classifier(side, classes)
	case Segmentation:
		return a.segmenter(side, classes)
	}
	return nil, usageErrorf("the task is %q and must be classification or segmentation", task)
}

// architecture puts blocks of layers together.
type architecture struct {
	*nn.Builder
	channels []int
}

// width is the number of channels at a level, the input's being 0.
func (a *architecture) width(level int) int { return a.channels[min(level, len(a.channels)-1)] }

// maxLevels bounds the levels of a classifier.
const maxLevels = 5

// classifier is a residual network (He et al. 2016, arXiv:1512.03385) with one block a level. Its head reads the means
// of the last level and also mean and deviation of each band: with few chips these carry most of what there is to learn.
func (a *architecture) classifier(side, classes int) (*nn.Graph, error) {
	levels := 2
	for levels < maxLevels && side>>levels > 4 && side%(1<<levels) == 0 {
		levels++
	}
	x := a.Input()
	for level := range levels {
		if level > 0 {
			x = a.MaxPool(fmt.Sprintf("level%d.pool", level), x)
		}
		x = a.residual(fmt.Sprintf("level%d", level), x, a.width(level))
	}
	features := a.Concat("head.features", a.GlobalAvgPool("head.pool", x), a.BandStats("head.bands"))
	return a.Build(a.Linear("head.logits", features, classes))
}

// segmenter is a U-Net (Ronneberger et al. 2015, arXiv:1505.04597) whose encoder has residual blocks.
func (a *architecture) segmenter(side, classes int) (*nn.Graph, error) {
	depth := 3
	for depth > 1 && side < 4<<depth {
		depth--
	}
	skips := make([]*nn.Node, depth)
	x := a.Input()
	for level := range depth {
		x = a.residual(fmt.Sprintf("down%d", level), x, a.width(level))
		skips[level] = x
		x = a.MaxPool(fmt.Sprintf("down%d.pool", level), x)
	}
	x = a.residual("bottom", x, a.width(depth))
	for level := depth - 1; level >= 0; level-- {
		name := fmt.Sprintf("up%d", level)
		x = a.UpConcat(name+".concat", x, skips[level])
		x = a.convBlock(name+".first", x, a.width(level))
		x = a.convBlock(name+".second", x, a.width(level))
	}
	return a.Build(a.ConvBias("logits", x, classes, 1))
}

// convBlock is a 3×3 convolution with batch norm and ReLU.
func (a *architecture) convBlock(name string, x *nn.Node, out int) *nn.Node {
	x = a.Conv(name+".conv", x, out, 3)
	x = a.BatchNorm(name+".norm", x)
	return a.ReLU(name+".relu", x)
}

// residual is two 3×3 convolutions beside a shortcut, which is a 1×1 convolution where the number of channels changes.
func (a *architecture) residual(name string, x *nn.Node, out int) *nn.Node {
	shortcut := x
	if x.Channels != out {
		shortcut = a.BatchNorm(name+".shortcut.norm", a.Conv(name+".shortcut.conv", x, out, 1))
	}
	y := a.convBlock(name+".first", x, out)
	y = a.BatchNorm(name+".second.norm", a.Conv(name+".second.conv", y, out, 3))
	return a.ReLU(name+".relu", a.Add(name+".add", y, shortcut))
}
