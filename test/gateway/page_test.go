package gateway

import (
	"net/http"
	"regexp"
	"strings"
	"testing"
)

// The page has to be readable in a cluster that reaches nothing outside, and by a browser that runs no scripts.
func TestPageDescribesEveryCallAndLoadsNothing(t *testing.T) {
	a := startGateway(t, options{})
	loads := regexp.MustCompile(`(?i)<script|<link|<img|<iframe|src=|url\(|@import|https?://|href="//`)
	for _, path := range []string{"/", "/docs"} {
		got := a.get(path)
		if got.status != http.StatusOK || got.header.Get("Content-Type") != "text/html; charset=utf-8" {
			t.Fatalf("%s is answered %d with %s", path, got.status, got.header.Get("Content-Type"))
		}
		if !strings.HasPrefix(got.header.Get("Content-Security-Policy"), "default-src 'none'") {
			t.Errorf("%s has the policy %q", path, got.header.Get("Content-Security-Policy"))
		}
		if found := loads.FindString(got.body); found != "" {
			t.Errorf("%s has %q", path, found)
		}
		if !strings.Contains(got.body, `href="openapi.json"`) {
			t.Errorf("%s does not lead to the document", path)
		}
		calls := 0
		for template, methods := range a.document.calls {
			for method := range methods {
				calls++
				if want := "<b>" + strings.ToUpper(method) + "</b> <code>" + template + "</code>"; !strings.Contains(got.body, want) {
					t.Errorf("%s does not have %s", path, want)
				}
			}
		}
		if calls < 15 {
			t.Errorf("the document has only %d calls", calls)
		}
		if refused := a.post(path, "{}"); refused.status != http.StatusMethodNotAllowed {
			t.Errorf("POST %s is answered %d", path, refused.status)
		}
	}
}
