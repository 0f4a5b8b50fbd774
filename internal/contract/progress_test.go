package contract

import (
	"encoding/json"
	"fmt"
	"math"
	"strings"
	"testing"
	"unicode/utf8"
)

// withMetrics is an answer with that many metrics.
func withMetrics(n int) string {
	metrics := make([]string, n)
	for i := range metrics {
		metrics[i] = fmt.Sprintf("%q:0.5", fmt.Sprint("metric", i))
	}
	return `{"metrics":{` + strings.Join(metrics, ",") + `}}`
}

func TestProgressIsTakenOnlyWithinItsBounds(t *testing.T) {
	cases := map[string]struct {
		answer string
		// refused is what the error says; empty when it is taken.
		refused string
	}{
		"an ordinary one":            {answer: `{"podUID":"u","job":"trainingjob-x","start":1,"epoch":7,"epochs":40,"step":140,"steps":800,"metrics":{"validAccuracy":0.91}}`},
		"fields of a newer trainer":  {answer: `{"podUID":"u","colour":"red"}`},
		"as many metrics as allowed": {answer: withMetrics(32)},
		"a metric too many":          {answer: withMetrics(33), refused: "33 metrics"},
		"the longest name":           {answer: `{"metrics":{"` + strings.Repeat("m", 63) + `":1}}`},
		"a name too long":            {answer: `{"metrics":{"` + strings.Repeat("m", 64) + `":1}}`, refused: "name of 64 bytes"},
		"a metric without a name":    {answer: `{"metrics":{"":1}}`, refused: "name of 0 bytes"},
		"a metric that is NaN":       {answer: `{"metrics":{"loss":NaN}}`, refused: "reading progress"},
		"a metric that is infinite":  {answer: `{"metrics":{"loss":1e999}}`, refused: "reading progress"},
		"an epoch below 0":           {answer: `{"epoch":-1}`, refused: "epoch -1/0"},
		"epochs below 0":             {answer: `{"epochs":-1}`, refused: "epoch 0/-1"},
		"a step below 0":             {answer: `{"step":-1}`, refused: "step -1/0"},
		"steps below 0":              {answer: `{"steps":-1}`, refused: "step 0/-1"},
		"the most steps":             {answer: `{"step":9007199254740992,"steps":9007199254740992}`},
		"too many steps":             {answer: `{"step":9007199254740993}`, refused: "out of bounds"},
		"an epoch out of range":      {answer: `{"epoch":2147483648}`, refused: "reading progress"},
		"a time that is none":        {answer: `{"estimatedFinishedAt":"soon"}`, refused: "reading progress"},
		"no JSON":                    {answer: `<html>`, refused: "reading progress"},
		"the largest answer":         {answer: `{"colour":"` + strings.Repeat("r", MaxProgressBytes-13) + `"}`},
		"an answer too large":        {answer: `{"colour":"` + strings.Repeat("r", MaxProgressBytes-12) + `"}`, refused: "over the limit of 16384"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			_, err := DecodeProgress([]byte(c.answer))
			switch {
			case c.refused == "" && err != nil:
				t.Errorf("it is refused: %v", err)
			case c.refused != "" && (err == nil || !strings.Contains(err.Error(), c.refused)):
				t.Errorf("the error is %v, want one that says %q", err, c.refused)
			}
		})
	}
}

func TestALongSummaryIsCutBetweenCharacters(t *testing.T) {
	p, err := DecodeProgress([]byte(`{"summary":"` + strings.Repeat("é", 100) + `"}`))
	if err != nil {
		t.Fatal(err)
	}
	if len(p.Summary) > 128 || !utf8.ValidString(p.Summary) || !strings.HasSuffix(p.Summary, "é…") {
		t.Errorf("the summary is %q", p.Summary)
	}
}

// An answer comes from a Pod that runs on users' data.
func FuzzDecodeProgress(f *testing.F) {
	f.Add([]byte(`{"podUID":"u","job":"trainingjob-x","start":1,"epoch":7,"metrics":{"validAccuracy":0.91}}`))
	f.Add([]byte(`{"estimatedFinishedAt":"9999-12-31T23:59:59Z","summary":"\ud800"}`))
	f.Add([]byte(withMetrics(33)))
	f.Fuzz(func(t *testing.T, data []byte) {
		p, err := DecodeProgress(data)
		if err != nil {
			return
		}
		if p.Epoch < 0 || p.Epochs < 0 || p.Step < 0 || p.Steps < 0 || len(p.Metrics) > 32 || len(p.Summary) > 128 || !utf8.ValidString(p.Summary) {
			t.Errorf("%q is read as %+v", data, p)
		}
		for name, value := range p.Metrics {
			if name == "" || len(name) > 63 || math.IsNaN(value) || math.IsInf(value, 0) {
				t.Errorf("%q has the metric %q %v", data, name, value)
			}
		}
		if _, err := json.Marshal(p); err != nil {
			t.Errorf("%q cannot be written again: %v", data, err)
		}
	})
}
