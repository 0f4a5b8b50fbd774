//go:build linux

package main

import (
	"testing"
	"time"
)

func TestTimesBecomeRatesAndARatio(t *testing.T) {
	got, err := newEntry("gzip", 200e6, time.Second, 1999*time.Millisecond)
	if want := (entry{Layout: "gzip", OursMBps: 200, H5pyMBps: 100, Ratio: 1.99}); err != nil || got != want {
		t.Errorf("got %+v and error %v, want %+v", got, err, want)
	}
	if best(0, 3) != 3 || best(2, 3) != 2 || best(4, 3) != 3 {
		t.Error("the best of two times is the smaller one, and any time is better than none yet")
	}
}

func TestNothingReadIsAnError(t *testing.T) {
	for name, times := range map[string][2]time.Duration{"no time of ours": {0, 1}, "no time of theirs": {1, 0}} {
		t.Run(name, func(t *testing.T) {
			if got, err := newEntry("gzip", 1, times[0], times[1]); err == nil {
				t.Errorf("got %+v and no error", got)
			}
		})
	}
}
