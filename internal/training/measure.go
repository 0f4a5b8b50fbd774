package training

import (
	"context"
	"fmt"

	"github.com/swath-dev/swath/internal/training/manifest"
	"github.com/swath-dev/swath/internal/training/metrics"
	"github.com/swath-dev/swath/internal/training/report"
	"github.com/swath-dev/swath/internal/training/results"
)

// measure measures the chosen weights, and gives the validation chips that the report shows. Where there is no validation
// data it measures on the training chips as they are, which is what the baselines are compared with.
func (s *Session) measure(ctx context.Context, l *Loop, m *manifest.Manifest) ([]report.Chip, error) {
	if l.valid == nil {
		sums, err := l.evaluate(ctx, l.inferPlan, nil)
		if err != nil {
			return nil, err
		}
		found := sums.evaluation()
		m.Metrics.OnTraining = &found
		return nil, nil
	}
	about := &s.report.Training
	if s.report.Validation != nil {
		about = s.report.Validation
	}
	places, count, err := about.Places(s.valid, metrics.MinGroups)
	if err != nil {
		return nil, err
	}
	g := &gallery{
		task: s.request.Task, classes: s.settings.NumClasses, ignore: l.loss.IgnoreLabel,
		side: s.report.Training.Shape[1], perChip: l.train.perChip,
		bootstrap: metrics.NewBootstrap(s.settings.NumClasses, count), groups: places,
	}
	sums, err := l.evaluate(ctx, l.inferPlan, g.look)
	if err != nil {
		return nil, err
	}
	m.Metrics.Validation = &manifest.Evaluation{
		Evaluation: sums.evaluation(), Chips: sums.Chips, PerClass: sums.Confusion.PerClass(), Confusion: sums.Confusion,
	}
	s.intervals(m.Metrics.Validation, g.bootstrap, count)
	if s.request.Task == Classification {
		return g.chips(), nil
	}
	g.choose()
	if _, err := l.evaluate(ctx, l.inferPlan, g.collect); err != nil {
		return nil, err
	}
	return g.chips(), nil
}

// intervals adds 95 % intervals, and says how they were made. Chips of one place are no independent evidence: where there
// are such, places are resampled. Of few mistakes a bootstrap knows little, so an interval of a classification is never
// narrower than Wilson's.
func (s *Session) intervals(v *manifest.Evaluation, bootstrap *metrics.Bootstrap, places int) {
	accuracy, iou, ok := bootstrap.Intervals(uint64(s.settings.Seed))
	alone := places == v.Chips
	unit := "places"
	if alone {
		unit = "chips"
	}
	resampled := fmt.Sprintf("a bootstrap over %d %s", places, unit)
	switch {
	case s.request.Task == Classification && alone:
		v.Interval95 = map[string]metrics.Interval{"accuracy": wilson(v)}
		v.Interval95By = "Wilson's score interval"
	case !ok:
	case s.request.Task == Classification:
		v.Interval95 = map[string]metrics.Interval{"accuracy": accuracy.Cover(wilson(v))}
		v.Interval95By = resampled + ", and at least Wilson's score interval"
	default:
		v.Interval95 = map[string]metrics.Interval{"accuracy": accuracy, "meanIoU": iou}
		v.Interval95By = resampled
	}
}

func wilson(v *manifest.Evaluation) metrics.Interval {
	var right int64
	for class := range v.Confusion.Classes() {
		right += v.Confusion.At(class, class)
	}
	return metrics.Wilson(right, v.Samples)
}

// judge warns of a model that a simple method beats, or that has learnt nothing, and says what is likely to help.
func judge(m *manifest.Manifest, c circumstances) []string {
	name := report.Score(m.Task)
	model := 0.0
	if m.Metrics.Validation != nil {
		model = scoreOf(m.Task, m.Metrics.Validation.Evaluation)
		c.overfitted = scoreOf(m.Task, m.Metrics.Training)-model >= overfitting
	} else if m.Metrics.OnTraining != nil {
		model = scoreOf(m.Task, *m.Metrics.OnTraining)
	}
	majority, linear := scoreOf(m.Task, m.Metrics.Baselines[manifest.BaselineMajority]), scoreOf(m.Task, m.Metrics.Baselines[manifest.BaselineLinear])
	switch {
	case majority >= model && majority < 1:
		return []string{fmt.Sprintf("the model is not better than always saying the most frequent class "+
			"(%s %.3f on the %s data); %s", name, model, m.Metrics.BaselinesOn, c.advice())}
	case linear > model:
		return []string{fmt.Sprintf("a linear model on band statistics is better than this model "+
			"(%s %.3f against %.3f on the %s data); %s", name, linear, model, m.Metrics.BaselinesOn, c.advice())}
	}
	return nil
}

// scoreOf is the figure that models of a task are judged by.
func scoreOf(task string, e results.Evaluation) float64 {
	if report.Score(task) == "meanIoU" {
		return e.MeanIoU
	}
	return e.Accuracy
}
