package access

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
)

// Open is the Gate that lets everyone in. It is for a gateway that listens on the loopback interface only.
type Open struct {
	// Namespace is the one to work in when a request names none.
	Namespace string
}

// errNotLocal is a request that a page of another site sent through a browser here: its name resolves to this machine, but
// it is not this machine's.
var errNotLocal = errors.New("the request is for another host")

// Identify checks that the request is meant for this machine, and that no page of another site sends it.
func (o Open) Identify(r *http.Request) (Caller, error) {
	if !isLoopback(r.Host) {
		return Caller{}, fmt.Errorf("%w: %w: %.80q", ErrUnauthenticated, errNotLocal, r.Host)
	}
	if err := http.NewCrossOriginProtection().Check(r); err != nil {
		return Caller{}, fmt.Errorf("%w: %w", ErrUnauthenticated, err)
	}
	namespace, err := namespaceOf(r.Header, o.Namespace)
	return Caller{Name: "anyone on this machine", Namespace: namespace}, err
}

// Allow allows everything.
func (Open) Allow(context.Context, Caller, Verb) error { return nil }

// CheckLoopback returns an error unless address, a host and port to listen on, is of the loopback interface.
func CheckLoopback(address string) error {
	if !isLoopback(address) {
		return fmt.Errorf("without authentication the gateway listens on the loopback interface only, such as 127.0.0.1:8080, and not on %q", address)
	}
	return nil
}

func isLoopback(hostport string) bool {
	host, _, err := net.SplitHostPort(hostport)
	if err != nil {
		host = hostport
	}
	if host == "localhost" {
		return true
	}
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback()
}
