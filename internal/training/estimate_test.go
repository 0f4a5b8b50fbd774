package training

import (
	"math"
	"testing"
	"time"
)

// A hundred thousand epochs of a large file take longer than a duration can say.
func TestAnEstimateIsNeverNegative(t *testing.T) {
	cases := []struct {
		d    time.Duration
		n    int
		want time.Duration
	}{
		{time.Second, 90, 90 * time.Second}, {time.Second, 0, 0}, {0, math.MaxInt, 0},
		{time.Second, 100_000_000_000, 100 * 365 * 24 * time.Hour}, {math.MaxInt64, 2, 100 * 365 * 24 * time.Hour},
	}
	for _, c := range cases {
		if got := multiplied(c.d, c.n); got != c.want {
			t.Errorf("%d times %s is %s, want %s", c.n, c.d, got, c.want)
		}
	}
}
