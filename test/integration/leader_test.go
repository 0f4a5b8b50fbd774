package integration

import (
	"testing"

	coordinationv1 "k8s.io/api/coordination/v1"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/swath-dev/swath/api/v1alpha1"
	"github.com/swath-dev/swath/internal/contract"
	"github.com/swath-dev/swath/internal/manager"
)

func TestTheSecondReplicaTakesOverAndDoesNothingTwice(t *testing.T) {
	s := newStage(t)
	s.stop()
	replica := manager.Options{LeaderElect: true, LeaderElectionNamespace: "swath-system"}
	stopFirst := s.operator(replica)
	holder := func() string {
		var lease coordinationv1.Lease
		key := client.ObjectKey{Namespace: "swath-system", Name: "manager." + v1alpha1.GroupName}
		if err := cluster.Get(t.Context(), key, &lease); err != nil {
			return ""
		}
		return ptr.Deref(lease.Spec.HolderIdentity, "")
	}
	s.eventually("the first replica leads", func() error {
		if holder() == "" {
			return errNotYet
		}
		return nil
	})
	first := holder()
	stopSecond := s.operator(replica)
	defer stopSecond()

	job := s.submit(newJob("ships"))
	k := s.training(job)
	stopFirst()
	k.says(contract.StageTrain, trained(s.job(job), 1))
	end := s.phase(job, v1alpha1.PhaseSucceeded)
	if now := holder(); now == first || now == "" {
		t.Errorf("the lease is held by %q, as before by %q", now, first)
	}
	if end.Status.Prepares != 1 || end.Status.Starts != 1 {
		t.Errorf("the job is %s", describe(end))
	}
	s.wantPods("ships-prepare-1", "ships-train-1")
}
