package integration

import (
	"slices"
	"sync"
	"testing"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	"k8s.io/utils/ptr"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/swath-dev/swath/api/v1alpha1"
	"github.com/swath-dev/swath/internal/contract"
	"github.com/swath-dev/swath/internal/manager"
)

const (
	// leaseDuration and retryPeriod are shorter than the operator's own, and long
	// enough for a busy machine.
	leaseDuration = 4 * time.Second
	retryPeriod   = 500 * time.Millisecond
)

// oneLease has one test at a time use the lease: the operator may only use the one
// that its role names.
var oneLease sync.Mutex

// replica is an operator that works only while it holds the lease.
func replica() manager.Options {
	return manager.Options{LeaderElect: true, LeaderElectionNamespace: "swath-system", Tune: func(o *ctrl.Options) {
		o.LeaseDuration, o.RenewDeadline, o.RetryPeriod = ptr.To(leaseDuration), ptr.To(3*time.Second), ptr.To(retryPeriod)
	}}
}

// lease is the replicas' lease, empty when there is none yet.
func (s *stage) lease() coordinationv1.LeaseSpec {
	var lease coordinationv1.Lease
	key := client.ObjectKey{Namespace: "swath-system", Name: "manager." + v1alpha1.GroupName}
	if err := cluster.Get(s.t.Context(), key, &lease); client.IgnoreNotFound(err) != nil {
		s.t.Fatalf("reading the lease: %v", err)
	}
	return lease.Spec
}

// leader waits until another than the last holds the lease, and gives who.
func (s *stage) leader(last string) string {
	s.t.Helper()
	var now string
	s.eventually("a replica leads", func() error {
		if now = ptr.Deref(s.lease().HolderIdentity, ""); now == "" || now == last {
			return errNotYet
		}
		return nil
	})
	return now
}

func TestTheSecondReplicaTakesOverAndDoesNothingTwice(t *testing.T) {
	s := newStage(t, withoutOperator)
	oneLease.Lock()
	defer oneLease.Unlock()
	stopFirst := s.operator(replica())
	first := s.leader("")
	stopSecond := s.operator(replica())
	defer stopSecond()

	job := s.submit(newJob("ships"))
	k := s.training(job)
	stopFirst()
	k.says(contract.StageTrain, trained(s.job(job), 1))
	end := s.phase(job, v1alpha1.PhaseSucceeded)
	if now := ptr.Deref(s.lease().HolderIdentity, ""); now == first || now == "" {
		t.Errorf("the lease is held by %q, as before by %q", now, first)
	}
	if end.Status.Prepares != 1 || end.Status.Starts != 1 {
		t.Errorf("the job is %s", describe(end))
	}
	s.wantPods("ships-prepare-1", "ships-train-1")
}

func TestTheSecondReplicaTakesOverFromOneThatCrashed(t *testing.T) {
	s := newStage(t, withoutOperator)
	oneLease.Lock()
	defer oneLease.Unlock()
	stopFirst := s.operator(replica())
	firstWire, first := s.wire, s.leader("")
	stopSecond := s.operator(replica())
	defer stopSecond()
	secondWire := s.wire

	job := s.submit(newJob("ships"))
	k := s.training(job)
	firstWire.cut()
	defer stopFirst()
	k.says(contract.StageTrain, trained(s.job(job), 1))

	// The lease of one that crashed has to run out, and its renewal may have been
	// under way.
	last := s.lease()
	s.eventually("the second replica leads", func() error {
		now := s.lease()
		if ptr.Deref(now.HolderIdentity, "") != first {
			return nil
		}
		last = now
		return errNotYet
	})
	now := s.lease()
	// The lease has times of the wall clock, which a busy machine may set right meanwhile.
	took, least, most := now.AcquireTime.Sub(last.RenewTime.Time), leaseDuration-retryPeriod, leaseDuration+10*retryPeriod
	if took < least || took > most {
		t.Errorf("the second replica led %s after the last renewal, want from %s to %s", took, least, most)
	}
	end := s.phase(job, v1alpha1.PhaseSucceeded)
	s.released(k)
	s.wantWritesOfOneJob(slices.Concat(firstWire.writes(), secondWire.writes()))
	s.seen(job)
	if end.Status.Prepares != 1 || end.Status.Starts != 1 || end.Status.Disruptions != 0 {
		t.Errorf("the job is %s", describe(end))
	}
	s.wantPods("ships-prepare-1", "ships-train-1")
}
