package plugin

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestUploadedFilesAreListedAndTheirIDsComplete(t *testing.T) {
	p, by := newPerson(t, "*"), "--gateway="+startGateway(t)
	if code, printed, said := p.run("files", by); code != 0 || printed != "" || !strings.Contains(said, "No files found in "+p.namespace) {
		t.Errorf("without files it ends with %d and prints %s%s", code, printed, said)
	}
	file := filepath.Join(t.TempDir(), `ships "new".h5`)
	if err := os.WriteFile(file, []byte("content"), 0o600); err != nil {
		t.Fatal(err)
	}
	code, id, said := p.run("upload", file, by)
	if code != 0 {
		t.Fatalf("uploading ends with %d: %s", code, said)
	}
	id = strings.TrimSpace(id)
	if code, printed, said := p.run("files", by); code != 0 || !strings.Contains(printed, id+`   ships "new".h5   7 B`) {
		t.Errorf("listing ends with %d and prints %s%s", code, printed, said)
	}
	for _, typed := range [][]string{{"download", "file-"}, {"submit", "--training-file", ""}} {
		_, printed, said := p.run(append([]string{"__complete", by}, typed...)...)
		if !strings.HasPrefix(printed, id+"\t"+`ships "new".h5`) {
			t.Errorf("%v offers %s%s", typed, printed, said)
		}
	}
}
