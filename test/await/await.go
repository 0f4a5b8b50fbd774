// Package await has tests wait for what comes true by itself.
package await

import (
	"testing"
	"time"
)

// Patience is how long a test waits for a state that comes by itself. Only a failing test waits so long: it is far more than
// any state takes on a machine that is slow and busy, so no test depends on how fast its machine is.
const Patience = 5 * time.Minute

// True looks every so often until look says yes, for so long as patience lasts; the text it gives says how things stand when
// it never does.
func True(t testing.TB, patience, interval time.Duration, what string, look func() (string, bool)) {
	t.Helper()
	deadline := time.NewTimer(patience)
	defer deadline.Stop()
	tick := time.NewTicker(interval)
	defer tick.Stop()
	for {
		state, ok := look()
		if ok {
			return
		}
		select {
		case <-deadline.C:
			t.Fatalf("waited %v and it never came true that %s; last seen: %s", patience, what, state)
		case <-tick.C:
		}
	}
}
