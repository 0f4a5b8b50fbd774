package integration

import (
	"os"
	"regexp"
	"testing"

	"sigs.k8s.io/controller-runtime/pkg/metrics"

	"github.com/swath-dev/swath/api/v1alpha1"
	"github.com/swath-dev/swath/internal/contract"
)

// metricName finds the names of metrics in the alerts' expressions. That these are
// right is checked by Prometheus' own parser, in test/alerts.
var metricName = regexp.MustCompile(`\b(swath|controller_runtime|workqueue|rest_client|leader_election)_[a-z_]+\b`)

// Whatever the alerts ask for, an operator that works on jobs tells.
func TestAlertsAskForWhatTheOperatorTells(t *testing.T) {
	rules, err := os.ReadFile("../../config/prometheus/monitor.yaml")
	if err != nil {
		t.Fatal(err)
	}
	s := newStage(t)
	job := s.submit(newJob("ships"))
	s.training(job).ends(contract.StageTrain, 1, "out of luck")
	s.waitsFor(job, v1alpha1.ReasonBackOff)

	told := map[string]bool{}
	own, err := s.registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	shared, err := metrics.Registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, family := range append(own, shared...) {
		told[family.GetName()] = true
	}
	asked := metricName.FindAllString(string(rules), -1)
	if len(asked) == 0 {
		t.Fatal("the alerts ask for nothing")
	}
	for _, name := range asked {
		if !told[name] {
			t.Errorf("the alerts ask for %s, which the operator does not tell", name)
		}
	}
}
