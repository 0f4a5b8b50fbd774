package access

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"testing"

	authenticationv1 "k8s.io/api/authentication/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/kubernetes/fake"
	clienttesting "k8s.io/client-go/testing"
)

// newGate is a Gate on an API server that knows the tokens good-….
func newGate(t *testing.T, proxies ...netip.Prefix) *Kubernetes {
	t.Helper()
	client := fake.NewSimpleClientset()
	client.PrependReactor("create", "tokenreviews", func(action clienttesting.Action) (bool, runtime.Object, error) {
		create, ok := action.(clienttesting.CreateAction)
		if !ok {
			return false, nil, nil
		}
		review, ok := create.GetObject().(*authenticationv1.TokenReview)
		if !ok {
			return false, nil, nil
		}
		review = review.DeepCopy()
		if len(review.Spec.Token) > 5 && review.Spec.Token[:5] == "good-" {
			review.Status = authenticationv1.TokenReviewStatus{
				Authenticated: true, Audiences: review.Spec.Audiences,
				User: authenticationv1.UserInfo{Username: "system:serviceaccount:ships:" + review.Spec.Token},
			}
		}
		return true, review, nil
	})
	gate, err := NewKubernetes(client, "swath", proxies...)
	if err != nil {
		t.Fatal(err)
	}
	return gate
}

func from(address, token string) *http.Request {
	request := httptest.NewRequest(http.MethodGet, "/files", nil)
	request.RemoteAddr = address
	request.Header.Set("Authorization", "Bearer "+token)
	return request
}

// flood tries tokens out until they are refused for being too many.
func flood(t *testing.T, gate *Kubernetes, from func(i int) *http.Request) {
	t.Helper()
	for i := range 20 * reviewsAtOnce {
		_, err := gate.Identify(from(i))
		if _, ok := errors.AsType[*TooManyTokensError](err); ok {
			return
		}
		if !errors.Is(err, ErrUnauthenticated) {
			t.Fatalf("token %d: %v", i, err)
		}
	}
	t.Fatal("tokens can be tried out without end")
}

func TestWhoeverTriesTokensOutKeepsNobodyElseOut(t *testing.T) {
	gate := newGate(t)
	if _, err := gate.Identify(from("10.0.0.1:1000", "good-1")); err != nil {
		t.Fatal(err)
	}
	flood(t, gate, func(i int) *http.Request { return from("10.0.0.1:1000", fmt.Sprint("bad-", i)) })
	for name, request := range map[string]*http.Request{
		"a token that is known":                from("10.0.0.1:1001", "good-1"),
		"a new token from another address":     from("10.0.0.2:1000", "good-2"),
		"a new token from another IPv6 prefix": from("[2001:db8:0:1::1]:1000", "good-3"),
	} {
		if _, err := gate.Identify(request); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	flood(t, gate, func(i int) *http.Request {
		return from(fmt.Sprintf("10.1.%d.%d:1", i/100, i%100), fmt.Sprint("bad-", i))
	})
	if _, err := gate.Identify(from("10.0.0.9:1000", "good-1")); err != nil {
		t.Errorf("while tokens come from everywhere, one that is known: %v", err)
	}
	var refused *TooManyTokensError
	if _, err := gate.Identify(from("10.0.0.9:1000", "good-9")); !errors.As(err, &refused) || refused.Address != "" {
		t.Errorf("while tokens come from everywhere, a new one: %v", err)
	}
}

func TestAddressIsOnlyWhatATrustedProxySays(t *testing.T) {
	proxy := netip.MustParsePrefix("10.0.0.0/24")
	for name, test := range map[string]struct {
		proxies   []netip.Prefix
		remote    string
		forwarded []string
		want      string
	}{
		"no proxy":                     {nil, "192.0.2.1:5", nil, "192.0.2.1"},
		"nobody is trusted":            {nil, "10.0.0.1:5", []string{"192.0.2.1"}, "10.0.0.1"},
		"another is trusted":           {[]netip.Prefix{proxy}, "10.0.1.1:5", []string{"192.0.2.1"}, "10.0.1.1"},
		"proxy":                        {[]netip.Prefix{proxy}, "10.0.0.1:5", []string{"192.0.2.1"}, "192.0.2.1"},
		"two proxies":                  {[]netip.Prefix{proxy}, "10.0.0.1:5", []string{"192.0.2.1, 10.0.0.2"}, "192.0.2.1"},
		"in two headers":               {[]netip.Prefix{proxy}, "10.0.0.1:5", []string{"192.0.2.1", "10.0.0.2"}, "192.0.2.1"},
		"what the caller made up":      {[]netip.Prefix{proxy}, "10.0.0.1:5", []string{"198.51.100.1, 192.0.2.1"}, "192.0.2.1"},
		"nonsense of the caller's":     {[]netip.Prefix{proxy}, "10.0.0.1:5", []string{"x, 192.0.2.1"}, "192.0.2.1"},
		"proxy that says nothing":      {[]netip.Prefix{proxy}, "10.0.0.1:5", nil, "10.0.0.1"},
		"proxy that says nonsense":     {[]netip.Prefix{proxy}, "10.0.0.1:5", []string{"unknown"}, "10.0.0.1"},
		"IPv6":                         {nil, "[2001:db8::17]:5", nil, "2001:db8::/64"},
		"IPv4 in IPv6":                 {[]netip.Prefix{proxy}, "[::ffff:10.0.0.1]:5", []string{"192.0.2.1"}, "192.0.2.1"},
		"not an address":               {nil, "@", nil, "@"},
		"only proxies are on the list": {[]netip.Prefix{proxy}, "10.0.0.1:5", []string{"10.0.0.3"}, "10.0.0.3"},
	} {
		request := httptest.NewRequest(http.MethodGet, "/", nil)
		request.RemoteAddr = test.remote
		for _, value := range test.forwarded {
			request.Header.Add("X-Forwarded-For", value)
		}
		if got := newNewcomers(test.proxies).address(request); got != test.want {
			t.Errorf("%s: %s, not %s", name, got, test.want)
		}
	}
}
