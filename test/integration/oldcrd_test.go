package integration

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/swath-dev/swath/api/v1alpha1"
	"github.com/swath-dev/swath/controllers"
)

// withoutCheckpoint has the installed CRD not know status.progress.checkpoint until renew is
// called, or the test ends.
func withoutCheckpoint(t *testing.T) (renew func()) {
	t.Helper()
	scheme := runtime.NewScheme()
	if err := apiextensionsv1.AddToScheme(scheme); err != nil {
		t.Fatal(err)
	}
	admin, err := client.New(apiServer, client.Options{Scheme: scheme})
	if err != nil {
		t.Fatal(err)
	}
	crd := &apiextensionsv1.CustomResourceDefinition{}
	key := types.NamespacedName{Name: "trainingjobs." + v1alpha1.GroupName}
	if err := admin.Get(context.Background(), key, crd); err != nil {
		t.Fatal(err)
	}
	whole := crd.DeepCopy()
	delete(crd.Spec.Versions[0].Schema.OpenAPIV3Schema.Properties["status"].Properties["progress"].Properties, "checkpoint")
	set := func(spec apiextensionsv1.CustomResourceDefinitionSpec) {
		crd.Spec = *spec.DeepCopy()
		if err := admin.Update(context.Background(), crd); err != nil {
			t.Fatal(err)
		}
	}
	set(crd.Spec)
	renew = sync.OnceFunc(func() { set(whole.Spec) })
	t.Cleanup(renew)
	return renew
}

// drops waits until the API server says, with the operator's rights, that it drops just
// that field.
func (s *stage) drops(field string) {
	s.t.Helper()
	asOperator := rest.CopyConfig(apiServer)
	asOperator.Impersonate = rest.ImpersonationConfig{UserName: operatorUser}
	server, err := discovery.NewDiscoveryClientForConfig(asOperator)
	if err != nil {
		s.t.Fatal(err)
	}
	s.eventually("the API server says that it drops "+field, func() error {
		got, err := controllers.DroppedField(server.RESTClient())(context.Background())
		if err == nil && got != field {
			err = fmt.Errorf("it says %q", got)
		}
		return err
	})
}

// An operator that is started on an older CRD touches nothing, says why, and goes on when
// the CRD is renewed, without a restart. The CRD is that of all tests: this one does not
// run beside others.
func TestAnOperatorOnAnOlderCRDGoesOnWhenItIsRenewed(t *testing.T) {
	logs := newErrorLog()
	s := newStage(t, alone, withoutOperator, func(s *stage) { s.logs = logs })
	s.drops("")
	renew := withoutCheckpoint(t)
	s.drops("status.progress.checkpoint")

	s.start()
	t.Cleanup(func() { s.stop() })
	job := s.submit(newJob("ships"))
	s.eventually("there is an event of the CRD", func() error {
		for _, event := range s.events(job) {
			if event.Reason == "OutdatedCRD" && strings.Contains(event.Note, "status.progress.checkpoint") {
				return nil
			}
		}
		return errNotYet
	})
	if errors := logs.errors(); len(errors) != 1 || !strings.Contains(errors[0], "older than the operator") {
		t.Errorf("the operator logs the errors %q", errors)
	}
	s.wantPods()
	if status := s.job(job).Status; status.ID != "" {
		t.Errorf("a status was written: %+v", status)
	}

	renew()
	s.drops("")
	s.later(job, time.Minute)
	s.phase(job, v1alpha1.PhaseInitializing)
	s.pod(job, v1alpha1.RolePrepare, 1)
}
