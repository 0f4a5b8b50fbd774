package lifecycle

import (
	"fmt"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/swath-dev/swath/api/v1alpha1"
	"github.com/swath-dev/swath/internal/contract"
)

// namedAfter is how long a Pod may take before the condition names what it waits for.
const namedAfter = time.Minute

// Awaited is an init container or sidecar of others that our next container waits for.
type Awaited struct {
	Name string
	// Sidecar is set for an init container that goes on: ours waits for its start.
	Sidecar bool
	// Container is its state.
	Container Container
}

// readAwaited finds the first init container that is not ours, and that our next
// container waits for; nil for none.
func readAwaited(pod *corev1.Pod) *Awaited {
	for _, spec := range pod.Spec.InitContainers {
		i := slices.IndexFunc(pod.Status.InitContainerStatuses, func(s corev1.ContainerStatus) bool { return s.Name == spec.Name })
		var status corev1.ContainerStatus
		if i >= 0 {
			status = pod.Status.InitContainerStatuses[i]
		}
		if ours, sidecar := slices.Contains(stages, contract.Stage(spec.Name)), isSidecar(spec); !ours && !passed(spec, status) {
			a := &Awaited{Name: spec.Name, Sidecar: sidecar, Container: readContainer(status)}
			// Back-off and restarts change the times of a container that never gets ready.
			a.Container.StartedAt, a.Container.FinishedAt, a.Container.Text = time.Time{}, time.Time{}, ""
			return a
		} else if ours && !passed(spec, status) {
			return nil
		}
	}
	return nil
}

func isSidecar(spec corev1.Container) bool {
	return spec.RestartPolicy != nil && *spec.RestartPolicy == corev1.ContainerRestartPolicyAlways
}

// passed holds for an init container that no later one waits for.
func passed(spec corev1.Container, status corev1.ContainerStatus) bool {
	if !isSidecar(spec) {
		return status.State.Terminated != nil && status.State.Terminated.ExitCode == 0
	}
	return status.Started != nil && *status.Started
}

// sentence says what the container has not done yet.
func (a *Awaited) sentence() string {
	c := a.Container
	switch {
	case a.Sidecar && c.State == Running:
		return fmt.Sprintf("the sidecar %s, which is not this job's: it runs, but has not passed its startup probe", a.Name)
	case a.Sidecar && c.State == Waiting && c.WaitReason != "":
		return fmt.Sprintf("the sidecar %s, which is not this job's: %s", a.Name, sentence(c.WaitReason, c.WaitMessage))
	case a.Sidecar:
		return fmt.Sprintf("the sidecar %s, which is not this job's and has not started", a.Name)
	case c.State == Running:
		return fmt.Sprintf("the init container %s, which is not this job's and has not ended", a.Name)
	case c.State == Ended:
		return fmt.Sprintf("the init container %s, which is not this job's: it ended with exit code %d", a.Name, c.ExitCode)
	case c.WaitReason != "":
		return fmt.Sprintf("the init container %s, which is not this job's: %s", a.Name, sentence(c.WaitReason, c.WaitMessage))
	}
	return fmt.Sprintf("the init container %s, which is not this job's and has not started", a.Name)
}

// slowStart says what a Pod waits for that has had a minute to start; empty before, and
// once its container has started.
func (w *world) slowStart(p *Pod) (reason, message string) {
	stage := w.blockedStage(p)
	c := p.stage(stage)
	if c.State != Waiting {
		return "", ""
	}
	since := p.CreatedAt
	switch {
	case stage == contract.StageValidate:
		since = p.stage(contract.StageDownload).FinishedAt
	case !p.ScheduledAt.IsZero():
		since = p.ScheduledAt
	}
	if since.IsZero() || !w.reached(since.Add(namedAfter)) {
		return "", ""
	}
	switch {
	case p.ScheduledAt.IsZero():
		return v1alpha1.ReasonUnschedulable, fmt.Sprintf("Pod %s has no node, and its scheduler %s has not said why; check that it runs", p.Name, p.Scheduler)
	case p.Awaited != nil:
		return v1alpha1.ReasonWaitingForContainer, fmt.Sprintf("Pod %s waits for %s", p.Name, p.Awaited.sentence())
	case c.WaitReason == "":
		return v1alpha1.ReasonStarting, fmt.Sprintf("node %s has not said anything of Pod %s yet", p.Node, p.Name)
	}
	return v1alpha1.ReasonStarting, fmt.Sprintf("node %s has not started the container %s of Pod %s yet: %s", p.Node, stage, p.Name, sentence(c.WaitReason, c.WaitMessage))
}
