package lifecycle

import (
	"fmt"
	"regexp"
	"strings"
	"time"

	"github.com/swath-dev/swath/api/v1alpha1"
	"github.com/swath-dev/swath/internal/contract"
)

// outcome is how a Pod's work ended.
type outcome struct {
	// success is the message that proves success; nil otherwise.
	success *contract.Message
	// reason and message say why there is none.
	reason  string
	message string
	stage   contract.Stage
	// exitCode is the container's, when it has one.
	exitCode *int32
	started  time.Time
	finished time.Time
}

// digestPattern is a SHA-256 in hexadecimal.
var digestPattern = regexp.MustCompile(`^[0-9a-f]{64}$`)

// outcomeOf tells how the Pod's work ended; nil while it goes on.
func (w *world) outcomeOf(p *Pod) *outcome {
	if p == nil {
		return nil
	}
	stage, c := w.endedStage(p)
	if c == nil && !p.Terminal && !p.lost(w.Now, w.Settings.LostAfter) {
		return nil
	}
	if c == nil {
		// The Pod is over and its container's last known state stands: it may
		// still say that it runs.
		last := p.stage(stage)
		c = &last
	}
	if c.FinishedAt.IsZero() {
		c.FinishedAt = w.endOf(p)
	}
	o := &outcome{stage: stage, started: c.StartedAt, finished: c.FinishedAt}
	if c.State == Ended {
		code := c.ExitCode
		o.exitCode = &code
		if o.success = w.proof(p, stage, *c); o.success != nil {
			return o
		}
	}
	for _, rule := range outcomeRules {
		if rule.holds(w, p, *c) {
			o.reason, o.message = rule.reason(*c), rule.message(w, p, *c)
			return o
		}
	}
	return o
}

// endOf is when the work of a Pod is taken to have ended whose container does not say:
// when its deletion was asked for, else now. The minutes that a lost node is waited
// for are no training.
func (w *world) endOf(p *Pod) time.Time {
	if p.Deleting && !p.DeletedAt.IsZero() && p.DeletedAt.Before(w.Now) {
		return p.DeletedAt
	}
	return w.Now
}

// endedStage is the container whose end ends the Pod's work: the main one, or a
// failed download. When none has ended it is the one that was last at work, and
// no container.
func (w *world) endedStage(p *Pod) (contract.Stage, *Container) {
	stage := p.mainStage()
	if c := p.stage(stage); c.State == Ended {
		return stage, &c
	}
	if p.Role == v1alpha1.RoleTrain {
		return stage, nil
	}
	download := p.stage(contract.StageDownload)
	switch {
	case download.State == Ended && download.ExitCode != contract.ExitOK:
		return contract.StageDownload, &download
	case download.State == Ended:
		return contract.StageValidate, nil
	}
	return contract.StageDownload, nil
}

// proof is the message that proves that the stage succeeded: exit code 0 alone
// does not.
func (w *world) proof(p *Pod, stage contract.Stage, c Container) *contract.Message {
	if c.ExitCode != contract.ExitOK || stage == contract.StageDownload {
		return nil
	}
	m := w.messageOf(p, stage, c)
	if m == nil {
		return nil
	}
	if stage == contract.StageTrain {
		if m.Model != contract.ModelID(w.status.ID) || !digestPattern.MatchString(m.Manifest) {
			return nil
		}
		return m
	}
	if !validFile(m.Training) || (w.Job.Spec.ValidationFile != nil && !validFile(m.Validation)) {
		return nil
	}
	return m
}

// messageOf is the container's message if it is about this job, this start and
// this stage; one of another start is never taken.
func (w *world) messageOf(p *Pod, stage contract.Stage, c Container) *contract.Message {
	m, err := contract.Decode(c.Text)
	if err != nil || m.Job != w.status.ID || m.Start != p.Number || m.Stage != stage {
		return nil
	}
	return &m
}

func validFile(f *contract.File) bool {
	return f != nil && digestPattern.MatchString(f.SHA256)
}

// outcomeRule is a kind of end without success.
type outcomeRule struct {
	holds   func(*world, *Pod, Container) bool
	reason  func(Container) string
	message func(*world, *Pod, Container) string
}

// outcomeRules are tried in order; the first that holds names the end.
var outcomeRules = []outcomeRule{
	{finalExit, exitReason, exitSentence},
	{deadlinePassed, fixed(v1alpha1.ReasonDeadlineExceeded), deadlineSentence},
	{disrupted, fixed(v1alpha1.ReasonDisrupted), disruptionSentence},
	{stoppedBySuspend, fixed(v1alpha1.ReasonSuspended), suspendSentence},
	{replaced, fixed(v1alpha1.ReasonReplaced), replacedSentence},
	{lent, fixed(v1alpha1.ReasonStartTimeout), lentSentence},
	{unplaced, fixed(v1alpha1.ReasonUnschedulable), unplacedSentence},
	{deleted, fixed(v1alpha1.ReasonPodDeleted), deletedSentence},
	{lost, fixed(v1alpha1.ReasonNodeLost), lostSentence},
	{evicted, fixed(v1alpha1.ReasonEvicted), evictedSentence},
	{outOfMemory, fixed(v1alpha1.ReasonOutOfMemory), outOfMemorySentence},
	{neverRan, fixed(v1alpha1.ReasonNeverRan), neverRanSentence},
	{interrupted, exitReason, exitSentence},
	{endedWell, fixed(v1alpha1.ReasonResultLost), resultLostSentence},
	{always, exitReason, exitSentence},
}

func finalExit(_ *world, _ *Pod, c Container) bool {
	return c.State == Ended && contract.Final(c.ExitCode)
}

