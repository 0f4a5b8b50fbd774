package manager

import (
	"strings"
	"testing"
)

// A certificate that would not be used stops the operator: it neither serves without it
// nor takes another.
func TestAMetricsCertificateThatCannotBeUsedIsAnError(t *testing.T) {
	for name, c := range map[string]struct {
		options Options
		want    string
	}{
		"without HTTPS": {Options{MetricsCertPath: t.TempDir()}, "--metrics-secure"},
		"no files":      {Options{MetricsSecure: true, MetricsCertPath: t.TempDir()}, "tls.crt"},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := metricsOptions(c.options); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("the error is %v, and is to name %s", err, c.want)
			}
		})
	}
}
