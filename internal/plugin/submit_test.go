package plugin

import (
	"math"
	"testing"
	"time"
)

func TestTimesOfAJobAreWholeSecondsWithinBounds(t *testing.T) {
	cases := map[time.Duration]int32{
		time.Second: 1, 90 * time.Minute: 5400, 1500 * time.Millisecond: 2, math.MaxInt32 * time.Second: math.MaxInt32,
	}
	for value, want := range cases {
		if got, err := wholeSeconds("active-deadline", value, time.Second); err != nil || got != want {
			t.Errorf("%s is %d s (%v), want %d", value, got, err, want)
		}
	}
	for _, value := range []time.Duration{-time.Hour, 0, time.Millisecond, math.MaxInt32*time.Second + 1, math.MaxInt64} {
		if got, err := wholeSeconds("active-deadline", value, time.Second); err == nil {
			t.Errorf("%s is taken for %d s", value, got)
		}
	}
}
