package gateway

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"mime"
	"net"
	"net/http"
	"net/url"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/swath-dev/swath/internal/gateway"
)

func TestFileComesBackAsItWasUploaded(t *testing.T) {
	a := startGateway(t, options{}).as(newTenant(t))
	content := make([]byte, 3<<20+17)
	for i := range content {
		content[i] = byte(rand.Uint32())
	}
	uploaded := a.upload("ships train.h5", content)
	form := regexp.MustCompile(`^\{"filename":"ships train.h5","bytes":3145745,"id":"(file-[a-z2-7]{12})","created_at":\d+\}$`)
	parts := form.FindStringSubmatch(uploaded.body)
	if uploaded.status != http.StatusOK || parts == nil {
		t.Fatalf("answered %d %s", uploaded.status, uploaded.body)
	}
	path := "/files/" + parts[1]
	if got := a.get(path); got.body != uploaded.body {
		t.Errorf("asked again, the answer is %s", got.body)
	}
	whole := a.get(path + "/content")
	sum := sha256.Sum256(content)
	if whole.status != http.StatusOK || whole.body != string(bytes.TrimSpace(content)) || whole.header.Get("Repr-Digest") != "sha-256=:"+base64.StdEncoding.EncodeToString(sum[:])+":" {
		t.Errorf("the content is answered %d with %d bytes and %v", whole.status, len(whole.body), whole.header)
	}
	for header, want := range map[string][]byte{"bytes=0-3": content[:4], "bytes=3145740-": content[3145740:], "bytes=-2": content[3145743:], "bytes=3145740-9999999": content[3145740:]} {
		part := a.with("Range", header).get(path + "/content")
		if part.status != http.StatusPartialContent || part.body != string(bytes.TrimSpace(want)) {
			t.Errorf("the range %s is answered %d with %q", header, part.status, part.body)
		}
	}
	if past := a.with("Range", "bytes=3145745-").get(path + "/content"); past.status != http.StatusRequestedRangeNotSatisfiable {
		t.Errorf("a range behind the end is answered %d", past.status)
	}
	if got := a.delete(path); got.body != uploaded.body {
		t.Errorf("deleting is answered %d %s", got.status, got.body)
	}
	for _, got := range []answer{a.get(path), a.delete(path), a.get(path + "/content")} {
		if got.status != http.StatusNotFound || got.body != `{"detail":"File not found"}` {
			t.Errorf("once deleted: %d %s", got.status, got.body)
		}
	}
}

func TestFilenamesAreKeptAndNeverPaths(t *testing.T) {
	root := t.TempDir()
	tenant := newTenant(t)
	a := startGateway(t, options{storage: "file://" + root}).as(tenant)
	for _, name := range []string{`a"quoted".h5`, "it's 100%.h5", "../../../etc/passwd", "/etc/passwd", `c:\files\ships.h5`, "straße.h5", ".hidden", "a b.h5", "file-aaaaaaaaaaaa.json"} {
		file := decode[gateway.File](t, a.upload(name, []byte("x")))
		if file.Filename != name {
			t.Errorf("%q is kept as %q", name, file.Filename)
		}
	}
	for _, left := range filesIn(t, root) {
		if folder := filepath.Dir(left); !strings.HasPrefix(filepath.Base(left), "file-") || filepath.Dir(folder) != filepath.Join(root, tenant.namespace) {
			t.Errorf("stored at %s", left)
		}
	}
}

