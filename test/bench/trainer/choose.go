//go:build linux

package main

import (
	"fmt"
	"math"
	"slices"
	"strings"
)

// comparison sets ours beside the others. Ratio is the time of the fastest of them, Best, over ours.
type comparison struct {
	OursMillis  float64 `json:"oursMillis"`
	TorchMillis float64 `json:"torchMillis"` // The fastest in PyTorch.
	BestMillis  float64 `json:"bestMillis"`  // The fastest of all.
	Best        string  `json:"best"`
	Ratio       float64 `json:"ratio"`
	// Bfloat16Millis is PyTorch's with half the bits, which is not compared with; zero where it was not measured.
	Bfloat16Millis float64   `json:"bfloat16Millis,omitempty"`
	Ours           []float64 `json:"ours"` // The medians of the processes.
	Peers          []peer    `json:"peers"`
}

// peer is another engine's figure.
type peer struct {
	Engine     string    `json:"engine"`
	Capability string    `json:"capability,omitempty"` // What PyTorch said that it used, for its own kernels; oneDNN chooses by itself.
	Millis     float64   `json:"millis"`
	Processes  []float64 `json:"processes"`
	torch      bool
}

func (p peer) String() string {
	if p.Capability == "" {
		return p.Engine
	}
	return p.Engine + ", " + p.Capability
}

// newComparison chooses the fastest of the peers by their medians.
func newComparison(ours []float64, peers []peer, bfloat16 []float64) (comparison, error) {
	c := comparison{OursMillis: round(middle(ours)), Bfloat16Millis: round(middle(bfloat16)), Ours: ours}
	if len(ours) == 0 || len(peers) == 0 {
		return c, fmt.Errorf("%d processes of ours and %d other engines are nothing to compare", len(ours), len(peers))
	}
	best, torch := math.Inf(1), math.Inf(1)
	for _, p := range peers {
		p.Millis = round(middle(p.Processes))
		c.Peers = append(c.Peers, p)
		if middle(p.Processes) < best {
			best, c.Best = middle(p.Processes), p.String()
		}
		if p.torch {
			torch = min(torch, middle(p.Processes))
		}
	}
	slices.SortFunc(c.Peers, func(a, b peer) int { return strings.Compare(a.String(), b.String()) })
	if math.IsInf(torch, 1) {
		return c, fmt.Errorf("there is no figure of PyTorch")
	}
	c.TorchMillis, c.BestMillis = round(torch), round(best)
	c.Ratio = down(best / middle(ours))
	return c, nil
}

// gather puts the figures of one engine's processes together.
func gather(peers []peer, p peer, millis float64) []peer {
	for i := range peers {
		if peers[i].Engine == p.Engine && peers[i].Capability == p.Capability {
			peers[i].Processes = append(peers[i].Processes, round(millis))
			return peers
		}
	}
	p.Processes = []float64{round(millis)}
	return append(peers, p)
}

// middle is the median, and 0 of nothing.
func middle(values []float64) float64 {
	sorted := slices.Sorted(slices.Values(values))
	n := len(sorted)
	if n == 0 {
		return 0
	}
	return (sorted[(n-1)/2] + sorted[n/2]) / 2
}

// down rounds a ratio down to two digits: 0.999 is not 1.
func down(ratio float64) float64 { return math.Floor(100*ratio) / 100 }

// round keeps three digits after the point.
func round(v float64) float64 { return math.Round(1000*v) / 1000 }

// fasterCapability is what PyTorch trained the networks the faster with, in the sum of their times, as ATEN_CPU_CAPABILITY names it.
func fasterCapability(models []modelReport) string {
	sums := map[string]float64{}
	for _, m := range models {
		for _, p := range m.Train.Peers {
			sums[p.Capability] += p.Millis
		}
	}
	best := ""
	for capability, sum := range sums {
		if best == "" || sum < sums[best] {
			best = capability
		}
	}
	if best = strings.ToLower(best); best != "avx2" && best != "avx512" {
		return "default"
	}
	return best
}
