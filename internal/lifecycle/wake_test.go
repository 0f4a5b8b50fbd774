package lifecycle_test

import (
	"slices"
	"testing"
	"time"

	"k8s.io/utils/ptr"

	"github.com/swath-dev/swath/api/v1alpha1"
	"github.com/swath-dev/swath/internal/contract"
	"github.com/swath-dev/swath/internal/lifecycle"
)

// due is something that only time brings: the operator has to come for it by itself.
type due struct {
	world func() lifecycle.Observed
	// between is what others do between two looks; nil for nothing.
	between func(*lifecycle.Observed)
	done    func(lifecycle.Observed, lifecycle.Decision) bool
	at      time.Duration
}

func does(kind lifecycle.ActionKind) func(lifecycle.Observed, lifecycle.Decision) bool {
	return func(_ lifecycle.Observed, d lifecycle.Decision) bool {
		return slices.ContainsFunc(d.Actions, func(a lifecycle.Action) bool { return a.Kind == kind })
	}
}

func becomes(phase v1alpha1.Phase) func(lifecycle.Observed, lifecycle.Decision) bool {
	return func(_ lifecycle.Observed, d lifecycle.Decision) bool { return d.Status.Phase == phase }
}

// training is a job whose trainer runs since the start, changed as wanted.
func training(change func(*lifecycle.Observed)) func() lifecycle.Observed {
	return func() lifecycle.Observed {
		job := withFiles(makeJob())
		job.Status.Starts = 1
		pod := makePod(v1alpha1.RoleTrain, 1)
		pod.Stages[contract.StageTrain] = running()
		o := observe(job, pod)
		change(&o)
		return o
	}
}

// finished is a job whose trainer has ended a second after the start, changed as wanted.
func finished(code int32, change func(*lifecycle.Observed)) func() lifecycle.Observed {
	return training(func(o *lifecycle.Observed) {
		text := ""
		if code == 0 {
			text = modelMessage(o.Job, 1)
		}
		o.Pods[0].Terminal = true
		o.Pods[0].Stages[contract.StageTrain] = ended(code, text)
		change(o)
	})
}

// preparing is a job whose prepare Pod has its node since the start, changed as wanted.
func preparing(change func(*lifecycle.Observed)) func() lifecycle.Observed {
	return func() lifecycle.Observed {
		job := makeJob()
		job.Status.Prepares = 1
		o := observe(job, makePod(v1alpha1.RolePrepare, 1))
		change(&o)
		return o
	}
}

func ttl(seconds int32) func(*lifecycle.Observed) {
	return func(o *lifecycle.Observed) { o.Job.Spec.TTLSecondsAfterFinished = &seconds }
}

func keep(d time.Duration) func(*lifecycle.Observed) {
	return func(o *lifecycle.Observed) { o.Settings.KeepPods = &d }
}

const seen = 2 * time.Second // When observe() observes.

