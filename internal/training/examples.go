package training

import (
	"cmp"
	"slices"

	"github.com/swath-dev/swath/internal/nn"
	"github.com/swath-dev/swath/internal/training/metrics"
	"github.com/swath-dev/swath/internal/training/report"
)

const (
	// mistakes and sheetChips bound the chips of a report's pictures.
	mistakes   = 18
	sheetChips = 12
	// sheetPixels bounds the values of the chips of a sheet: of large chips there are fewer. It is 16 MiB.
	sheetPixels = 4 << 20
)

// gallery gathers what a report shows of the validation chips, as they are evaluated.
type gallery struct {
	task    Task
	classes int
	ignore  int
	side    int
	perChip int
	// bootstrap gathers counts for intervals by group, groups has the group of each chip, and chip counts chips.
	bootstrap *metrics.Bootstrap
	groups    []int
	chip      int
	// accuracies is the share of right pixels of each chip, to choose a sheet from.
	accuracies []float64
	// wrong are the most certain mistakes so far, sheet the chips of the sheet.
	wrong  []report.Chip
	sheet  map[int]*report.Chip
	chosen []int
	truth  []int
	guess  []int
}

// look sees one batch of the first pass: it finds mistakes, and how good each chip is.
func (g *gallery) look(b seen) error {
	per := len(b.labels) / b.N
	for i := range b.N {
		g.decode(b.labels[i*per:(i+1)*per], b.predicted[i*per:(i+1)*per])
		if g.bootstrap != nil {
			g.bootstrap.Add(g.groups[g.chip], g.truth, g.guess)
		}
		g.accuracies = append(g.accuracies, share(g.truth, g.guess))
		if g.task == Classification && g.truth[0] >= 0 && g.truth[0] != g.guess[0] {
			g.mistake(b, i)
		}
		g.chip++
	}
	return nil
}

func (g *gallery) decode(labels, predicted []uint8) {
	g.truth, g.guess = g.truth[:0], g.guess[:0]
	for k, label := range labels {
		truth := int(label)
		if truth == g.ignore {
			truth = -1
		}
		g.truth, g.guess = append(g.truth, truth), append(g.guess, int(predicted[k]))
	}
}

// share is the share of right pixels, or -1 where all are ignored.
func share(truth, predicted []int) float64 {
	right, all := 0, 0
	for i, t := range truth {
		if t < 0 {
			continue
		}
		all++
		if t == predicted[i] {
			right++
		}
	}
	if all == 0 {
		return -1
	}
	return float64(right) / float64(all)
}

func (g *gallery) mistake(b seen, i int) {
	confidence := probability(b.logits[i*g.classes:(i+1)*g.classes], g.guess[0])
	if len(g.wrong) == g.limit(mistakes) && confidence <= g.wrong[len(g.wrong)-1].Confidence {
		return
	}
	g.wrong = append(g.wrong, g.copyChip(b, i, confidence))
	slices.SortStableFunc(g.wrong, func(x, y report.Chip) int { return cmp.Compare(y.Confidence, x.Confidence) })
	g.wrong = g.wrong[:min(len(g.wrong), g.limit(mistakes))]
}

// limit is how many chips a picture has room for, at most want.
func (g *gallery) limit(want int) int { return max(1, min(want, sheetPixels/g.perChip)) }

func (g *gallery) copyChip(b seen, i int, confidence float64) report.Chip {
	return report.Chip{
		Sample: int(b.samples[i]), Side: g.side, Confidence: confidence, Accuracy: share(g.truth, g.guess),
		Pixels: slices.Clone(b.Pixels[i*g.perChip : (i+1)*g.perChip]),
		Truth:  slices.Clone(g.truth), Predicted: slices.Clone(g.guess),
	}
}

// probability is the softmax of one of the logits.
func probability(logits []float32, class int) float64 {
	most := float64(slices.Max(logits))
	sum := 0.0
	for _, v := range logits {
		sum += nn.Exp(float64(v) - most)
	}
	return nn.Exp(float64(logits[class])-most) / sum
}

// choose picks the chips of the sheet by the first pass: from the worst to the best, evenly spaced.
func (g *gallery) choose() {
	var order []int
	for chip, accuracy := range g.accuracies {
		if accuracy >= 0 {
			order = append(order, chip)
		}
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(g.accuracies[a], g.accuracies[b]) })
	n := min(g.limit(sheetChips), len(order))
	for i := range n {
		g.chosen = append(g.chosen, order[i*(len(order)-1)/max(1, n-1)])
	}
	g.sheet = map[int]*report.Chip{}
	g.chip = 0
}

// collect sees one batch of the second pass and keeps the chips of the sheet.
func (g *gallery) collect(b seen) error {
	per := len(b.labels) / b.N
	for i := range b.N {
		if slices.Contains(g.chosen, g.chip) {
			g.decode(b.labels[i*per:(i+1)*per], b.predicted[i*per:(i+1)*per])
			chip := g.copyChip(b, i, 0)
			g.sheet[g.chip] = &chip
		}
		g.chip++
	}
	return nil
}

// chips are those that the report shows, in order.
func (g *gallery) chips() []report.Chip {
	if g.task == Classification {
		return g.wrong
	}
	var all []report.Chip
	for _, chip := range g.chosen {
		all = append(all, *g.sheet[chip])
	}
	return all
}
