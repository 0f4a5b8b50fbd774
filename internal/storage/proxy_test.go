package storage_test

import (
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"sync"
	"testing"

	"github.com/swath-dev/swath/test/s3"
)

// counting is a proxy before an S3 server that notes what lists are asked for.
type counting struct {
	url   string
	mutex sync.Mutex
	lists []string
}

func countRequests(t *testing.T, server *s3.Server) *counting {
	t.Helper()
	c := &counting{}
	proxy := &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		r.Out.URL.Scheme, r.Out.URL.Host = "http", server.Address()
		if r.In.Method == http.MethodGet && r.In.URL.Query().Get("list-type") != "" {
			c.mutex.Lock()
			defer c.mutex.Unlock()
			c.lists = append(c.lists, r.In.URL.RawQuery)
		}
	}}
	// The signature covers the host, which stays the proxy's.
	listening := httptest.NewServer(proxy)
	t.Cleanup(listening.Close)
	c.url = listening.URL
	return c
}

// bucket is the bucket's URL by way of the proxy.
func (c *counting) bucket(bucketURL string) string {
	parsed, err := url.Parse(bucketURL)
	if err != nil {
		return ""
	}
	query := parsed.Query()
	query.Set("endpoint", c.url)
	parsed.RawQuery = query.Encode()
	return parsed.String()
}

func (c *counting) reset() {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	c.lists = nil
}

func (c *counting) queries() []string {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	return append([]string(nil), c.lists...)
}
