//go:build linux

package main

import (
	"bufio"
	"context"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
)

// blocks is the range that is set aside for tests of networks between two ends (RFC 2544, 198.18.0.0/15), where no
// real network should be. A cluster takes a block of 1024 addresses of it.
var blocks = netip.MustParsePrefix("198.18.0.0/15")

const (
	blockBits  = 22
	blockCount = 1 << (blockBits - 15)
)

// chooseNetwork returns the first block that nothing on this machine has a route into, starting at one that depends on
// the cluster, so that a cluster mostly has the same addresses.
func chooseNetwork(id string) (network, error) {
	taken, err := routes()
	if err != nil {
		return network{}, fmt.Errorf("choosing addresses: %w", err)
	}
	seed, err := hex.DecodeString(id)
	if err != nil {
		return network{}, fmt.Errorf("choosing addresses: %w", err)
	}
	first := int(binary.BigEndian.Uint32(seed)) % blockCount
	for i := range blockCount {
		if block := nthBlock((first + i) % blockCount); !overlapsAny(block, taken) {
			return network{block}, nil
		}
	}
	return network{}, fmt.Errorf("choosing addresses: this machine has routes into all of %v", blocks)
}

func nthBlock(n int) netip.Prefix {
	b := blocks.Addr().As4()
	start := binary.BigEndian.Uint32(b[:]) + uint32(n)<<(32-blockBits)
	binary.BigEndian.PutUint32(b[:], start)
	return netip.PrefixFrom(netip.AddrFrom4(b), blockBits)
}

func overlapsAny(block netip.Prefix, taken []netip.Prefix) bool {
	for _, t := range taken {
		if block.Overlaps(t) {
			return true
		}
	}
	return false
}

// routes returns the IPv4 destinations that the machine has routes to, but for the default route.
func routes() ([]netip.Prefix, error) {
	file, err := os.Open("/proc/net/route")
	if err != nil {
		return nil, err
	}
	defer file.Close()
	var found []netip.Prefix
	lines := bufio.NewScanner(file)
	lines.Scan() // The header.
	for lines.Scan() {
		fields := strings.Fields(lines.Text())
		if len(fields) < 8 {
			continue
		}
		prefix, err := parseRoute(fields[1], fields[7])
		if err != nil {
			return nil, fmt.Errorf("reading /proc/net/route: %w", err)
		}
		if prefix.Bits() > 0 {
			found = append(found, prefix)
		}
	}
	return found, lines.Err()
}

// parseRoute reads a destination and a mask as /proc/net/route has them: hexadecimal, as the CPU has them in memory.
func parseRoute(destination, mask string) (netip.Prefix, error) {
	var words [2]uint32
	for i, text := range []string{destination, mask} {
		word, err := strconv.ParseUint(text, 16, 32)
		if err != nil {
			return netip.Prefix{}, err
		}
		words[i] = uint32(word)
	}
	var addr, ones [4]byte
	binary.NativeEndian.PutUint32(addr[:], words[0])
	binary.NativeEndian.PutUint32(ones[:], words[1])
	bits, _ := net.IPMask(ones[:]).Size()
	return netip.PrefixFrom(netip.AddrFrom4(addr), bits), nil
}

// connect lays the link between the machine and the node, whose first process has the given ID, and the machine's
// route to Services and Pods. All of it goes when the node's network goes.
func (c *cluster) connect(ctx context.Context, pid int) error {
	n, node := c.state.Network, strconv.Itoa(pid)
	steps := [][]string{
		{"ip", "link", "add", c.name(), "type", "veth", "peer", "name", "eth0", "netns", node},
		{"ip", "address", "add", n.Machine().String() + "/24", "dev", c.name()},
		{"ip", "link", "set", c.name(), "up"},
		{"ip", "route", "add", n.String(), "via", n.Node().String(), "dev", c.name()},
		{"nsenter", "-t", node, "-n", "ip", "link", "set", "lo", "up"},
		{"nsenter", "-t", node, "-n", "ip", "address", "add", n.Node().String() + "/24", "dev", "eth0"},
		{"nsenter", "-t", node, "-n", "ip", "link", "set", "eth0", "up"},
		{"nsenter", "-t", node, "-n", "ip", "route", "add", "default", "via", n.Machine().String()},
	}
	for _, step := range steps {
		if out, err := exec.CommandContext(ctx, step[0], step[1:]...).CombinedOutput(); err != nil {
			return fmt.Errorf("connecting the node: %s: %w: %s", strings.Join(step, " "), err, out)
		}
	}
	return nil
}

// hasLink tells whether the machine's end of the link is there.
func (c *cluster) hasLink() (bool, error) {
	_, err := os.Lstat(filepath.Join("/sys/class/net", c.name()))
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return err == nil, err
}
