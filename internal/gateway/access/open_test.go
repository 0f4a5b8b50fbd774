package access_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/swath-dev/swath/internal/gateway/access"
)

func TestWithoutAuthenticationOnlyThisMachineIsServed(t *testing.T) {
	for address, local := range map[string]bool{
		"127.0.0.1:8080": true, "localhost:8080": true, "[::1]:8080": true, "127.8.8.8:1": true,
		":8080": false, "0.0.0.0:8080": false, "[::]:8080": false, "10.0.0.1:8080": false, "": false,
		"localhost.example.com:8080": false, "127.0.0.1.example.com:80": false,
	} {
		if err := access.CheckLoopback(address); (err == nil) != local {
			t.Errorf("listening on %q: %v", address, err)
		}
		request := httptest.NewRequest(http.MethodGet, "/files", nil)
		request.Host = address
		_, err := access.Open{Namespace: "demo"}.Identify(request)
		if (err == nil) != local || !local && !errors.Is(err, access.ErrUnauthenticated) {
			t.Errorf("a request for %q: %v", address, err)
		}
	}
}

func TestNamespaceIsThatOfTheHeaderIfItIsOne(t *testing.T) {
	for _, test := range []struct {
		headers []string
		want    string
	}{
		{nil, "demo"}, {[]string{"ships"}, "ships"}, {[]string{"a-1"}, "a-1"}, {[]string{""}, ""}, {[]string{"../x"}, ""}, {[]string{"A"}, ""},
		{[]string{"a/b"}, ""}, {[]string{"a.b"}, ""}, {[]string{"ships", "ships"}, ""},
	} {
		header, want := test.headers, test.want
		request := httptest.NewRequest(http.MethodGet, "/files", nil)
		request.Host = "localhost"
		request.Header[access.NamespaceHeader] = header
		caller, err := access.Open{Namespace: "demo"}.Identify(request)
		if caller.Namespace != want || (err == nil) != (want != "") {
			t.Errorf("header %q gives namespace %q (%v), not %q", header, caller.Namespace, err, want)
		}
		if _, ok := errors.AsType[*access.NamespaceError](err); err != nil && !ok {
			t.Errorf("header %q gives %v", header, err)
		}
	}
}

func TestPagesOfOtherSitesAreNotServed(t *testing.T) {
	for site, served := range map[string]bool{"": true, "same-origin": true, "cross-site": false} {
		request := httptest.NewRequest(http.MethodPost, "/training/jobs", nil)
		request.Host = "localhost:8080"
		if site != "" {
			request.Header.Set("Sec-Fetch-Site", site)
		}
		if _, err := (access.Open{Namespace: "demo"}).Identify(request); (err == nil) != served {
			t.Errorf("a request that a browser calls %q: %v", site, err)
		}
	}
}
