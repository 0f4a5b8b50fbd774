package training

import (
	"math"
	"testing"
)

func TestTheRateRisesAndThenFallsByACosine(t *testing.T) {
	s := newSchedule(Settings{LearningRate: 0.01, Warmup: 0.1}, 1000)
	previous := 0.0
	for step := range 1000 {
		rate := s.rate(step)
		if rising := step < 100; rate <= 0 || rate > 0.01 || rising != (rate > previous) && step != 100 {
			t.Fatalf("step %d has rate %v after %v", step, rate, previous)
		}
		previous = rate
		if step >= 100 {
			want := 0.01 * (1 + math.Cos(math.Pi*(1-float64(1000-step)/901))) / 2
			if math.Abs(rate-want) > 1e-12 {
				t.Fatalf("step %d has rate %v, want %v", step, rate, want)
			}
		}
	}
	if previous > 1e-6 {
		t.Errorf("the last rate is %v, want almost none", previous)
	}
}

func TestAWarmUpOfAllOrNothing(t *testing.T) {
	for _, warmup := range []float64{0, 1} {
		s := newSchedule(Settings{LearningRate: 1, Warmup: warmup}, 10)
		for step := range 10 {
			if rate := s.rate(step); !(rate > 0 && rate <= 1) {
				t.Errorf("with warm-up %v step %d has rate %v", warmup, step, rate)
			}
		}
	}
}

func TestSine(t *testing.T) {
	for x := 0.0; x <= halfPi; x += 0.001 {
		if got := sine(x); math.Abs(got-math.Sin(x)) > 1e-15 {
			t.Fatalf("sine(%v) = %v, want %v", x, got, math.Sin(x))
		}
	}
}
