//go:build linux

package gateway

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"golang.org/x/sync/errgroup"

	"github.com/swath-dev/swath/api/v1alpha1"
)

// api is the process as one caller sees it, whose files are in a folder.
func (p *process) api(t *testing.T, who tenant, storage string) *api {
	t.Helper()
	response, err := http.Get("http://" + p.address + "/openapi.json")
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	document, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	a := &api{t: t, url: "http://" + p.address, storage: storage, header: http.Header{}, document: readDocument(t, document)}
	return a.as(who)
}

// Bodies that are small for what a decoder makes of them.
func TestNoBodyTakesManyTimesItsSize(t *testing.T) {
	const size = 100 << 20
	p := startProcess(t)
	p.untilReady(t)
	a := p.api(t, newTenant(t), "")
	fill := func(begin, item, end string) string {
		return begin + strings.Repeat(item+",", size/(len(item)+1)) + item + end
	}
	for name, test := range map[string]struct{ body, want string }{
		"images": {fill(`{"model":"model-a","images":[`, `0`, `]}`), `"too_long"`},
		"fields": {fill(`{`, `"a":0`, `}`), `"extra_forbidden"`},
		"nested": {`{"model":"model-a","images":` + strings.Repeat("[", size) + `}`, `"json_invalid"`},
	} {
		got := a.do(http.MethodPost, "/inference", jsonContent, strings.NewReader(test.body))
		if got.status != http.StatusUnprocessableEntity || !strings.Contains(got.body, test.want) {
			t.Errorf("%s: answered %d %.300s", name, got.status, got.body)
		}
		if most := p.memory(t, "VmHWM"); most > 4*size {
			t.Fatalf("%s: a body of %d bytes took the gateway to %d", name, len(test.body), most)
		}
	}
}

const jsonContent = "application/json"

func TestInferenceAtATimeStaysWithinItsMemory(t *testing.T) {
	const memory, side, count = 256 << 20, 512, 24
	folder := "file://" + t.TempDir()
	p := startProcessOn(t, folder, nil, "--inference-memory", fmt.Sprint(memory))
	p.untilReady(t)
	who := newTenant(t)
	a := p.api(t, who, folder)
	model, _ := trained(t, a, who.namespace, v1alpha1.TaskClassification, "--epochs", "1")
	list := func(item string, n int) string { return "[" + strings.Repeat(item+",", n-1) + item + "]" }
	image := `{"gsd":28.5,"bands":["blue","green","red"],"pixels":` + list(list(list("7", side), side), 3) + `}`
	body := []byte(`{"model":"` + model + `","images":` + list(image, count) + `}`)
	var requests errgroup.Group
	answers := make([]answer, 4)
	for i := range answers {
		requests.Go(func() error {
			answers[i] = a.do(http.MethodPost, "/inference", jsonContent, bytes.NewReader(body))
			return nil
		})
	}
	if err := requests.Wait(); err != nil {
		t.Fatal(err)
	}
	answered := 0
	for _, got := range answers {
		switch got.status {
		case http.StatusOK:
			answered++
			var found struct {
				Labels []int `json:"labels"`
			}
			if err := json.Unmarshal([]byte(got.body), &found); err != nil || len(found.Labels) != count {
				t.Errorf("answered with %d labels (%v): %.200s", len(found.Labels), err, got.body)
			}
		case http.StatusServiceUnavailable: // Together they are too much.
		default:
			t.Errorf("answered %d %.300s", got.status, got.body)
		}
	}
	if answered == 0 {
		t.Error("none is answered")
	}
	most := p.memory(t, "VmHWM")
	t.Logf("%d of %d requests of %d MiB answered, at most %d MiB", answered, len(answers), len(body)>>20, most>>20)
	if most > 2*memory {
		t.Errorf("inference with %d bytes took the gateway to %d", memory, most)
	}
}
