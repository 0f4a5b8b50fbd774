package integration

import "testing"

// Whatever call to the API server goes wrong, and however, the job ends as it would
// have without, with no Pod too many and none left behind; and the operator comes to
// that by itself.
func TestOneCallThatGoesWrongChangesNothingOfTheEnd(t *testing.T) {
	for name, e := range endings {
		for _, fault := range faults {
			t.Run(name+", "+fault.name, func(t *testing.T) {
				s := newStage(t, withoutOperator)
				for at, more := 0, true; more && !t.Failed(); at++ {
					more = s.drill(e, fault, at)
				}
			})
		}
	}
}
