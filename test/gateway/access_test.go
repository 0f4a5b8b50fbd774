package gateway

import (
	"net/http"
	"testing"

	"github.com/swath-dev/swath/internal/contract"
	"github.com/swath-dev/swath/internal/gateway"
	"github.com/swath-dev/swath/internal/gateway/access"
)

func TestWithoutAValidTokenNothingIsAnswered(t *testing.T) {
	tenant := newTenant(t)
	a := startGateway(t, options{})
	for name, token := range map[string]string{
		"none":                           "",
		"nonsense":                       "nonsense",
		"for another audience":           tokenOf(t, tenant.namespace, "another"),
		"for the API server, not for us": tokenOf(t, tenant.namespace),
	} {
		t.Run(name, func(t *testing.T) {
			for _, got := range []answer{
				a.as(tenantWith(tenant, token)).get("/training/jobs"), a.as(tenantWith(tenant, token)).post("/training/jobs", guideRequest),
				a.as(tenantWith(tenant, token)).get("/files/file-x"), a.as(tenantWith(tenant, token)).upload("a", []byte("x")),
			} {
				if got.status != http.StatusUnauthorized || got.body != `{"detail":"Not authenticated"}` || got.header.Get("WWW-Authenticate") != "Bearer" {
					t.Errorf("answered %d %s", got.status, got.body)
				}
			}
		})
	}
}

func tenantWith(who tenant, token string) tenant {
	who.token = token
	return who
}

func TestRightsAreThoseOnTrainingJobs(t *testing.T) {
	reader := newTenantWith(t, "get", "list")
	a := startGateway(t, options{}).as(reader)
	job := kubectlJob(t, reader.namespace, "job", nil)
	path := "/training/jobs/" + contract.JobID(string(job.UID))
	for name, test := range map[string]struct {
		got  answer
		want int
	}{
		"get":         {a.get(path), 200},
		"list":        {a.get("/training/jobs"), 200},
		"list files":  {a.get("/files"), 200},
		"create":      {a.post("/training/jobs", guideRequest), 403},
		"cancel":      {a.delete(path), 403},
		"upload":      {a.upload("a", []byte("x")), 403},
		"delete file": {a.delete("/files/file-x"), 403},
	} {
		if test.got.status != test.want {
			t.Errorf("%s is answered %d %s", name, test.got.status, test.got.body)
		}
	}
}

func TestNamespaceHasToBeOne(t *testing.T) {
	a := startGateway(t, options{}).as(newTenant(t))
	for _, name := range []string{"A", "a/b", "..", "a.b"} {
		if got := a.with(access.NamespaceHeader, name).get("/files"); got.status != http.StatusBadRequest {
			t.Errorf("%q is answered %d %s", name, got.status, got.body)
		}
	}
}

func TestTooManyRequestsAreSlowedDown(t *testing.T) {
	one, two := newTenant(t), newTenant(t)
	a := startGateway(t, options{limits: gateway.Limits{PerSecond: 0.001, Burst: 3}})
	for range 3 {
		if got := a.as(one).get("/files"); got.status != http.StatusOK {
			t.Fatalf("answered %d %s", got.status, got.body)
		}
	}
	if got := a.as(one).get("/files"); got.status != http.StatusTooManyRequests || got.header.Get("Retry-After") == "" {
		t.Errorf("answered %d %s", got.status, got.body)
	}
	if got := a.as(two).get("/files"); got.status != http.StatusOK {
		t.Errorf("another caller is answered %d %s", got.status, got.body)
	}
}

func TestWhatIsNotThereIsToldAsFastAPIDoes(t *testing.T) {
	a := startGateway(t, options{}).as(newTenant(t))
	for name, test := range map[string]struct {
		got  answer
		want string
		code int
	}{
		"job":    {a.get("/training/jobs/trainingjob-nothing"), `{"detail":"Training job not found"}`, 404},
		"cancel": {a.delete("/training/jobs/trainingjob-nothing"), `{"detail":"Training job not found"}`, 404},
		"file":   {a.get("/files/file-nothing"), `{"detail":"File not found"}`, 404},
		"model":  {a.get("/models/model-nothing"), `{"detail":"Model not found"}`, 404},
		"path":   {a.get("/nothing"), `{"detail":"Not Found"}`, 404},
		"method": {a.do(http.MethodPut, "/files", "", nil), `{"detail":"Method Not Allowed"}`, 405},
	} {
		if test.got.status != test.code || test.got.body != test.want {
			t.Errorf("%s: %d %s", name, test.got.status, test.got.body)
		}
		if test.got.header.Get("X-Request-ID") == "" {
			t.Errorf("%s: the answer has no request ID", name)
		}
	}
	if got := a.with("X-Request-ID", "mine-1").get("/files"); got.header.Get("X-Request-ID") != "mine-1" {
		t.Errorf("the caller's request ID comes back as %q", got.header.Get("X-Request-ID"))
	}
}
