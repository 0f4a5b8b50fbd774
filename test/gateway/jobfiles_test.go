package gateway

import (
	"net/http"
	"strings"
	"testing"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/swath-dev/swath/api/v1alpha1"
)

func TestJobOnAFileThatDoesNotExistIsRefusedAtOnce(t *testing.T) {
	who := newTenant(t)
	a := startGateway(t, options{}).as(who).has("file-a")
	for name, test := range map[string]struct{ body, want string }{
		"training":   {`{"task":"classification","training_file":"file-none"}`, "File not found: training_file is file-none, which is not in the storage of namespace " + who.namespace},
		"validation": {`{"task":"classification","training_file":"file-a","validation_file":"file-none"}`, "File not found: validation_file is file-none"},
	} {
		got := a.post("/training/jobs", test.body)
		if got.status != http.StatusNotFound || !strings.Contains(got.body, test.want) {
			t.Errorf("%s: answered %d %s", name, got.status, got.body)
		}
	}
	var made v1alpha1.TrainingJobList
	if err := admin.List(t.Context(), &made, client.InNamespace(who.namespace)); err != nil || len(made.Items) != 0 {
		t.Errorf("%d jobs were made (%v)", len(made.Items), err)
	}
}

func TestRequestSentAgainGivesItsJobAlsoWhenTheFileIsGone(t *testing.T) {
	a := startGateway(t, options{}).as(newTenant(t)).has(guideFile)
	keyed := a.with("Idempotency-Key", "a-key")
	first := keyed.post("/training/jobs", guideRequest)
	a.delete("/files/" + guideFile)
	if again := keyed.post("/training/jobs", guideRequest); first.status != http.StatusOK || again.body != first.body {
		t.Errorf("answered %d %s, then %d %s", first.status, first.body, again.status, again.body)
	}
	if other := a.with("Idempotency-Key", "other").post("/training/jobs", guideRequest); other.status != http.StatusNotFound {
		t.Errorf("with another key it is answered %d %s", other.status, other.body)
	}
}

// Storage that cannot be asked does not stop anyone: the trainer looks for the files again.
func TestJobIsMadeWhereStorageCannotBeAsked(t *testing.T) {
	a := startGateway(t, options{storage: "file:///swath/nowhere"}).as(newTenant(t))
	if got := a.post("/training/jobs", guideRequest); got.status != http.StatusOK {
		t.Errorf("answered %d %s", got.status, got.body)
	}
}
