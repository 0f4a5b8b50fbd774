//go:build linux

package gateway

import (
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"os"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sync/errgroup"

	"github.com/swath-dev/swath/test/cgroup"
	"github.com/swath-dev/swath/test/s3"
)

// memory is a line of the process's status in bytes: VmHWM is the most that was resident so far.
func (p *process) memory(t *testing.T, line string) int64 {
	t.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.command.Process.Pid))
	if err != nil {
		t.Fatalf("reading the gateway's memory: %v", err)
	}
	for text := range strings.Lines(string(status)) {
		if fields := strings.Fields(text); len(fields) > 1 && fields[0] == line+":" {
			kibibytes, err := strconv.ParseInt(fields[1], 10, 64)
			if err != nil {
				t.Fatalf("the gateway's %s is %q", line, fields[1])
			}
			return kibibytes << 10
		}
	}
	t.Fatalf("the gateway's status has no %s", line)
	return 0
}

// uploadZeros uploads a file of so many bytes as it comes, and returns the answer's status.
func (p *process) uploadZeros(t *testing.T, who tenant, bytes int64) (status int, err error) {
	reader, writer := io.Pipe()
	form := multipart.NewWriter(writer)
	go func() {
		part, err := form.CreateFormFile("file", "zeros.h5")
		block := make([]byte, 1<<20)
		for left := bytes; left > 0 && err == nil; left -= int64(len(block)) {
			_, err = part.Write(block[:min(left, int64(len(block)))])
		}
		if err == nil {
			err = form.Close()
		}
		_ = writer.CloseWithError(err) // Never fails.
	}()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+p.address+"/files", reader)
	if err != nil {
		return 0, err
	}
	request.Header.Set("Content-Type", form.FormDataContentType())
	request.Header.Set("Authorization", "Bearer "+who.token)
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return 0, err
	}
	defer response.Body.Close()
	_, err = io.Copy(io.Discard, response.Body)
	return response.StatusCode, err
}

// TestUploadTakesLittleMemoryWhateverItsSize: in a container of 100 MB. SWATH_TEST_UPLOAD_BYTES sets another size.
func TestUploadTakesLittleMemoryWhateverItsSize(t *testing.T) {
	server := s3.Start(t)
	within := cgroup.New(t, 100e6)
	p := startProcessWithin(t, within, server.Bucket(t, "memory"), server.Environment())
	p.untilReady(t)
	who := newTenant(t)
	size := int64(256 << 20)
	if text := os.Getenv("SWATH_TEST_UPLOAD_BYTES"); text != "" {
		var err error
		if size, err = strconv.ParseInt(text, 10, 64); err != nil {
			t.Fatal(err)
		}
	}
	status, err := p.uploadZeros(t, who, size)
	if err != nil || status != http.StatusOK {
		t.Fatalf("answered %d (%v)", status, err)
	}
	anonymous := p.memory(t, "RssAnon")
	t.Logf("after %d MiB: %d MiB anonymous, %d MiB of the program's file, at most %d MiB resident; the group had at most %s",
		size>>20, anonymous>>20, p.memory(t, "RssFile")>>20, p.memory(t, "VmHWM")>>20, within.Highest(t))
	if anonymous > 64<<20 {
		t.Errorf("an upload of %d MiB leaves the gateway with %d MiB", size>>20, anonymous>>20)
	}
}

func TestUploadsAtATimeTakeBoundedMemory(t *testing.T) {
	server := s3.Start(t)
	p := startProcessOn(t, server.Bucket(t, "memory"), server.Environment())
	p.untilReady(t)
	who := newTenant(t)
	var uploads errgroup.Group
	for range 8 {
		uploads.Go(func() error {
			status, err := p.uploadZeros(t, who, 96<<20)
			if err == nil && status != http.StatusOK {
				err = fmt.Errorf("answered %d", status)
			}
			return err
		})
	}
	if err := uploads.Wait(); err != nil {
		t.Fatal(err)
	}
	all := p.memory(t, "VmHWM")
	t.Logf("at most %d MiB with 8 uploads", all>>20)
	if all > 400<<20 {
		t.Errorf("8 uploads at a time took the gateway to %d MiB", all>>20)
	}
}