func TestBadUploadsAreRefused(t *testing.T) {
	root := t.TempDir()
	a := startGateway(t, options{storage: "file://" + root, limits: gateway.Limits{FileBytes: 1 << 20}}).as(newTenant(t))
	const boundary = "multipart/form-data; boundary=b"
	part := func(disposition, content string) string {
		return "--b\r\nContent-Disposition: " + disposition + "\r\n\r\n" + content + "\r\n"
	}
	const missing = `{"detail":[{"loc":["body","file"],"msg":"Field required","type":"missing"}]}`
	for name, test := range map[string]struct {
		contentType, body string
		status            int
		want              string
	}{
		"no form":          {"application/json", `{}`, 422, missing},
		"no boundary":      {"multipart/form-data", ``, 422, missing},
		"other field":      {boundary, part(`form-data; name="data"; filename="a"`, "x") + "--b--\r\n", 422, missing},
		"no filename":      {boundary, part(`form-data; name="file"`, "x") + "--b--\r\n", 422, `has no filename`},
		"control in name":  {boundary, part(`form-data; name="file"; filename="a`+"\x01"+`"`, "x") + "--b--\r\n", 400, `malformed`},
		"long name":        {boundary, part(`form-data; name="file"; filename="`+strings.Repeat("a", 256)+`"`, "x") + "--b--\r\n", 422, `longer than 255 bytes`},
		"empty":            {boundary, "", 422, missing},
		"no end":           {boundary, part(`form-data; name="file"; filename="a"`, strings.Repeat("x", 1000)), 400, `ended early`},
		"too large":        {boundary, part(`form-data; name="file"; filename="a"`, strings.Repeat("x", 1<<20+1)) + "--b--\r\n", 413, `larger than 1048576 bytes`},
		"far too large":    {boundary, part(`form-data; name="file"; filename="a"`, strings.Repeat("x", 4<<20)) + "--b--\r\n", 413, `larger than`},
		"much before":      {boundary, part(`form-data; name="other"`, strings.Repeat("x", 1<<17)), 422, `too much before the field file`},
		"many before":      {boundary, strings.Repeat(part(`form-data; name="other"`, "x"), 20), 422, `too much before the field file`},
		"two files":        {boundary, part(`form-data; name="file"; filename="a"`, "x") + part(`form-data; name="file"; filename="b"`, "x") + "--b--\r\n", 422, `second file: upload each file with a request of its own`},
		"file, then field": {boundary, part(`form-data; name="file"; filename="a"`, "x") + part(`form-data; name="data"; filename="b"`, "x") + "--b--\r\n", 422, `"loc":["body","data"]`},
		"field, then file": {boundary, part(`form-data; name="data"; filename="b"`, "x") + part(`form-data; name="file"; filename="a"`, "x") + "--b--\r\n", 422, `"loc":["body","data"]`},
		"much after":       {boundary, part(`form-data; name="file"; filename="a"`, "x") + part(`form-data; name="other"`, strings.Repeat("x", 1<<17)) + "--b--\r\n", 422, `too much`},
		"base64":           {boundary, "--b\r\nContent-Transfer-Encoding: base64\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a\"\r\n\r\neA==\r\n--b--\r\n", 415, `send it as it is`},
		"broken part head": {boundary, "--b\r\nno header\r\n\r\n", 400, `ended early`},
	} {
		t.Run(name, func(t *testing.T) {
			got := a.do(http.MethodPost, "/files", test.contentType, strings.NewReader(test.body))
			if got.status != test.status || !strings.Contains(got.body, test.want) {
				t.Errorf("answered %d %s", got.status, got.body)
			}
		})
	}
	if left := filesIn(t, root); len(left) != 0 {
		t.Errorf("left in storage: %v", left)
	}
}

func TestFieldsBesideTheFileAreAllowed(t *testing.T) {
	a := startGateway(t, options{}).as(newTenant(t))
	field := "--b\r\nContent-Disposition: form-data; name=\"purpose\"\r\n\r\ntraining\r\n"
	file := "--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a\"\r\n\r\nx\r\n"
	for name, body := range map[string]string{"before": field + file, "after": file + field} {
		got := a.do(http.MethodPost, "/files", "multipart/form-data; boundary=b", strings.NewReader(body+"--b--\r\n"))
		if uploaded := decode[gateway.File](t, got); uploaded.Bytes != 1 {
			t.Errorf("with a field %s it, the file has %d bytes", name, uploaded.Bytes)
		}
	}
}

