package lifecycle_test

import (
	"encoding/json"
	"maps"
	"slices"
	"testing"
	"time"

	"k8s.io/utils/ptr"
	"pgregory.net/rapid"

	"github.com/swath-dev/swath/api/v1alpha1"
	"github.com/swath-dev/swath/internal/contract"
	"github.com/swath-dev/swath/internal/lifecycle"
)

func encodeStatus(s *v1alpha1.TrainingJobStatus) string {
	data, err := json.Marshal(s)
	if err != nil {
		panic(err)
	}
	return string(data)
}

// work has a Pod's container go one step on, with that exit code at its end.
func (s *simulation) work(name string, code int32, text string) {
	p := s.pods[name]
	s.change(name, p.UID, func(p *lifecycle.Pod) {
		if p.Terminal {
			return
		}
		s.place(p)
		stages := []contract.Stage{contract.StageDownload, contract.StageValidate}
		if p.Role == v1alpha1.RoleTrain {
			stages = []contract.Stage{contract.StageTrain}
		}
		p.Stages = maps.Clone(p.Stages)
		for _, stage := range stages {
			c := p.Stages[stage]
			switch c.State {
			case lifecycle.Waiting:
				p.Stages[stage] = lifecycle.Container{State: lifecycle.Running, StartedAt: s.now}
				return
			case lifecycle.Running:
				c = lifecycle.Container{State: lifecycle.Ended, StartedAt: c.StartedAt, FinishedAt: s.now, ExitCode: code, Text: text}
				if code == 0 && text == "" {
					c.Text = s.goodMessage(p, stage)
				}
				p.Stages[stage] = c
				p.Terminal = !s.sidecars && (code != 0 || stage != contract.StageDownload)
				return
			}
		}
	})
}

func (s *simulation) goodMessage(p *lifecycle.Pod, stage contract.Stage) string {
	if stage == contract.StageTrain {
		return modelMessage(makeJob(), p.Number)
	}
	return validMessage(makeJob(), p.Number)
}

// somePod is one of the Pods that are there; empty when there is none.
func (s *simulation) somePod(t *rapid.T) string {
	names := slices.Sorted(maps.Keys(s.pods))
	if len(names) == 0 {
		return ""
	}
	return rapid.SampledFrom(names).Draw(t, "pod")
}

// kill ends what a Pod does, as the kubelet does at the end of its grace period.
func (s *simulation) kill(name string, disruption string) {
	p := s.pods[name]
	s.change(name, p.UID, func(p *lifecycle.Pod) {
		p.Terminal = true
		if disruption != "" {
			p.Disruption = disruption
		}
	})
}

// events are what may happen, at any time and in any order.
func (s *simulation) events() map[string]func(*rapid.T) {
	events := map[string]func(*rapid.T){
		"operator": func(t *rapid.T) { s.operate(rapid.IntRange(0, 6).Draw(t, "writes")) },
		"cache of jobs": func(t *rapid.T) {
			s.jobAt = rapid.IntRange(s.jobAt, len(s.jobs)-1).Draw(t, "version")
		},
		"cache of Pods": func(t *rapid.T) {
			s.podsAt = rapid.IntRange(s.podsAt, len(s.podLists)-1).Draw(t, "version")
		},
		"work": func(t *rapid.T) {
			if name := s.somePod(t); name != "" {
				s.work(name, 0, "")
			}
		},
		"failure": func(t *rapid.T) {
			if name := s.somePod(t); name != "" {
				code := rapid.SampledFrom([]int32{0, 1, contract.ExitBadFile, contract.ExitInterrupted, contract.ExitStorage, 137}).Draw(t, "code")
				s.work(name, code, "a log")
			}
		},
		"all goes well for a while": func(t *rapid.T) {
			for range rapid.IntRange(1, 12).Draw(t, "rounds") {
				s.jobAt, s.podsAt = len(s.jobs)-1, len(s.podLists)-1
				s.operate(100)
				if name := s.somePod(t); name != "" {
					s.work(name, 0, "")
				}
			}
		},
		"others' sidecars keep Pods alive": func(t *rapid.T) { s.sidecars = rapid.Bool().Draw(t, "sidecars") },
		"eviction": func(t *rapid.T) {
			if name := s.somePod(t); name != "" {
				s.kill(name, "EvictionByEvictionAPI")
			}
		},
		"kubelet ends a deleted Pod": func(t *rapid.T) {
			if name := s.somePod(t); name != "" && s.pods[name].Deleting {
				s.kill(name, "")
			}
		},
		"someone deletes a Pod": func(t *rapid.T) {
			if name := s.somePod(t); name != "" {
				s.act(lifecycle.Action{Kind: lifecycle.DeletePod, Pod: name, UID: s.pods[name].UID})
			}
		},
		"someone deletes a Pod by force": func(t *rapid.T) {
			if name := s.somePod(t); name != "" {
				s.deleteByForce(name)
			}
		},
		"someone removes a Pod with its finalizer": func(t *rapid.T) {
			if name := s.somePod(t); name != "" {
				s.vanish(name)
			}
		},
		"suspend": func(t *rapid.T) {
			s.job.Spec.Suspend = ptr.To(rapid.Bool().Draw(t, "suspend"))
			s.job.Generation++
			s.jobChanged()
		},
		"cancel": func(t *rapid.T) {
			if rapid.IntRange(0, 9).Draw(t, "dice") > 0 {
				return
			}
			s.job.Spec.Cancel = ptr.To(true)
			s.job.Generation++
			s.cancelled = s.cancelled || !s.job.Status.Phase.Finished()
			s.jobChanged()
		},
		"time": func(t *rapid.T) {
			s.now = s.now.Add(time.Duration(rapid.IntRange(1, 700).Draw(t, "seconds")) * time.Second)
		},
	}
	maps.Copy(events, s.rivals())
	return events
}

