package metrics

// Scores are the figures of one evaluation. All but Samples lie in 0 to 1.
type Scores struct {
	// Samples is how many chips (classification) or pixels (segmentation) were counted, ignored ones left out.
	Samples int64 `json:"samples"`
	// Accuracy is the share of right predictions.
	Accuracy float64 `json:"accuracy"`
	// MacroF1 is the mean over classes of the harmonic mean of precision and recall.
	MacroF1 float64 `json:"macroF1"`
	// WeightedF1 is the same mean, weighted by the support of each class.
	WeightedF1 float64 `json:"weightedF1"`
	// MeanIoU is the mean over classes of intersection over union.
	MeanIoU float64 `json:"meanIoU"`
	// WeightedIoU is the same mean, weighted by the support of each class.
	WeightedIoU float64 `json:"weightedIoU"`
}

// ClassScores are the figures of one class.
type ClassScores struct {
	Class       int     `json:"class"`
	Samples     int64   `json:"samples"`
	Predictions int64   `json:"predictions"`
	Precision   float64 `json:"precision"`
	Recall      float64 `json:"recall"`
	F1          float64 `json:"f1"`
	IoU         float64 `json:"iou"`
}

// Scores computes the figures of the matrix. A class that occurs neither in truth nor in prediction is left out of the
// means: it says nothing about the model. A class that occurs in only one of them counts with 0, as in scikit-learn with
// zero_division=0. Of an empty matrix all figures are 0.
func (c *Confusion) Scores() Scores {
	s := Scores{}
	var right, present int64
	var f1, weightedF1, iou, weightedIoU float64
	for class := range c.classes {
		k := c.Class(class)
		right += c.At(class, class)
		s.Samples += k.Samples
		if k.Samples == 0 && k.Predictions == 0 {
			continue
		}
		present++
		f1 += k.F1
		iou += k.IoU
		weightedF1 += float64(k.F1 * float64(k.Samples))
		weightedIoU += float64(k.IoU * float64(k.Samples))
	}
	s.Accuracy = ratio(float64(right), float64(s.Samples))
	s.MacroF1 = ratio(f1, float64(present))
	s.MeanIoU = ratio(iou, float64(present))
	s.WeightedF1 = ratio(weightedF1, float64(s.Samples))
	s.WeightedIoU = ratio(weightedIoU, float64(s.Samples))
	return s
}

// Class computes the figures of one class.
func (c *Confusion) Class(class int) ClassScores {
	k := ClassScores{Class: class, Samples: c.Truths(class), Predictions: c.Predictions(class)}
	right := float64(c.At(class, class))
	k.Precision = ratio(right, float64(k.Predictions))
	k.Recall = ratio(right, float64(k.Samples))
	k.F1 = ratio(2*right, float64(k.Samples+k.Predictions))
	k.IoU = ratio(right, float64(k.Samples+k.Predictions)-right)
	return k
}

// PerClass computes the figures of every class.
func (c *Confusion) PerClass() []ClassScores {
	all := make([]ClassScores, c.classes)
	for class := range all {
		all[class] = c.Class(class)
	}
	return all
}

func ratio(part, whole float64) float64 {
	if whole == 0 {
		return 0
	}
	return part / whole
}
