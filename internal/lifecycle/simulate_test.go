package lifecycle_test

import (
	"fmt"
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/ptr"
	"pgregory.net/rapid"

	"github.com/swath-dev/swath/api/v1alpha1"
	"github.com/swath-dev/swath/internal/contract"
	"github.com/swath-dev/swath/internal/lifecycle"
)

// simulation is a small cluster in memory: what the API server holds, what the
// operator's two caches show of it, and a kubelet. The operator of it may end after
// each write.
type simulation struct {
	t   *rapid.T
	now time.Time

	job     *v1alpha1.TrainingJob
	version int
	pods    map[string]lifecycle.Pod

	// jobs and podLists are all past states; the caches show one each, never an
	// older one than before.
	jobs     []versionedJob
	podLists [][]lifecycle.Pod
	jobAt    int
	podsAt   int

	// unseen is when the last trainer whose Pod vanished may be taken to have ended.
	unseen time.Time

	made int
	// sidecars keep Pods alive whose own work has ended.
	sidecars  bool
	cancelled bool
	slots     slots
}

type versionedJob struct {
	version int
	job     *v1alpha1.TrainingJob
}

func newSimulation(t *rapid.T) *simulation {
	s := &simulation{t: t, now: start, job: makeJob(), pods: map[string]lifecycle.Pod{}}
	s.job.Status = v1alpha1.TrainingJobStatus{Phase: v1alpha1.PhaseInitializing, ObservedGeneration: -1}
	s.job.Spec.BackoffLimit = ptr.To(rapid.Int32Range(0, 2).Draw(t, "backoffLimit"))
	if deadline := rapid.SampledFrom([]int64{0, 0, 100, 2000}).Draw(t, "deadline"); deadline > 0 {
		s.job.Spec.ActiveDeadlineSeconds = &deadline
	}
	s.jobChanged()
	s.podsChanged()
	s.newLeader()
	return s
}

// createSuspended has the job have been suspended from the first.
func (s *simulation) createSuspended() {
	s.job.Spec.Suspend = ptr.To(true)
	s.jobs = nil
	s.jobChanged()
}

func (s *simulation) jobChanged() {
	s.version++
	s.jobs = append(s.jobs, versionedJob{s.version, s.job.DeepCopy()})
}

func (s *simulation) podsChanged() {
	s.podLists = append(s.podLists, s.livePods())
}

func (s *simulation) livePods() []lifecycle.Pod {
	list := []lifecycle.Pod{}
	for _, p := range s.pods {
		stages := map[contract.Stage]lifecycle.Container{}
		for name, c := range p.Stages {
			stages[name] = c
		}
		p.Stages = stages
		list = append(list, p)
	}
	slices.SortFunc(list, func(a, b lifecycle.Pod) int { return int(a.Number - b.Number) })
	return list
}

// operate is one reconcile on what the caches show, ended after so many writes.
func (s *simulation) operate(writes int) {
	cached := s.jobs[s.jobAt]
	o := s.observed(cached.job.DeepCopy(), s.podLists[s.podsAt])
	s.askQueue(&o)
	d := lifecycle.Decide(o)
	if d.NeedsLivePods {
		o = s.observed(cached.job.DeepCopy(), s.livePods())
		s.askQueue(&o)
		d = lifecycle.Decide(o)
	}
	recorded, current := !statusEqual(&cached.job.Status, &d.Status), cached.version == s.version
	if d.News && rapid.Bool().Draw(s.t, "put off") {
		recorded = false
	}
	if recorded {
		if writes == 0 {
			s.newLeader()
			return
		}
		if !current {
			return
		}
		writes--
		s.record(&d)
		o.Job.Status = *d.Status.DeepCopy()
	} else if len(d.Actions) > 0 && !current {
		return
	}
	for _, action := range d.Actions {
		if writes == 0 {
			s.newLeader()
			return
		}
		writes--
		s.act(action)
	}
	s.giveBack(o, recorded, current)
}

func (s *simulation) observed(job *v1alpha1.TrainingJob, pods []lifecycle.Pod) lifecycle.Observed {
	withSlots := settings
	withSlots.Limited = true
	withSlots.UnschedulableAfter = 5 * time.Minute
	return lifecycle.Observed{Now: s.now, Job: job, Pods: pods, Settings: withSlots}
}

