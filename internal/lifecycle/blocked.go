package lifecycle

import (
	"fmt"
	"regexp"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/swath-dev/swath/api/v1alpha1"
	"github.com/swath-dev/swath/internal/contract"
)

// TroubleAfter is how long a Pod may take to make its containers before its
// events are read for the reason.
const TroubleAfter = 10 * time.Second

// waitReasons are the kubelet's reasons for a container that cannot start, by
// ours: the kubelet says two in turn for an image that it cannot pull.
var waitReasons = map[string]string{
	"ErrImagePull":               v1alpha1.ReasonImagePullFailed,
	"ImagePullBackOff":           v1alpha1.ReasonImagePullFailed,
	"ErrImageNeverPull":          v1alpha1.ReasonImagePullFailed,
	"InvalidImageName":           v1alpha1.ReasonImagePullFailed,
	"ImageInspectError":          v1alpha1.ReasonImagePullFailed,
	"RegistryUnavailable":        v1alpha1.ReasonImagePullFailed,
	"SignatureValidationFailed":  v1alpha1.ReasonImagePullFailed,
	"CreateContainerConfigError": v1alpha1.ReasonContainerConfigError,
	"CreateContainerError":       v1alpha1.ReasonContainerConfigError,
	"RunContainerError":          v1alpha1.ReasonContainerConfigError,
	"PreCreateHookError":         v1alpha1.ReasonContainerConfigError,
	"PreStartHookError":          v1alpha1.ReasonContainerConfigError,
	"PostStartHookError":         v1alpha1.ReasonContainerConfigError,
	"ContainerCannotRun":         v1alpha1.ReasonContainerConfigError,
	"VerifyNonRootError":         v1alpha1.ReasonContainerConfigError,
	"RunInitContainerError":      v1alpha1.ReasonContainerConfigError,
	"ConfigPodSandboxError":      v1alpha1.ReasonSandboxFailed,
	"CreatePodSandboxError":      v1alpha1.ReasonSandboxFailed,
	"SetupNetworkError":          v1alpha1.ReasonSandboxFailed,
	"NetworkNotReady":            v1alpha1.ReasonSandboxFailed,
}

// missingClaim is the scheduler's sentence for a volume claim that is not there: to
// wait for nodes would be to wait for ever.
var missingClaim = regexp.MustCompile(`persistentvolumeclaim "[^"]*" not found`)

// unmade are the reasons of refusals that fail no job, since they are of others: while
// they last no Pod is made, and the job's slot is of more use to another.
var unmade = map[string]bool{
	v1alpha1.ReasonStopping:        true,
	v1alpha1.ReasonPodCreateFailed: true,
}

// block finds what keeps the job's Pod from starting, remembers since when, and
// fails the job when that has lasted too long.
func (w *world) block() *Refusal {
	refusal, fresh := w.blockedBy()
	if refusal == nil || !final[refusal.Reason] && !unmade[refusal.Reason] {
		if !w.staysBlocked() {
			w.status.BlockedSince = nil
		}
		return refusal
	}
	if w.status.BlockedSince == nil {
		w.status.BlockedSince = &metav1.Time{Time: w.Now}
	}
	// No time mends a spec that cannot work.
	lasts := refusal.Reason == v1alpha1.ReasonInvalidSpec || !w.Now.Before(w.status.BlockedSince.Add(w.Settings.BlockedTimeout))
	if !final[refusal.Reason] || !fresh || !lasts {
		return refusal
	}
	p, number := w.current()
	attempt := v1alpha1.Attempt{
		Stage: string(w.blockedStage(p)), Number: number, Reason: refusal.Reason,
		Message: shorten(refusal.Message, maxAttemptMessage), FinishedAt: &metav1.Time{Time: w.Now},
	}
	if p != nil {
		attempt.Pod, attempt.Node = p.Name, p.Node
	}
	w.addAttempt(attempt)
	w.status.BlockedSince = nil
	return nil
}

// blockedBy is what keeps the Pod from starting; nil for nothing. It is fresh unless
// it only stands recorded from an earlier try: no job fails by that, since what
// refused the Pod may be mended, and the next try tells.
func (w *world) blockedBy() (refusal *Refusal, fresh bool) {
	if w.cancel() || w.suspended() || w.settled() != nil && w.failure() != nil {
		return nil, false
	}
	p, number := w.current()
	if p != nil && w.settled() == nil {
		return w.podBlockedBy(p)
	}
	if w.Refusal != nil {
		return w.Refusal, true
	}
	if number > 0 && w.settled() == nil {
		return w.recordedRefusal(), false
	}
	return nil, false
}

