// Package alerts checks the alerts of config/prometheus as Prometheus itself reads
// them. It is a module of its own, so that Prometheus is no dependency of ours.
package alerts

import (
	"bytes"
	"errors"
	"io"
	"log/slog"
	"os"
	"regexp"
	"testing"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/rulefmt"
	"github.com/prometheus/prometheus/promql/parser"
	"go.yaml.in/yaml/v3"
)

const (
	rules     = "../../config/prometheus/monitor.yaml"
	operating = "../../docs/operating.md"
)

// groups are the rules of the file's PrometheusRules, as Prometheus' own files have
// them.
func groups(t *testing.T) [][]byte {
	t.Helper()
	data, err := os.ReadFile(rules)
	if err != nil {
		t.Fatal(err)
	}
	var found [][]byte
	for decoder := yaml.NewDecoder(bytes.NewReader(data)); ; {
		var object struct {
			Kind string    `yaml:"kind"`
			Spec yaml.Node `yaml:"spec"`
		}
		if err := decoder.Decode(&object); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		if object.Kind != "PrometheusRule" {
			continue
		}
		spec, err := yaml.Marshal(&object.Spec)
		if err != nil {
			t.Fatal(err)
		}
		found = append(found, spec)
	}
	if len(found) == 0 {
		t.Fatalf("%s has no PrometheusRule", rules)
	}
	return found
}

// Prometheus takes the rules, and each says what to do and how bad it is.
func TestPrometheusTakesTheRules(t *testing.T) {
	for _, spec := range groups(t) {
		parsed, errs := rulefmt.Parse(spec, false, model.UTF8Validation, parser.NewParser(parser.Options{}), slog.New(slog.DiscardHandler))
		for _, err := range errs {
			t.Error(err)
		}
		if parsed == nil {
			continue
		}
		for _, group := range parsed.Groups {
			for _, rule := range group.Rules {
				if rule.Alert == "" || rule.For == 0 || rule.Labels["severity"] == "" || rule.Annotations["summary"] == "" {
					t.Errorf("the rule %q needs a name, a time, a severity and a summary", rule.Alert)
				}
			}
		}
	}
}

// ours are metrics of the operator's own; the others are controller-runtime's.
var ours = regexp.MustCompile(`^swath_`)

// What the alerts ask for is in the table of metrics that users are given, which a
// test of the operator compares with what it tells.
func TestAlertsAskForDocumentedMetrics(t *testing.T) {
	document, err := os.ReadFile(operating)
	if err != nil {
		t.Fatal(err)
	}
	asked := 0
	for _, spec := range groups(t) {
		parsed, _ := rulefmt.Parse(spec, false, model.UTF8Validation, parser.NewParser(parser.Options{}), slog.New(slog.DiscardHandler))
		for _, group := range parsed.Groups {
			for _, rule := range group.Rules {
				if !bytes.Contains(document, []byte("\n| `"+rule.Alert+"` |")) {
					t.Errorf("%s does not say what the alert %s means", operating, rule.Alert)
				}
				for _, name := range metrics(t, rule.Expr) {
					asked++
					if ours.MatchString(name) && !regexp.MustCompile("(?m)^\\| `"+name+"[`{]").Match(document) {
						t.Errorf("the alert %s asks for %s, which %s does not have", rule.Alert, name, operating)
					}
				}
			}
		}
	}
	if asked == 0 {
		t.Error("the alerts ask for nothing")
	}
}

// metrics are the names of the metrics that an expression asks for.
func metrics(t *testing.T, expression string) []string {
	t.Helper()
	tree, err := parser.NewParser(parser.Options{}).ParseExpr(expression)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	parser.Inspect(tree, func(node parser.Node, _ []parser.Node) error {
		if selector, ok := node.(*parser.VectorSelector); ok {
			names = append(names, selector.Name)
		}
		return nil
	})
	return names
}