func deadlinePassed(w *world, p *Pod, c Container) bool {
	return p.Role == v1alpha1.RoleTrain && w.pastDeadline(c)
}

func disrupted(_ *world, p *Pod, _ Container) bool { return p.Disruption != "" }

func stoppedBySuspend(w *world, p *Pod, _ Container) bool {
	return p.Deleting && (w.suspended() || w.suspendStops())
}

func replaced(w *world, p *Pod, c Container) bool {
	return p.Role == v1alpha1.RoleTrain && p.Outdated && c.neverStarted() && deleted(w, p, c)
}

func unplaced(w *world, p *Pod, c Container) bool {
	return p.Role == v1alpha1.RoleTrain && p.unplaced() && c.State == Waiting && deleted(w, p, c)
}

func deleted(w *world, p *Pod, _ Container) bool {
	return p.Deleting && !lost(w, p, Container{})
}

func lost(w *world, p *Pod, _ Container) bool { return p.lost(w.Now, w.Settings.LostAfter) }

func evicted(_ *world, p *Pod, _ Container) bool { return p.TerminalReason == "Evicted" }

func outOfMemory(_ *world, _ *Pod, c Container) bool { return c.Reason == "OOMKilled" }

// neverRan holds for a Pod that the kubelet refused, or whose containers a node
// lost sight of.
func neverRan(_ *world, _ *Pod, c Container) bool {
	return c.State != Ended || c.Reason == "ContainerStatusUnknown"
}

func interrupted(_ *world, _ *Pod, c Container) bool { return c.ExitCode == contract.ExitInterrupted }

func endedWell(_ *world, _ *Pod, c Container) bool { return c.ExitCode == contract.ExitOK }

func always(*world, *Pod, Container) bool { return true }

func fixed(reason string) func(Container) string { return func(Container) string { return reason } }

func exitReason(c Container) string { return contract.Reason(c.ExitCode) }

// exitSentence is the trainer's own sentence, or the exit code with the last
// line of the log.
func exitSentence(w *world, p *Pod, c Container) string {
	stage, _ := w.endedStage(p)
	if m := w.messageOf(p, stage, c); m != nil && m.Error != "" {
		return m.Error
	}
	text := fmt.Sprintf("the stage %s ended with exit code %d", stage, c.ExitCode)
	switch {
	case lastLine(c.Text) != "":
		text += ": " + lastLine(c.Text)
	case c.Reason != "" && c.Reason != "Error":
		text += " (" + c.Reason + ")"
	default:
		text += " and said nothing; see the log of Pod " + p.Name
	}
	return text
}

func deadlineSentence(w *world, _ *Pod, _ Container) string {
	return fmt.Sprintf("training took longer than activeDeadlineSeconds (%d s over all starts); make another job with a longer deadline or fewer epochs", *w.Job.Spec.ActiveDeadlineSeconds)
}

func disruptionSentence(_ *world, p *Pod, _ Container) string {
	return fmt.Sprintf("Pod %s was disrupted: %s", p.Name, p.Disruption)
}

func suspendSentence(_ *world, p *Pod, _ Container) string {
	return fmt.Sprintf("Pod %s was stopped by spec.suspend", p.Name)
}

func replacedSentence(_ *world, p *Pod, _ Container) string {
	return fmt.Sprintf("Pod %s is made anew, since spec.pod changed before the trainer ran", p.Name)
}

func unplacedSentence(_ *world, p *Pod, _ Container) string {
	return fmt.Sprintf("no node had taken Pod %s when it was deleted: %s", p.Name, p.Unschedulable)
}

func deletedSentence(_ *world, p *Pod, _ Container) string {
	return fmt.Sprintf("Pod %s was deleted", p.Name)
}

func lostSentence(_ *world, p *Pod, _ Container) string {
	return fmt.Sprintf("Pod %s did not end within its grace period: node %s no longer answers", p.Name, p.Node)
}

func evictedSentence(_ *world, p *Pod, _ Container) string {
	return fmt.Sprintf("Pod %s was evicted: %s", p.Name, p.TerminalMessage)
}

func outOfMemorySentence(w *world, p *Pod, c Container) string {
	stage, _ := w.endedStage(p)
	if c.MemoryLimit == "" {
		return fmt.Sprintf("the stage %s ran out of the node's memory; give it a memory limit or a larger node", stage)
	}
	if stage == contract.StageTrain {
		return fmt.Sprintf("the stage train ran out of memory at its limit of %s; make another job with more in spec.pod.resources.limits.memory, or with a lower hyperparameters.batchSize", c.MemoryLimit)
	}
	return fmt.Sprintf("the stage %s ran out of memory at its limit of %s; ask the platform team to raise prepare.resources in the operator's configuration", stage, c.MemoryLimit)
}

func neverRanSentence(_ *world, p *Pod, _ Container) string {
	text := fmt.Sprintf("Pod %s ended on node %s without having run to an end", p.Name, p.Node)
	if cause := sentence(p.TerminalReason, p.TerminalMessage); cause != "" {
		text += ": " + cause
	}
	if p.Awaited != nil {
		text += "; it waited for " + p.Awaited.sentence()
	}
	return text
}

func resultLostSentence(w *world, p *Pod, _ Container) string {
	stage, _ := w.endedStage(p)
	return fmt.Sprintf("the stage %s ended well, but its result did not arrive; it runs again and says it again", stage)
}

// lastLine is the last line of a text that says something.
func lastLine(text string) string {
	lines := strings.Split(text, "\n")
	for i := len(lines) - 1; i >= 0; i-- {
		if line := strings.TrimSpace(lines[i]); line != "" {
			return line
		}
	}
	return ""
}