// recordedRefusal is the refusal that stands until a Pod is made: whether it still
// holds shows only when that is tried again.
func (w *world) recordedRefusal() *Refusal {
	c := meta.FindStatusCondition(w.status.Conditions, v1alpha1.ConditionRunning)
	if c == nil || c.Status != metav1.ConditionFalse {
		return nil
	}
	lasting := (final[c.Reason] || unmade[c.Reason]) && w.status.BlockedSince != nil
	if !lasting && c.Reason != v1alpha1.ReasonStopping {
		return nil
	}
	return &Refusal{Reason: c.Reason, Message: strings.TrimSuffix(c.Message, triedWithSlot)}
}

// refusedStart tells whether the Pod of a train start that is counted was refused.
// Such a start may have given its slot to another, and needs one to be tried again.
func (w *world) refusedStart() bool {
	if w.role() != v1alpha1.RoleTrain || w.train != nil || w.status.Starts == 0 || w.settled() != nil {
		return false
	}
	return w.recordedRefusal() != nil
}

// triedWithSlot is said of a refused start that has given its slot to another.
const triedWithSlot = " (it is tried again when the job has a slot)"

// blockedStage is the stage that cannot start.
func (w *world) blockedStage(p *Pod) contract.Stage {
	if w.role() == v1alpha1.RoleTrain {
		return contract.StageTrain
	}
	if p.stage(contract.StageDownload).State == Ended {
		return contract.StageValidate
	}
	return contract.StageDownload
}

// podBlockedBy is what keeps a Pod's container from starting. It is not fresh when it
// is only what the events said when they were last read.
func (w *world) podBlockedBy(p *Pod) (refusal *Refusal, fresh bool) {
	if p.Deleting || p.Terminal {
		return nil, true
	}
	if p.ScheduledAt.IsZero() && missingClaim.MatchString(p.Unschedulable) {
		return &Refusal{Reason: v1alpha1.ReasonVolumeUnavailable, Message: fmt.Sprintf("no node can take Pod %s: %s", p.Name, p.Unschedulable)}, true
	}
	stage := w.blockedStage(p)
	c := p.stage(stage)
	if c.State != Waiting {
		return nil, true
	}
	if reason, ok := waitReasons[c.WaitReason]; ok {
		return &Refusal{Reason: reason, Message: waitSentence(reason, stage, c)}, true
	}
	if p.Trouble == nil && !p.TroubleRead && p.NeedsEvents(w.Now) {
		return w.recordedTrouble(), false
	}
	return p.Trouble, true
}

// recordedTrouble is what the events said when they were last read: that they cannot
// be read now mends nothing.
func (w *world) recordedTrouble() *Refusal {
	c := meta.FindStatusCondition(w.status.Conditions, v1alpha1.ConditionRunning)
	if c == nil || !troubleReasons[c.Reason] {
		return nil
	}
	return &Refusal{Reason: c.Reason, Message: c.Message}
}

func waitSentence(reason string, stage contract.Stage, c Container) string {
	detail := imageDetail(c.WaitMessage)
	switch reason {
	case v1alpha1.ReasonImagePullFailed:
		text := fmt.Sprintf("the image %s cannot be pulled", c.Image)
		if detail != "" {
			text += ": " + detail
		}
		return text
	case v1alpha1.ReasonSandboxFailed:
		return fmt.Sprintf("the node cannot make a sandbox for the stage %s: %s", stage, sentence(c.WaitReason, c.WaitMessage))
	}
	return fmt.Sprintf("the container of the stage %s cannot be made: %s", stage, sentence(c.WaitReason, c.WaitMessage))
}

// imageDetail is the cause in a message about an image. ErrImagePull gives it
// bare and ImagePullBackOff after a preamble; both are to read the same.
func imageDetail(message string) string {
	if _, cause, found := strings.Cut(message, "ErrImagePull: "); found {
		return cause
	}
	if strings.HasPrefix(message, "Back-off pulling image") {
		return ""
	}
	return message
}

// NeedsEvents tells whether a Pod does not get on for a reason that only its
// events may tell.
func (p *Pod) NeedsEvents(now time.Time) bool {
	if p.Deleting || p.Terminal || p.ScheduledAt.IsZero() || now.Before(p.ScheduledAt.Add(TroubleAfter)) {
		return false
	}
	first := contract.StageDownload
	if p.Role == v1alpha1.RoleTrain {
		first = contract.StageTrain
	}
	c := p.stage(first)
	return c.State == Waiting && waitReasons[c.WaitReason] == ""
}
