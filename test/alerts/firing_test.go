package alerts

import (
	"log/slog"
	"testing"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/rulefmt"
	"github.com/prometheus/prometheus/promql/parser"
	"github.com/prometheus/prometheus/promql/promqltest"
)

// firings are, by alert, an hour and a half of a series for which it fires in the end, and one for which it does not. A
// series is in the notation of Prometheus' own tests: start, change and number of samples, one a minute.
var firings = map[string]struct{ fires, silent string }{
	"SwathHasNoLeader": {
		fires:  `swath_trainingjob_create_to_pod_seconds_count 0x90`,
		silent: `swath_queue_length 0x90`,
	},
	"SwathDoesNotReconcile": {
		fires:  `controller_runtime_reconcile_errors_total{controller="trainingjob"} 0+60x90`,
		silent: `controller_runtime_reconcile_errors_total{controller="trainingjob"} 0+6x90`,
	},
	"SwathTrainersFail": {
		fires:  `swath_trainingjob_attempts_total{stage="train", reason="StorageUnavailable"} 0+1x90`,
		silent: `swath_trainingjob_attempts_total{stage="validate", reason="InvalidFile"} 0+1x90`,
	},
	"SwathProgressStopped": {
		fires:  `swath_progress_oldest_seconds 3600+60x90`,
		silent: `swath_progress_oldest_seconds 60x90`,
	},
	"SwathQueueStands": {
		fires:  `swath_queue_oldest_wait_seconds 86000+60x90`,
		silent: `swath_queue_oldest_wait_seconds 60+60x90`,
	},
}

// Each alert fires when what it is about happens, and is silent otherwise.
func TestAlertsFire(t *testing.T) {
	at := time.Unix(0, 0).UTC().Add(90 * time.Minute)
	for _, spec := range groups(t) {
		parsed, _ := rulefmt.Parse(spec, false, model.UTF8Validation, parser.NewParser(parser.Options{}), slog.New(slog.DiscardHandler))
		for _, group := range parsed.Groups {
			for _, rule := range group.Rules {
				series, ok := firings[rule.Alert]
				if !ok {
					t.Errorf("nobody has tried the alert %s", rule.Alert)
				}
				for want, load := range map[bool]string{true: series.fires, false: series.silent} {
					if got := fires(t, rule.Expr, load, at); got != want {
						t.Errorf("with %s the alert %s fires: %v", load, rule.Alert, got)
					}
				}
			}
		}
	}
}

// fires tells whether the expression gives anything at that time.
func fires(t *testing.T, expression, series string, at time.Time) bool {
	t.Helper()
	storage := promqltest.LoadedStorage(t, "load 1m\n  "+series+"\n")
	defer storage.Close()
	engine := promqltest.NewTestEngine(t, false, 0, promqltest.DefaultMaxSamplesPerQuery)
	query, err := engine.NewInstantQuery(t.Context(), storage, nil, expression, at)
	if err != nil {
		t.Fatal(err)
	}
	defer query.Close()
	result := query.Exec(t.Context())
	vector, err := result.Vector()
	if err != nil {
		t.Fatal(err)
	}
	return len(vector) > 0
}
