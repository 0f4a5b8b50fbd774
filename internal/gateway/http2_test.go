package gateway

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"mime/multipart"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/swath-dev/swath/internal/config"
	"github.com/swath-dev/swath/internal/gateway/access"
)

// pipes is a listener whose connections are in memory, so that time can be the test's.
type pipes struct {
	accepted chan net.Conn
	closed   chan struct{}
}

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case connection := <-p.accepted:
		return connection, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}

func (p *pipes) Close() error   { close(p.closed); return nil }
func (p *pipes) Addr() net.Addr { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 8443} }

func (p *pipes) dial(context.Context, string, string) (net.Conn, error) {
	here, there := net.Pipe()
	p.accepted <- there
	return here, nil
}

// overEach runs a test over both versions of HTTP, in a time of its own. With HTTP/2 deadlines belong to streams.
func overEach(t *testing.T, test func(t *testing.T, client *http.Client, s *Server)) {
	for name, version := range map[string]func(*http.Protocols, bool){"HTTP/1.1": (*http.Protocols).SetHTTP1, "HTTP/2": (*http.Protocols).SetUnencryptedHTTP2} {
		t.Run(name, func(t *testing.T) {
			folder := t.TempDir()
			synctest.Test(t, func(t *testing.T) {
				stores := &ConfiguredStores{Config: &config.Config{Storage: []config.Storage{{URL: "file://" + folder}}}}
				s, err := New(Options{
					Gate: access.Open{Namespace: "demo"}, Stores: stores, Log: slog.New(slog.NewTextHandler(t.Output(), nil)), Metrics: prometheus.NewRegistry(), Version: "test",
				})
				if err != nil {
					t.Fatal(err)
				}
				defer stores.Close()
				listening := &pipes{accepted: make(chan net.Conn), closed: make(chan struct{})}
				protocols := &http.Protocols{}
				version(protocols, true)
				server := &http.Server{Handler: s, Protocols: protocols, ReadHeaderTimeout: 10 * time.Second, IdleTimeout: 2 * time.Minute}
				ended := make(chan error, 1)
				go func() { ended <- server.Serve(listening) }()
				transport := &http.Transport{DialContext: listening.dial, Protocols: protocols}
				defer func() {
					transport.CloseIdleConnections()
					if err := server.Close(); err != nil {
						t.Error(err)
					}
					if err := <-ended; !errors.Is(err, http.ErrServerClosed) {
						t.Error(err)
					}
				}()
				test(t, &http.Client{Transport: transport}, s)
			})
		})
	}
}

const testURL = "http://localhost"

// slowUpload sends a file of some pieces with a pause before each, and gives the status and the body of the answer.
func slowUpload(t *testing.T, client *http.Client, piece []byte, pieces int, pause time.Duration) (int, string) {
	t.Helper()
	reader, writer := io.Pipe()
	form := multipart.NewWriter(writer)
	var sending sync.WaitGroup
	defer sending.Wait()
	sending.Go(func() {
		part, err := form.CreateFormFile("file", "slow.h5")
		for i := 0; i < pieces && err == nil; i++ {
			time.Sleep(pause) // In the time of the test.
			_, err = part.Write(piece)
		}
		if err == nil {
			err = form.Close()
		}
		_ = writer.CloseWithError(err) // Never fails.
	})
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, testURL+"/files", reader)
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Content-Type", form.FormDataContentType())
	response, err := client.Do(request)
	_ = reader.CloseWithError(errors.New("the answer is there"))
	if err != nil {
		t.Fatalf("uploading: %v", err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatalf("reading the answer: %v", err)
	}
	return response.StatusCode, string(body)
}

func TestUploadThatKeepsUpThePaceMayTakeItsTime(t *testing.T) {
	overEach(t, func(t *testing.T, client *http.Client, _ *Server) {
		began := time.Now()
		status, body := slowUpload(t, client, make([]byte, 1<<20), 12, 50*time.Second)
		if status != http.StatusOK || !strings.Contains(body, `"bytes":12582912`) || time.Since(began) < 10*time.Minute {
			t.Errorf("after %s it is answered %d %s", time.Since(began), status, body)
		}
	})
}

