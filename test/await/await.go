// Package await has tests wait for what comes true by itself.
package await

import (
	"testing"
	"time"
)

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
