package access

import (
	"crypto/sha256"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"time"

	"golang.org/x/time/rate"
	utilcache "k8s.io/apimachinery/pkg/util/cache"

	"github.com/swath-dev/swath/internal/gateway/rates"
)

// Tokens that are not known cost the API server a review each. Nobody may make it do more of them than these a second, and no
// address more than its part, so that whoever tries tokens out keeps nobody out but those behind the same address.
const (
	reviewsPerSecond  = 100
	reviewsAtOnce     = 300
	reviewsPerAddress = 10
	reviewsAtOnceEach = 60
	// keptAddresses bounds of how many addresses reviews are counted.
	keptAddresses = 10_000
	// goodFor is how long a token that was good is let in before those that are not known; keptGood is how many are known.
	goodFor  = time.Hour
	keptGood = 10_000
)

// TooManyTokensError means that too many tokens are being tried out.
type TooManyTokensError struct {
	// Address is where they come from; empty where they come from everywhere.
	Address string
}

func (e *TooManyTokensError) Error() string {
	if e.Address == "" {
		return "too many tokens that are not known yet are being tried out"
	}
	return fmt.Sprintf("too many tokens that are not known yet come from %s", e.Address)
}

// newcomers limits how many tokens that are not known are reviewed.
type newcomers struct {
	proxies []netip.Prefix
	good    *utilcache.LRUExpireCache
	all     *rate.Limiter
	each    *rates.Each
}

func newNewcomers(proxies []netip.Prefix) *newcomers {
	return &newcomers{
		proxies: proxies, good: utilcache.NewLRUExpireCache(keptGood),
		all: rate.NewLimiter(reviewsPerSecond, reviewsAtOnce), each: rates.NewEach(reviewsPerAddress, reviewsAtOnceEach, keptAddresses),
	}
}

// allow lets tokens in that were good lately, and others as often as they may come.
func (n *newcomers) allow(r *http.Request, token string) error {
	if _, ok := n.good.Get(sha256.Sum256([]byte(token))); ok {
		return nil
	}
	address := n.address(r)
	if !n.each.Allow(address) {
		return &TooManyTokensError{Address: address}
	}
	if !n.all.Allow() {
		return &TooManyTokensError{}
	}
	return nil
}

// wasGood notes a token that was good.
func (n *newcomers) wasGood(token string) { n.good.Add(sha256.Sum256([]byte(token)), nil, goodFor) }

// address is where a request comes from: the connection's other end, or where that is a proxy that is trusted, what it says.
// Whoever has an IPv6 address usually has all of its /64.
func (n *newcomers) address(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return r.RemoteAddr
	}
	address, err := netip.ParseAddr(host)
	if err != nil {
		return host
	}
	// The last entry is from the proxy next to us, the one before it from the proxy next to that.
	hops := strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")
	for i := len(hops) - 1; i >= 0 && n.trusts(address); i-- {
		before, err := netip.ParseAddr(strings.TrimSpace(hops[i]))
		if err != nil {
			break
		}
		address = before
	}
	address = address.Unmap().WithZone("")
	if address.Is6() {
		return netip.PrefixFrom(address, 64).Masked().String()
	}
	return address.String()
}

func (n *newcomers) trusts(address netip.Addr) bool {
	for _, proxy := range n.proxies {
		if proxy.Contains(address.Unmap().WithZone("")) {
			return true
		}
	}
	return false
}