// Python and browsers write a quote in a name as %22, Go and old versions of curl with a backslash.
func TestNameWithQuotesComesBackAsItWas(t *testing.T) {
	a := startGateway(t, options{}).as(newTenant(t))
	for _, written := range []string{`a%22b%22.h5`, `a\"b\".h5`} {
		body := "--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"" + written + "\"\r\n\r\nx\r\n--b--\r\n"
		file := decode[gateway.File](t, a.do(http.MethodPost, "/files", "multipart/form-data; boundary=b", strings.NewReader(body)))
		content := a.get("/files/" + file.ID + "/content")
		_, sent, err := mime.ParseMediaType(content.header.Get("Content-Disposition"))
		if want := `a"b".h5`; file.Filename != want || err != nil || sent["filename"] != want {
			t.Errorf("%s is kept as %s and sent as %s (%v)", written, file.Filename, sent["filename"], err)
		}
	}
}

// What filename* says is percent-decoded once, by its own rule (RFC 5987).
func TestExtendedNameIsDecodedOnce(t *testing.T) {
	a := startGateway(t, options{}).as(newTenant(t))
	for written, want := range map[string]string{
		`filename*=UTF-8''a%2522b.h5`:                         `a%22b.h5`,
		`filename*=UTF-8''a%22b%2522.h5`:                      `a"b%22.h5`,
		`filename="a%22.h5"; filename*=UTF-8''%C3%A4%2522.h5`: `ä%22.h5`,
		`filename="a\".h5"; filename*=UTF-8''%22%2522.h5`:     `"%22.h5`,
		`filename="a%22.h5"; filename*=KOI8-R''%C1.h5`:        `a".h5`,
		`filename="a; filename*=UTF-8''%22.h5"`:               `a; filename*=UTF-8''".h5`,
		`filename="a%2522.h5"`:                                `a%2522.h5`,
	} {
		body := "--b\r\nContent-Disposition: form-data; name=\"file\"; " + written + "\r\n\r\nx\r\n--b--\r\n"
		if file := decode[gateway.File](t, a.do(http.MethodPost, "/files", "multipart/form-data; boundary=b", strings.NewReader(body))); file.Filename != want {
			t.Errorf("%s is kept as %s, want %s", written, file.Filename, want)
		}
	}
}

func TestFilesAreListedPageByPage(t *testing.T) {
	a := startGateway(t, options{}).as(newTenant(t)).has("file-a", "file-b", "file-c", "file-d")
	list := func(query string) (ids []string, next string) {
		page := decode[gateway.Page[gateway.File]](t, a.get("/files?"+query))
		for _, file := range page.Data {
			ids = append(ids, file.ID)
		}
		if page.HasMore != (page.Next != nil) {
			t.Errorf("%s: has_more is %t and next %v", query, page.HasMore, page.Next)
		}
		if page.Next != nil {
			next = *page.Next
		}
		return ids, next
	}
	first, next := list("limit=2")
	if diff := cmp.Diff([]string{"file-a", "file-b"}, first); diff != "" {
		t.Error(diff)
	}
	byID, _ := list("limit=1&after=file-b")
	a.delete("/files/file-b")
	byCursor, end := list("limit=2&after=" + next)
	if diff := cmp.Diff([][]string{{"file-c"}, {"file-c", "file-d"}}, [][]string{byID, byCursor}); diff != "" || end != "" {
		t.Errorf("the next page ends with %q: %s", end, diff)
	}
	for _, after := range []string{"nope", "file-b", "after-nonsense", "after-", "..", "%2E%2E%2Fx"} {
		if got := a.get("/files?after=" + after); got.status != http.StatusBadRequest || !strings.Contains(got.body, "no file to continue after") {
			t.Errorf("after=%s is answered %d %s", after, got.status, got.body)
		}
	}
}

