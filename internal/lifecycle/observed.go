package lifecycle

import (
	"time"

	"k8s.io/apimachinery/pkg/types"

	"github.com/swath-dev/swath/api/v1alpha1"
	"github.com/swath-dev/swath/internal/contract"
)

// Observed is all that a decision is made from: the world of one job at one
// moment.
type Observed struct {
	// Now is the time of the observation.
	Now time.Time
	// Job is the TrainingJob with its recorded status. It is only read.
	Job *v1alpha1.TrainingJob
	// Pods are all Pods of the job, in any order.
	Pods []Pod
	// Slot is what the queue says to a job that may train but for it.
	Slot Slot
	// Refusal is why the Pod that is needed cannot be made, if so.
	Refusal *Refusal
	// Settings are the operator's settings.
	Settings Settings
}

// Settings are the times that the operator's configuration gives.
type Settings struct {
	// BackoffInitial is how long the first retry waits; each further one waits
	// twice as long, up to BackoffMax.
	BackoffInitial time.Duration
	BackoffMax     time.Duration
	// BlockedTimeout is how long a Pod may be unable to start before the job
	// fails.
	BlockedTimeout time.Duration
	// PrepareTimeout is how long a prepare Pod may fetch and validate before the job
	// fails; 0 for ever.
	PrepareTimeout time.Duration
	// UnschedulableAfter is how long a Pod may be kept from running its trainer, or be
	// refused, before its slot goes to the next job that waits for one; 0 for never.
	UnschedulableAfter time.Duration
	// Limited is set when the queue limits how many jobs train.
	Limited bool
	// LostAfter is how long after its grace period a Pod that is being deleted
	// counts as gone.
	LostAfter time.Duration
	// Kueue has Kueue queue the jobs with its queue label.
	Kueue bool
	// KeepPods is how long finished Pods stay after the job's end; nil for as
	// long as the job.
	KeepPods *time.Duration
}

// Slot is the answer of the queue.
type Slot struct {
	// Granted means that the job may train now.
	Granted bool
	// Wanted means that another job waits for the slot that this one has.
	Wanted bool
	// Position is the job's place among those that wait, from 1; 0 if unknown.
	Position int32
	// Limit says which limit holds the job, in a sentence.
	Limit string
}

// Refusal is why a Pod cannot be made.
type Refusal struct {
	// Reason is one of the reasons why a Pod cannot start.
	Reason string
	// Message says it in a sentence.
	Message string
	// Tried is set when the Pod is not there, and no request to make it is under way.
	Tried bool
}

// Pod is what counts of a Pod.
type Pod struct {
	Name string
	UID  types.UID
	// Role is v1alpha1.RolePrepare or v1alpha1.RoleTrain, Number counts from 1.
	Role   string
	Number int32
	Node   string
	IP     string
	// CreatedAt is when the API server took the Pod.
	CreatedAt time.Time
	// Deleting is set once the Pod is being deleted; DeletedAt is when that was asked
	// for, DeleteBy when its grace period ends.
	Deleting  bool
	DeletedAt time.Time
	DeleteBy  time.Time
	// Terminal is set once the kubelet has ended the Pod, or no kubelet ever
	// will run it.
	Terminal bool
	// TerminalReason and TerminalMessage say why the whole Pod ended, such as
	// Evicted.
	TerminalReason  string
	TerminalMessage string
	// Disruption says what disrupted the Pod (DisruptionTarget, Kueue's
	// TerminationTarget); empty for nothing.
	Disruption string
	// HoldsResult is set while the Pod has the operator's finalizer.
	HoldsResult bool
	// OtherFinalizers are finalizers of others, which only they remove.
	OtherFinalizers []string
	// Outdated is set when the Pod was made from another spec.pod than the job has
	// now.
	Outdated bool
	// QueuedByKueue is set when the operator made the Pod to be queued by Kueue, with
	// its gate. Labels do not count: anyone may put them on later.
	QueuedByKueue bool
	// Gates are the scheduling gates that hold the Pod.
	Gates []string
	// Unschedulable is the scheduler's sentence when no node fits, and
	// UnschedulableSince since when that is so.
	Unschedulable      string
	UnschedulableSince time.Time
	// Scheduler is the name of the scheduler that is to place the Pod.
	Scheduler string
	// Awaited is the container of others that ours waits for; nil for none.
	Awaited *Awaited
	// ScheduledAt is when the Pod got its node.
	ScheduledAt time.Time
	// Trouble is what only events tell of a Pod that does not get on. It is known only
	// when TroubleRead is set: events cannot be read at all times.
	Trouble     *Refusal
	TroubleRead bool
	// Stages are the containers by name.
	Stages map[contract.Stage]Container
}

// ContainerState is the state of a container.
type ContainerState int

// The states of a container, in the order in which it passes them.
const (
	// Waiting also means that nothing is known of the container yet.
	Waiting ContainerState = iota
	Running
	Ended
)

// Container is what counts of a container.
type Container struct {
	State ContainerState
	// WaitReason and WaitMessage say what a waiting container waits for.
	WaitReason  string
	WaitMessage string
	StartedAt   time.Time
	FinishedAt  time.Time
	ExitCode    int32
	// Reason is the runtime's word for the end, such as OOMKilled.
	Reason string
	// Text is the termination message as it is: JSON, or the end of the log.
	Text string
	// MemoryLimit is the container's limit, such as 4Gi; empty for none.
	MemoryLimit string
	// Image is the image to run.
	Image string
}

// stage is the container of a stage; Waiting when nothing is known of it.
func (p *Pod) stage(name contract.Stage) Container {
	if p == nil {
		return Container{}
	}
	return p.Stages[name]
}

// Works tells whether the Pod can do any more work of ours. The kubelet, or a sidecar
// of others, may be at it for longer.
func (p *Pod) Works(now time.Time, lostAfter time.Duration) bool {
	return !p.Terminal && !p.lost(now, lostAfter) && p.stage(p.mainStage()).State != Ended
}

// unplaced tells whether no node takes the Pod.
func (p *Pod) unplaced() bool {
	return p.ScheduledAt.IsZero() && p.Unschedulable != "" && len(p.Gates) == 0
}

// waitsSince is since when the Pod could have run its trainer and did not: since it has
// its node, since no node takes it, or since it is there. It is zero once the trainer has
// started, and of a Pod that is over.
func (p *Pod) waitsSince() time.Time {
	switch {
	case p == nil || p.Deleting || p.Terminal || p.stage(contract.StageTrain).State != Waiting:
		return time.Time{}
	case !p.ScheduledAt.IsZero():
		return p.ScheduledAt
	case p.unplaced() && !p.UnschedulableSince.IsZero():
		return p.UnschedulableSince
	}
	return p.CreatedAt
}

// lost tells whether the Pod's node no longer answers to its deletion.
func (p *Pod) lost(now time.Time, after time.Duration) bool {
	return p.Deleting && !p.Terminal && !now.Before(p.DeleteBy.Add(after))
}

// mainStage is the stage whose end ends the work of the Pod.
func (p *Pod) mainStage() contract.Stage {
	if p.Role == v1alpha1.RoleTrain {
		return contract.StageTrain
	}
	return contract.StageValidate
}
