package plugin

import (
	"io"
	"net"
	"net/http"
	"sync"
	"testing"

	"github.com/swath-dev/swath/test/programs"
)

func answers(url string) bool {
	response, err := http.Get(url)
	if err != nil {
		return false
	}
	defer response.Body.Close()
	return response.StatusCode == http.StatusOK
}

// wire is a way to a server that can be cut.
type wire struct {
	t               *testing.T
	address, target string
	mutex           sync.Mutex
	listener        net.Listener
	open            []net.Conn
}

func newWire(t *testing.T, target string) *wire {
	t.Helper()
	w := &wire{t: t, address: programs.FreeAddress(t), target: target}
	w.join()
	t.Cleanup(w.cut)
	return w
}

// join lets connections through.
func (w *wire) join() {
	w.t.Helper()
	listener, err := net.Listen("tcp", w.address)
	if err != nil {
		w.t.Fatal(err)
	}
	w.mutex.Lock()
	w.listener = listener
	w.mutex.Unlock()
	go func() {
		for {
			near, err := listener.Accept()
			if err != nil {
				return
			}
			far, err := net.Dial("tcp", w.target)
			if err != nil {
				_ = near.Close() // What comes next fails.
				continue
			}
			w.mutex.Lock()
			w.open = append(w.open, near, far)
			w.mutex.Unlock()
			go func() { _, _ = io.Copy(far, near) }()
			go func() { _, _ = io.Copy(near, far) }()
		}
	}()
}

// cut ends all connections and lets no new ones through.
func (w *wire) cut() {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	_ = w.listener.Close() // It may be closed.
	for _, connection := range w.open {
		_ = connection.Close() // It may be closed.
	}
	w.open = nil
}