func TestUploadCutOffLeavesNothing(t *testing.T) {
	root := t.TempDir()
	tenant := newTenant(t)
	a := startGateway(t, options{storage: "file://" + root}).as(tenant)
	target, err := url.Parse(a.url)
	if err != nil {
		t.Fatal(err)
	}
	connection, err := net.Dial("tcp", target.Host)
	if err != nil {
		t.Fatal(err)
	}
	fmt.Fprintf(connection, "POST /files HTTP/1.1\r\nHost: %s\r\nAuthorization: Bearer %s\r\nContent-Type: multipart/form-data; boundary=b\r\nContent-Length: 10000000\r\n\r\n"+
		"--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a\"\r\n\r\n%s", target.Host, tenant.token, strings.Repeat("x", 1<<20))
	eventually(t, "the upload has begun to be stored", func() bool { return len(filesIn(t, root)) > 0 })
	if err := connection.Close(); err != nil {
		t.Fatal(err)
	}
	eventually(t, "nothing is left of the upload", func() bool { return len(filesIn(t, root)) == 0 })
	if page := decode[gateway.Page[gateway.File]](t, a.get("/files")); len(page.Data) != 0 {
		t.Errorf("listed: %v", page.Data)
	}
}

func TestUploadIsAskedForOnlyWhenItMayCome(t *testing.T) {
	tenant := newTenant(t)
	a := startGateway(t, options{}).as(tenant)
	target, err := url.Parse(a.url)
	if err != nil {
		t.Fatal(err)
	}
	for token, want := range map[string]string{tenant.token: "100 Continue", "wrong": "401 Unauthorized"} {
		connection, err := net.Dial("tcp", target.Host)
		if err != nil {
			t.Fatal(err)
		}
		defer connection.Close()
		fmt.Fprintf(connection, "POST /files HTTP/1.1\r\nHost: %s\r\nAuthorization: Bearer %s\r\nContent-Type: multipart/form-data; boundary=b\r\nContent-Length: 10000000\r\nExpect: 100-continue\r\n\r\n", target.Host, token)
		line, err := bufio.NewReader(connection).ReadString('\n')
		if err != nil || !strings.Contains(line, want) {
			t.Errorf("answered %q (%v), not %s", line, err, want)
		}
	}
}

func TestUploadsOfOneCallerAreLimited(t *testing.T) {
	tenant, other := newTenant(t), newTenant(t)
	root := t.TempDir()
	a := startGateway(t, options{storage: "file://" + root, limits: gateway.Limits{Uploads: 2, UploadsPerNamespace: 1}}).as(tenant)
	reader, writer := io.Pipe()
	done := make(chan answer, 1)
	go func() { done <- a.do(http.MethodPost, "/files", "multipart/form-data; boundary=b", reader) }()
	if _, err := io.WriteString(writer, "--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a\"\r\n\r\n"+strings.Repeat("x", 1<<20)); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the upload has begun to be stored", func() bool { return len(filesIn(t, root)) > 0 })
	if got := a.upload("b", []byte("x")); got.status != http.StatusTooManyRequests || got.header.Get("Retry-After") == "" {
		t.Errorf("a second upload of the caller is answered %d %s", got.status, got.body)
	}
	if got := a.as(other).upload("c", []byte("x")); got.status != http.StatusOK {
		t.Errorf("another caller's upload is answered %d %s", got.status, got.body)
	}
	if _, err := io.WriteString(writer, "content\r\n--b--\r\n"); err != nil {
		t.Fatal(err)
	}
	_ = writer.Close()
	if got := <-done; got.status != http.StatusOK {
		t.Errorf("the first upload is answered %d %s", got.status, got.body)
	}
}

func filesIn(t *testing.T, folder string) []string {
	t.Helper()
	var found []string
	err := filepath.WalkDir(folder, func(path string, entry fs.DirEntry, err error) error {
		if err == nil && !entry.IsDir() {
			found = append(found, path)
		}
		return nil // What goes away meanwhile is not there.
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}