var dues = map[string]due{
	"activeDeadlineSeconds": {
		world: training(func(o *lifecycle.Observed) { o.Job.Spec.ActiveDeadlineSeconds = ptr.To[int64](600) }),
		done:  does(lifecycle.DeletePod), at: 10 * time.Minute,
	},
	"the second start, of what was trained already": {
		world: training(func(o *lifecycle.Observed) {
			o.Job.Spec.ActiveDeadlineSeconds, o.Job.Status.TrainedSeconds = ptr.To[int64](600), 500
		}),
		done: does(lifecycle.DeletePod), at: 100 * time.Second,
	},
	"the back-off after a failure": {
		world: finished(1, func(*lifecycle.Observed) {}), done: does(lifecycle.CreatePod), at: time.Second + settings.BackoffInitial,
	},
	"ttlSecondsAfterFinished 0": {world: finished(0, ttl(0)), done: does(lifecycle.DeleteJob), at: seen},
	"ttlSecondsAfterFinished 600": {
		world: finished(0, ttl(600)), done: does(lifecycle.DeleteJob), at: time.Second + 10*time.Minute,
	},
	"ttlSecondsAfterFinished of a failure": {
		world: finished(contract.ExitNotFinite, ttl(600)), done: does(lifecycle.DeleteJob), at: time.Second + 10*time.Minute,
	},
	"finished Pods are not kept":        {world: finished(0, keep(0)), done: does(lifecycle.DeletePod), at: seen},
	"finished Pods are kept for a time": {world: finished(0, keep(time.Hour)), done: does(lifecycle.DeletePod), at: time.Second + time.Hour},
	"a lost Pod of a job that is cancelled": {
		world: training(func(o *lifecycle.Observed) {
			o.Job.Spec.Cancel = ptr.To(true)
			o.Pods[0].Deleting, o.Pods[0].DeletedAt, o.Pods[0].DeleteBy = true, start, start.Add(2*time.Minute)
		}),
		done: becomes(v1alpha1.PhaseCancelled), at: 2*time.Minute + settings.LostAfter,
	},
	"an image that cannot be pulled": {
		world: preparing(func(o *lifecycle.Observed) {
			o.Pods[0].Stages[contract.StageDownload] = lifecycle.Container{WaitReason: "ErrImagePull", Image: "trainer"}
		}),
		done: does(lifecycle.DeletePod), at: seen + settings.BlockedTimeout,
	},
	"a volume that only events tell of": {
		world: preparing(func(o *lifecycle.Observed) {
			o.Now = start.Add(time.Minute)
			o.Pods[0].Trouble = &lifecycle.Refusal{Reason: v1alpha1.ReasonVolumeUnavailable, Message: "not found"}
		}),
		done: does(lifecycle.DeletePod), at: time.Minute + settings.BlockedTimeout,
	},
	"a preparation that takes too long": {
		world: preparing(func(o *lifecycle.Observed) { o.Pods[0].Stages[contract.StageDownload] = running() }),
		done:  does(lifecycle.DeletePod), at: settings.PrepareTimeout,
	},
	"a Pod that was refused is tried again": {
		world: func() lifecycle.Observed {
			o := observe(refused())
			o.Refusal = &lifecycle.Refusal{Reason: v1alpha1.ReasonQuotaExceeded, Message: "exceeded quota", Tried: true}
			return o
		},
		between: func(o *lifecycle.Observed) { o.Refusal = nil },
		done:    does(lifecycle.CreatePod), at: seen + 2*time.Second,
	},
	"the Pod of a former job is gone": {
		world: func() lifecycle.Observed {
			o := observe(makeJob())
			o.Job.Status = lifecycle.Decide(o).Status
			o.Refusal = &lifecycle.Refusal{Reason: v1alpha1.ReasonStopping, Message: "Pod ships-prepare-1 has to end first", Tried: true}
			return o
		},
		between: func(o *lifecycle.Observed) { o.Refusal = nil },
		done:    does(lifecycle.CreatePod), at: seen + 5*time.Second,
	},
	"others' sidecars that linger": {
		world: finished(0, func(o *lifecycle.Observed) { o.Pods[0].Terminal = false }),
		done:  does(lifecycle.DeletePod), at: 31 * time.Second,
	},
	"the events of a Pod that does not start": {
		world: preparing(func(*lifecycle.Observed) {}), at: 10 * time.Second,
		done: func(o lifecycle.Observed, _ lifecycle.Decision) bool { return o.Pods[0].NeedsEvents(o.Now) },
	},
	"the slot of a Pod that no node takes": {
		world: training(func(o *lifecycle.Observed) {
			unplaced(&o.Pods[0])
			o.Settings.UnschedulableAfter, o.Slot.Wanted = 5*time.Minute, true
		}),
		done: does(lifecycle.DeletePod), at: 5 * time.Minute,
	},
	"another that begins to wait for it": {
		world: training(func(o *lifecycle.Observed) {
			unplaced(&o.Pods[0])
			o.Settings.UnschedulableAfter, o.Now = 5*time.Minute, start.Add(time.Hour)
		}),
		between: func(o *lifecycle.Observed) { o.Slot.Wanted = true },
		done:    does(lifecycle.DeletePod), at: time.Hour + 15*time.Second,
	},
}

// unplaced is a Pod that no node takes since the start.
func unplaced(p *lifecycle.Pod) {
	p.Node, p.ScheduledAt, p.Unschedulable, p.UnschedulableSince = "", time.Time{}, "0/3 nodes are available", start
	p.Stages = map[contract.Stage]lifecycle.Container{}
}

// Nothing happens but that time passes, and the operator looks only when it said that
// it would: what is due is done then, and not later.
func TestTheOperatorComesByItselfForWhatIsDue(t *testing.T) {
	for name, c := range dues {
		t.Run(name, func(t *testing.T) {
			o := c.world()
			for looks := 0; ; looks++ {
				d := lifecycle.Decide(o)
				if c.done(o, d) {
					break
				}
				if d.Wake.IsZero() || looks == 100 {
					t.Fatalf("after %d looks and %s nobody comes any more: %s", looks, o.Now.Sub(start), encodeStatus(&d.Status))
				}
				if !d.Wake.After(o.Now) {
					t.Fatalf("the operator comes again at %s, which is not after %s", d.Wake, o.Now)
				}
				o.Job.Status, o.Now = d.Status, d.Wake
				if c.between != nil {
					c.between(&o)
				}
			}
			if at := o.Now.Sub(start); at != c.at {
				t.Errorf("it is done after %s, want %s", at, c.at)
			}
		})
	}
}
