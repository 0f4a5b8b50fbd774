package integration

import (
	"fmt"
	"strings"

	dto "github.com/prometheus/client_model/go"

	"github.com/swath-dev/swath/api/v1alpha1"
)

type errMissing string

func (e errMissing) Error() string { return "there is no " + string(e) }

func newJobIn(s *stage, name string) *v1alpha1.TrainingJob {
	job := newJob(name)
	job.Namespace = s.namespace
	return job
}

// metrics are the operator's metrics, a line each.
func (s *stage) metrics() []string {
	s.t.Helper()
	families, err := s.registry.Gather()
	if err != nil {
		s.t.Fatalf("gathering the metrics: %v", err)
	}
	var lines []string
	for _, family := range families {
		for _, metric := range family.Metric {
			lines = append(lines, fmt.Sprintf("%s{%s} %s", family.GetName(), labelPairs(metric), value(metric)))
		}
	}
	return lines
}

func labelPairs(metric *dto.Metric) string {
	var pairs []string
	for _, label := range metric.Label {
		pairs = append(pairs, fmt.Sprintf("%s=%q", label.GetName(), label.GetValue()))
	}
	return strings.Join(pairs, ",")
}

func value(metric *dto.Metric) string {
	switch {
	case metric.Gauge != nil:
		return fmt.Sprint(metric.Gauge.GetValue())
	case metric.Counter != nil:
		return fmt.Sprint(metric.Counter.GetValue())
	case metric.Histogram != nil:
		return fmt.Sprintf("count %d", metric.Histogram.GetSampleCount())
	}
	return "?"
}