// record writes the status, and checks what must hold whenever one is written.
func (s *simulation) record(d *lifecycle.Decision) {
	if before := s.job.Status.Phase; before.Finished() && before != d.Status.Phase {
		s.t.Fatalf("the end %s became %s", before, d.Status.Phase)
	}
	if trains := meta.IsStatusConditionTrue(d.Status.Conditions, v1alpha1.ConditionRunning); trains != (d.Status.Phase == v1alpha1.PhaseRunning) {
		s.t.Fatalf("Running is %t in the phase %s", trains, d.Status.Phase)
	}
	for _, p := range s.pods {
		if meta.IsStatusConditionTrue(d.Status.Conditions, v1alpha1.ConditionSuspended) && canWork(p) && !s.lost(p) {
			s.t.Fatalf("the job is suspended and Pod %s can still work", p.Name)
		}
	}
	switch d.Status.Phase {
	case v1alpha1.PhaseSucceeded, v1alpha1.PhaseFailed:
		if s.cancelled && !s.job.Status.Phase.Finished() {
			s.t.Fatalf("the job is %s after an accepted cancel", d.Status.Phase)
		}
	case v1alpha1.PhaseCancelled:
		if s.now.Before(s.unseen) && !s.job.Status.Phase.Finished() {
			s.t.Fatalf("the job is cancelled while a trainer may run whose Pod vanished")
		}
		for _, p := range s.pods {
			if !s.lost(p) && !s.job.Status.Phase.Finished() {
				s.t.Fatalf("the job is cancelled and Pod %s is there", p.Name)
			}
		}
	}
	if d.Status.Retries > *s.job.Spec.BackoffLimit {
		s.t.Fatalf("%d retries were used of %d", d.Status.Retries, *s.job.Spec.BackoffLimit)
	}
	s.job.Status = *d.Status.DeepCopy()
	s.jobChanged()
}

func (s *simulation) lost(p lifecycle.Pod) bool {
	return p.Deleting && !p.Terminal && !s.now.Before(p.DeleteBy.Add(settings.LostAfter))
}

func (s *simulation) act(a lifecycle.Action) {
	switch a.Kind {
	case lifecycle.CreatePod:
		s.create(a)
	case lifecycle.DeletePod:
		s.change(a.Pod, a.UID, func(p *lifecycle.Pod) {
			if !p.Deleting {
				p.Deleting, p.DeletedAt, p.DeleteBy = true, s.now, s.now.Add(2*time.Minute)
				p.Terminal = p.Terminal || p.Node == ""
			}
		})
	case lifecycle.ReleasePod:
		s.change(a.Pod, a.UID, func(p *lifecycle.Pod) { p.HoldsResult = false })
	case lifecycle.DeleteJob:
		s.t.Fatalf("nobody asked to delete the job")
	}
}

func (s *simulation) create(a lifecycle.Action) {
	p := makePod(a.Role, a.Number)
	p.Name = fmt.Sprintf("ships-%s-%d", a.Role, a.Number)
	if _, there := s.pods[p.Name]; there {
		return
	}
	if s.job.Status.Phase.Finished() {
		s.t.Fatalf("Pod %s is made after the end", p.Name)
	}
	for _, other := range s.pods {
		if canWork(other) && !s.lost(other) {
			s.t.Fatalf("Pod %s is made while Pod %s can still work", p.Name, other.Name)
		}
	}
	if s.now.Before(s.unseen) {
		s.t.Fatalf("Pod %s is made while a trainer may run whose Pod vanished", p.Name)
	}
	s.made++
	p.UID = types.UID(fmt.Sprint("uid-", s.made))
	p.CreatedAt, p.ScheduledAt = s.now, s.now
	s.pods[p.Name] = p
	s.podsChanged()
	s.checkSlots()
}

func (s *simulation) change(name string, uid types.UID, how func(*lifecycle.Pod)) {
	p, there := s.pods[name]
	if !there || p.UID != uid {
		return
	}
	how(&p)
	s.pods[name] = p
	// A deleted Pod goes once its containers have ended and nobody holds it.
	if p.Deleting && p.Terminal && !p.HoldsResult {
		s.checkResult(p)
		delete(s.pods, name)
	}
	s.podsChanged()
}

// canWork tells whether a Pod's own containers are not at their end.
func canWork(p lifecycle.Pod) bool {
	last := contract.StageValidate
	if p.Role == v1alpha1.RoleTrain {
		last = contract.StageTrain
	}
	return !p.Terminal && p.Stages[last].State != lifecycle.Ended
}

// checkResult checks that the result of a train Pod is recorded before the Pod goes.
func (s *simulation) checkResult(p lifecycle.Pod) {
	status := &s.job.Status
	if p.Role != v1alpha1.RoleTrain || s.cancelled || status.Phase.Finished() || p.Number < status.Starts {
		return
	}
	recorded := slices.ContainsFunc(status.Attempts, func(a v1alpha1.Attempt) bool { return a.Pod == p.Name })
	if !recorded {
		s.t.Fatalf("Pod %s went before its result was recorded", p.Name)
	}
}

func statusEqual(a, b *v1alpha1.TrainingJobStatus) bool {
	return fmt.Sprintf("%+v", encodeStatus(a)) == fmt.Sprintf("%+v", encodeStatus(b))
}