func TestUploadThatIsTooSlowIsToldSo(t *testing.T) {
	overEach(t, func(t *testing.T, client *http.Client, _ *Server) {
		if status, body := slowUpload(t, client, make([]byte, 1<<10), 10, 50*time.Second); status != http.StatusRequestTimeout {
			t.Errorf("it is answered %d %s", status, body)
		}
	})
}

func TestDownloadThatKeepsUpThePaceMayTakeItsTime(t *testing.T) {
	overEach(t, func(t *testing.T, client *http.Client, s *Server) {
		content := bytes.Repeat([]byte("0123456789abcdef"), 12<<16)
		store, err := s.stores.Store(t.Context(), "demo")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := store.PutFile(t.Context(), "file-a", "a.h5", bytes.NewReader(content), time.Now()); err != nil {
			t.Fatal(err)
		}
		for pause, whole := range map[time.Duration]bool{30 * time.Second: true, 3 * time.Minute: false} {
			began := time.Now()
			response, err := client.Get(testURL + "/files/file-a/content")
			if err != nil {
				t.Fatal(err)
			}
			var got bytes.Buffer
			for err == nil {
				time.Sleep(pause) // In the time of the test.
				_, err = io.CopyN(&got, response.Body, 1<<20)
			}
			_ = response.Body.Close() // It is read.
			if complete := errors.Is(err, io.EOF) && bytes.Equal(got.Bytes(), content); complete != whole {
				t.Errorf("with pauses of %s %d bytes came within %s: %v", pause, got.Len(), time.Since(began), err)
			}
		}
	})
}

// Storage, models and the processor may be slow as well: only the other end of the connection has to keep up the pace.
func TestTimeThatTheGatewayNeedsIsNotTheCallers(t *testing.T) {
	pause := func() { time.Sleep(4 * time.Minute) } // In the time of the test.
	for name, handle := range map[string]func(s *Server, w http.ResponseWriter, r *request) error{
		"before reading": func(s *Server, w http.ResponseWriter, r *request) error {
			pause()
			_, err := io.Copy(w, s.pacedBody(w, r.Body))
			return err
		},
		"between reads": func(s *Server, w http.ResponseWriter, r *request) error {
			body, first := s.pacedBody(w, r.Body), make([]byte, 1)
			if _, err := io.ReadFull(body, first); err != nil {
				return err
			}
			pause()
			rest, err := io.ReadAll(body)
			if err != nil {
				return err
			}
			_, err = w.Write(append(first, rest...))
			return err
		},
		"before answering": func(s *Server, w http.ResponseWriter, r *request) error {
			data, err := s.readJSON(w, r, 1<<20)
			if err != nil {
				return err
			}
			pause()
			_, err = w.Write(data)
			return err
		},
		"between parts of the answer": func(s *Server, w http.ResponseWriter, r *request) error {
			data, err := s.readJSON(w, r, 1<<20)
			if err != nil {
				return err
			}
			answer := s.paced(w)
			if _, err := answer.Write(data[:1]); err != nil {
				return err
			}
			if err := http.NewResponseController(w).Flush(); err != nil {
				return err
			}
			pause()
			_, err = answer.Write(data[1:])
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			overEach(t, func(t *testing.T, client *http.Client, s *Server) {
				for kind, timeout := range map[string]time.Duration{"a call that moves files": 0, "inference": inferenceTimeout} {
					mux := http.NewServeMux()
					mux.Handle("/", s.admitted(call{
						Operation: huma.Operation{}, right: access.Get, timeout: timeout,
						handle: func(w http.ResponseWriter, r *request) error { return handle(s, w, r) },
					}))
					s.handler = s.observed(mux)
					response, err := client.Post(testURL, jsonType, strings.NewReader(`{"much": "of it"}`))
					if err != nil {
						t.Fatalf("%s: %v", kind, err)
					}
					body, err := io.ReadAll(response.Body)
					_ = response.Body.Close() // It is read.
					if err != nil || response.StatusCode != http.StatusOK || string(body) != `{"much": "of it"}` {
						t.Errorf("%s: answered %d %s (%v)", kind, response.StatusCode, body, err)
					}
				}
			})
		})
	}
}
