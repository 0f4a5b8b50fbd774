package training

import (
	"strings"
	"testing"
)

func TestAdviceFitsTheCause(t *testing.T) {
	usual := circumstances{steps: 400, counts: []int64{30, 10}, rate: 0.006, usual: 0.006}
	of := func(change func(*circumstances)) circumstances {
		c := usual
		change(&c)
		return c
	}
	cases := map[string]struct {
		circumstances
		want []string
	}{
		"nothing is known":        {usual, []string{"check the labels", "more chips"}},
		"three epochs":            {of(func(c *circumstances) { c.steps = 12 }), []string{"train for more epochs (12 steps"}},
		"1000:1":                  {of(func(c *circumstances) { c.counts = []int64{100_000, 0, 100} }), []string{"set classWeights to balanced (the most frequent class has 1000 times"}},
		"1000:1, weighted":        {of(func(c *circumstances) { c.counts, c.weighted = []int64{100_000, 100}, true }), []string{"check the labels", "more chips"}},
		"a rate that is too low":  {of(func(c *circumstances) { c.rate = 1e-6 }), []string{"leave out learningRate (1e-06 is far from 0.006"}},
		"a rate that is too high": {of(func(c *circumstances) { c.rate = 1 }), []string{"leave out learningRate"}},
		"learnt by heart":         {of(func(c *circumstances) { c.overfitted = true }), []string{"train with more chips of more places"}},
		"few steps, and 1000:1":   {of(func(c *circumstances) { c.steps, c.counts = 3, []int64{1, 1000} }), []string{"train for more epochs", "set classWeights to balanced"}},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			got := c.advice()
			for _, want := range c.want {
				if !strings.Contains(got, want) {
					t.Errorf("advice %q, want %q in it", got, want)
				}
			}
			if parts := strings.Count(got, ", and ") + 1; parts != len(c.want) {
				t.Errorf("advice %q, want %q only", got, c.want)
			}
		})
	}
}
