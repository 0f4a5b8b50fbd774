package integration

import (
	"testing"

	"github.com/swath-dev/swath/controllers"
	"github.com/swath-dev/swath/internal/config"
)

// Whatever call to the API server goes wrong, and however, the job ends as it would
// have without, with no Pod too many and none left behind; and the operator comes to
// that by itself.
func TestOneCallThatGoesWrongChangesNothingOfTheEnd(t *testing.T) {
	for name, e := range endings {
		for _, fault := range faults {
			t.Run(name+", "+fault.name, func(t *testing.T) {
				s := newStage(t, withoutOperator)
				for at, more := 0, true; more && !t.Failed(); at++ {
					more = s.drill(e, fault, at, nil)
				}
			})
		}
	}
}

// The same in a flood, where the first Pod is made before anything is recorded of its
// job, and no phase in between is told.
func TestInAFloodOneCallThatGoesWrongChangesNothingOfTheEnd(t *testing.T) {
	for _, name := range []string{"a model", "a broken file", "no image"} {
		e := endings[name]
		e.since = "" // Calls before the first Pod are other in a flood.
		for _, fault := range faults {
			t.Run(name+", "+fault.name, func(t *testing.T) {
				s := newStage(t, withoutOperator)
				// The first job spends the only news that is allowed for hours.
				flood := controllers.NewNews(config.Controller{Workers: 1, NewsPerSecond: 1e-5})
				s.drill(e, fault, 0, flood)
				for at, more := 0, true; more && !t.Failed(); at++ {
					more = s.drill(e, fault, at, flood)
				}
			})
		}
	}
}
