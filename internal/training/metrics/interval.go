package metrics

import (
	"math"
	"slices"

	"github.com/swath-dev/swath/internal/nn"
)

// Interval is a two-sided interval of confidence.
type Interval struct {
	Low  float64 `json:"low"`
	High float64 `json:"high"`
}

// z95 is the 0.975 quantile of the normal distribution.
const z95 = 1.959963984540054

// Wilson returns the 95 % score interval of a share of right ones among total independent trials (E. B. Wilson, 1927).
// It stays honest with few samples: 5 of 5 right give 0.57 to 1, where a normal approximation would claim certainty.
func Wilson(right, total int64) Interval {
	if total == 0 {
		return Interval{0, 1}
	}
	n, p := float64(total), float64(right)/float64(total)
	z2 := float64(z95 * z95)
	centre := (p + z2/(2*n)) / (1 + z2/n)
	half := float64(z95 / (1 + z2/n) * math.Sqrt(float64(p*(1-p))/n+z2/float64(4*float64(n*n))))
	return Interval{Low: max(0, centre-half), High: min(1, centre+half)}
}

// Cover is the least interval that has both in it.
func (i Interval) Cover(other Interval) Interval {
	return Interval{Low: min(i.Low, other.Low), High: max(i.High, other.High)}
}

const (
	// maxGroups bounds the memory of a bootstrap; neighbouring chips share a group beyond it, which also respects
	// that neighbours in a file tend to be neighbours on the ground.
	maxGroups = 512
	// MinGroups is the least number of groups for which resampling says anything.
	MinGroups = 10
	// resamples is what B. Efron and R. Tibshirani (An Introduction to the Bootstrap, 1993) take for percentiles.
	resamples = 1000
	// streamBootstrap is the stream of random numbers of resampling.
	streamBootstrap = 0x626f6f7473747261
)

// Bootstrap gathers counts by group, for intervals of metrics whose samples are not independent: the pixels of one chip
// and the chips of one place are alike, so that an interval that took each for a trial would be far too narrow.
type Bootstrap struct {
	classes int
	total   int
	groups  [][]classCounts
}

// classCounts is all that accuracy and IoU need of one class.
type classCounts struct{ right, truths, predictions int64 }

// NewBootstrap prepares for a number of groups, which are chips or places.
func NewBootstrap(classes, groups int) *Bootstrap {
	kept := make([][]classCounts, min(groups, maxGroups))
	for i := range kept {
		kept[i] = make([]classCounts, classes)
	}
	return &Bootstrap{classes: classes, total: groups, groups: kept}
}

// Add counts predictions of one group: truth[i] is the true class of label i, or a negative number where it is ignored.
func (b *Bootstrap) Add(group int, truth []int, predicted []int) {
	counts := b.groups[group*len(b.groups)/b.total]
	for i, t := range truth {
		if t < 0 {
			continue
		}
		counts[t].truths++
		counts[predicted[i]].predictions++
		if t == predicted[i] {
			counts[t].right++
		}
	}
}

// Intervals returns the 95 % percentile intervals of accuracy and mean IoU over resampled groups; ok is false where there
// are too few groups to say anything. The random numbers depend on the seed and the number of the resample only.
func (b *Bootstrap) Intervals(seed uint64) (accuracy, meanIoU Interval, ok bool) {
	if len(b.groups) < MinGroups {
		return Interval{0, 1}, Interval{0, 1}, false
	}
	accuracies, ious := make([]float64, resamples), make([]float64, resamples)
	sums := make([]classCounts, b.classes)
	for r := range resamples {
		random := nn.NewRNG(seed, streamBootstrap, uint64(r))
		clear(sums)
		for range b.groups {
			for class, n := range b.groups[random.IntN(len(b.groups))] {
				sums[class].right += n.right
				sums[class].truths += n.truths
				sums[class].predictions += n.predictions
			}
		}
		accuracies[r], ious[r] = scoresOf(sums)
	}
	return percentiles(accuracies), percentiles(ious), true
}

// scoresOf are accuracy and mean IoU of the counts of all classes.
func scoresOf(sums []classCounts) (accuracy, meanIoU float64) {
	var right, total, present int64
	var iou float64
	for _, s := range sums {
		right, total = right+s.right, total+s.truths
		if union := s.truths + s.predictions - s.right; union > 0 {
			present++
			iou += float64(s.right) / float64(union)
		}
	}
	return ratio(float64(right), float64(total)), ratio(iou, float64(present))
}

func percentiles(values []float64) Interval {
	slices.Sort(values)
	return Interval{Low: values[len(values)*25/1000], High: values[len(values)*975/1000-1]}
}