// settleDown lets everything go well from now on, and checks that the job comes to
// its end and that the end frees what it held.
func (s *simulation) settleDown() {
	s.sidecars, s.slots.trains = false, false
	s.slots.ledger.Release(rival.UID)
	s.job.Spec.Suspend = ptr.To(false)
	s.job.Generation++
	s.jobChanged()
	for range 60 {
		for range 8 {
			s.jobAt, s.podsAt = len(s.jobs)-1, len(s.podLists)-1
			s.operate(100)
		}
		s.now = s.now.Add(11 * time.Minute)
		for _, name := range slices.Sorted(maps.Keys(s.pods)) {
			if s.pods[name].Deleting {
				s.kill(name, "")
			} else {
				s.work(name, 0, "")
			}
		}
	}
	if !s.job.Status.Phase.Finished() {
		s.t.Fatalf("the job never ends: %s\nPods %+v", encodeStatus(&s.job.Status), s.pods)
	}
	if s.cancelled && s.job.Status.Phase != v1alpha1.PhaseCancelled {
		s.t.Fatalf("the job is %s after an accepted cancel", s.job.Status.Phase)
	}
	for _, p := range s.pods {
		if !p.Terminal || p.HoldsResult {
			s.t.Fatalf("after the end, Pod %s is still held or works", p.Name)
		}
	}
}

// Whatever happens in whatever order, with caches that lag and an operator that
// ends between any two writes, the job comes to one right end.
func TestAnySequenceOfEventsComesToOneRightEnd(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := newSimulation(t)
		if rapid.IntRange(0, 4).Draw(t, "created suspended") == 0 {
			s.createSuspended()
		}
		t.Repeat(s.events())
		s.settleDown()
	})
}

// A start that was counted is not settled on the word of a cache that does not show
// its Pod yet: its trainer would go on beside the next one.
func TestASuspendAndAResumeWithACacheThatLagsTrainOnce(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := newSimulation(t)
		for !slices.Contains(slices.Collect(maps.Keys(s.pods)), "ships-train-1") {
			s.jobAt, s.podsAt = len(s.jobs)-1, len(s.podLists)-1
			s.operate(100)
			s.now = s.now.Add(time.Second)
			s.work("ships-prepare-1", 0, "")
		}
		for _, suspend := range []bool{true, false} {
			s.job.Spec.Suspend = ptr.To(suspend)
			s.job.Generation++
			s.jobChanged()
			// The cache of Pods still shows none that trains.
			for range 3 {
				s.jobAt = len(s.jobs) - 1
				s.operate(100)
			}
		}
		if _, there := s.pods["ships-train-2"]; there {
			t.Fatalf("a second trainer is made beside the first")
		}
		s.settleDown()
	})
}
