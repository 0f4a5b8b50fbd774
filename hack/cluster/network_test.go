//go:build linux

package main

import (
	"net/netip"
	"testing"
)

func TestParseRoute(t *testing.T) {
	cases := map[string]struct{ destination, mask, want string }{
		"a network":     {"0012A8C0", "00FFFFFF", "192.168.18.0/24"},
		"one machine":   {"010200C0", "FFFFFFFF", "192.0.2.1/32"},
		"default route": {"00000000", "00000000", "0.0.0.0/0"},
	}
	for name, test := range cases {
		t.Run(name, func(t *testing.T) {
			got, err := parseRoute(test.destination, test.mask)
			if err != nil || got.String() != test.want {
				t.Errorf("parseRoute(%s, %s) = %v, %v; want %s", test.destination, test.mask, got, err, test.want)
			}
		})
	}
}

func TestBlocksLieInTheRangeForTests(t *testing.T) {
	seen := map[netip.Prefix]bool{}
	for i := range blockCount {
		block := nthBlock(i)
		if seen[block] || block != block.Masked() || !blocks.Contains(block.Addr()) {
			t.Errorf("block %d is %v", i, block)
		}
		seen[block] = true
	}
}

func TestPartsOfABlockDoNotOverlap(t *testing.T) {
	n := network{nthBlock(blockCount - 1)}
	parts := []netip.Prefix{n.Link(), n.Services(), n.Pods()}
	for i, part := range parts {
		if part != part.Masked() || !n.Contains(part.Addr()) {
			t.Errorf("part %v is not in %v", part, n)
		}
		if overlapsAny(part, parts[:i]) {
			t.Errorf("part %v overlaps with one of %v", part, parts[:i])
		}
	}
	if !n.Link().Contains(n.Node()) || !n.Link().Contains(n.Machine()) || !n.Services().Contains(n.KubernetesService()) {
		t.Errorf("addresses are outside of their parts: %v %v %v", n.Node(), n.Machine(), n.KubernetesService())
	}
}
