package s3

import (
	"net"
	"net/url"
	"sync"
	"testing"
)

// Proxy is a TCP proxy before the server that can break connections in the middle, or leave them without an answer.
type Proxy struct {
	listener net.Listener
	target   string

	mutex sync.Mutex
	// left are the bytes that may still pass to the server and from it; negative for any number.
	left   map[direction]int64
	silent bool
	ended  bool
	open   map[net.Conn]bool
}

type direction int

const (
	toServer direction = iota
	fromServer
)

// NewProxy starts a proxy before the server. It ends with the test.
func (s *Server) NewProxy(t testing.TB) *Proxy {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatalf("listening for a proxy of the S3 server: %v", err)
	}
	p := &Proxy{listener: listener, target: s.address, open: map[net.Conn]bool{}}
	p.Heal()
	var serving sync.WaitGroup
	serving.Go(p.serve)
	t.Cleanup(func() {
		_ = listener.Close()
		p.mutex.Lock()
		p.ended = true
		p.mutex.Unlock()
		p.closeAll()
		serving.Wait()
	})
	return p
}

// URL is a bucket's URL by way of the proxy.
func (p *Proxy) URL(t testing.TB, bucketURL string) string {
	t.Helper()
	parsed, err := url.Parse(bucketURL)
	if err != nil {
		t.Fatalf("reading the URL of a bucket: %v", err)
	}
	query := parsed.Query()
	query.Set("endpoint", "http://"+p.listener.Addr().String())
	parsed.RawQuery = query.Encode()
	return parsed.String()
}

// CutReads breaks every connection once so many more bytes have come from the server.
func (p *Proxy) CutReads(after int64) { p.set(fromServer, after) }

// CutWrites breaks every connection once so many more bytes have gone to the server.
func (p *Proxy) CutWrites(after int64) { p.set(toServer, after) }

// Silence lets nothing pass any more: whoever connects is accepted and gets no answer.
func (p *Proxy) Silence() {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	p.silent = true
}

// Heal lets everything pass again, through new connections.
func (p *Proxy) Heal() {
	p.mutex.Lock()
	p.left = map[direction]int64{toServer: -1, fromServer: -1}
	p.silent = false
	p.mutex.Unlock()
	p.closeAll()
}

func (p *Proxy) set(way direction, after int64) {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	p.left[way] = after
}

func (p *Proxy) closeAll() {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	for connection := range p.open {
		_ = connection.Close()
	}
	clear(p.open)
}

// keep notes an open connection, unless the proxy has ended.
func (p *Proxy) keep(connection net.Conn) bool {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	if !p.ended {
		p.open[connection] = true
	}
	return !p.ended
}

func (p *Proxy) serve() {
	var going sync.WaitGroup
	defer going.Wait()
	for {
		client, err := p.listener.Accept()
		if err != nil {
			return
		}
		server, err := net.Dial("tcp", p.target)
		if err != nil || !p.keep(client) || !p.keep(server) {
			_ = client.Close()
			continue
		}
		going.Go(func() { p.pass(server, client, toServer) })
		going.Go(func() { p.pass(client, server, fromServer) })
	}
}

// pass passes on what one side sends until it ends or is cut.
func (p *Proxy) pass(to, from net.Conn, way direction) {
	defer to.Close()
	defer from.Close()
	buffer := make([]byte, 16<<10)
	for {
		n, err := from.Read(buffer)
		allowed, cut := p.allow(way, n)
		if _, writing := to.Write(buffer[:allowed]); writing != nil || err != nil || cut {
			return
		}
	}
}

// allow tells how many of so many bytes may pass, and whether the connection is to be cut then.
func (p *Proxy) allow(way direction, n int) (allowed int, cut bool) {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	left := p.left[way]
	switch {
	case p.silent:
		return 0, false
	case left < 0:
		return n, false
	}
	allowed = int(min(left, int64(n)))
	p.left[way] -= int64(allowed)
	return allowed, p.left[way] == 0
}
