package plugin

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// filesServer is a gateway with files on two pages, one of which has a name that a terminal would obey.
func filesServer(t *testing.T) []string {
	t.Helper()
	created := time.Now().Add(-90 * time.Minute).Unix()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.RawQuery {
		case "limit=100":
			fmt.Fprintf(w, `{"data":[{"id":"file-a","filename":"ships \"new\".h5","bytes":306694,"created_at":%d}],"has_more":true,"next":"after-x"}`, created)
		case "limit=100&after=after-x":
			fmt.Fprintf(w, `{"data":[{"id":"file-b","filename":"\u001b[31mred\n.h5","bytes":7,"created_at":%d}],"has_more":false,"next":null}`, created)
		default:
			t.Errorf("asked for %s", r.URL)
		}
	}))
	t.Cleanup(server.Close)
	return []string{"--gateway", server.URL, "--gateway-token", "x"}
}

func TestFilesAreListed(t *testing.T) {
	by := filesServer(t)
	for _, test := range []struct {
		output []string
		want   string
	}{
		{nil, "ID       NAME             SIZE        AGE\nfile-a   ships \"new\".h5   299.5 KiB   90m\nfile-b    [31mred .h5     7 B         90m\n"},
		{[]string{"-o", "name"}, "file-a\nfile-b\n"},
	} {
		printed, err := runPlugin(t, append(append([]string{"files"}, test.output...), by...)...)
		if err != nil || printed != test.want {
			t.Errorf("files %v prints (%v):\n%s", test.output, err, printed)
		}
	}
	if printed, err := runPlugin(t, append([]string{"files", "-o", "json"}, by...)...); err != nil || !strings.Contains(printed, `"filename": "ships \"new\".h5"`) || strings.Contains(printed, "\x1b") {
		t.Errorf("as JSON it prints (%v): %s", err, printed)
	}
	if _, err := runPlugin(t, append([]string{"files", "-o", "yaml"}, by...)...); err == nil || !strings.Contains(err.Error(), `--output is "yaml"`) {
		t.Errorf("as YAML: %v", err)
	}
}

func TestIDsOfFilesComplete(t *testing.T) {
	by := filesServer(t)
	for name, test := range map[string]struct {
		typed  []string
		offers string
	}{
		"training file":   {[]string{"submit", "--training-file", ""}, "file-a\tships \"new\".h5\nfile-b\t [31mred .h5\n:4\n"},
		"validation file": {[]string{"submit", "--validation-file", "file-b"}, "file-b\t [31mred .h5\n:4\n"},
		"local file":      {[]string{"submit", "--training-file", "@sh"}, ":0\n"},
		"download":        {[]string{"download", "file-a"}, "file-a\tships \"new\".h5\n"},
	} {
		printed, err := runPlugin(t, append(append([]string{"__complete"}, by...), test.typed...)...)
		if err != nil || !strings.HasPrefix(printed, test.offers) {
			t.Errorf("%s: offers (%v) %q, not %q", name, err, printed, test.offers)
		}
	}
}
