package lifecycle

import (
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/swath-dev/swath/api/v1alpha1"
)

// troubles are the reasons of events that tell why a Pod does not get on, by ours.
var troubles = map[string]string{
	"FailedMount":                   v1alpha1.ReasonVolumeUnavailable,
	"FailedAttachVolume":            v1alpha1.ReasonVolumeUnavailable,
	"FailedMapVolume":               v1alpha1.ReasonVolumeUnavailable,
	"FailedCreatePodSandBox":        v1alpha1.ReasonSandboxFailed,
	"FailedPodSandBoxStatus":        v1alpha1.ReasonSandboxFailed,
	"FailedCreatePodContainer":      v1alpha1.ReasonSandboxFailed,
	"NetworkNotReady":               v1alpha1.ReasonSandboxFailed,
	"FailedPrepareDynamicResources": v1alpha1.ReasonContainerConfigError,
}

// troubleReasons are our reasons for what events tell.
var troubleReasons = map[string]bool{
	v1alpha1.ReasonVolumeUnavailable:    true,
	v1alpha1.ReasonSandboxFailed:        true,
	v1alpha1.ReasonContainerConfigError: true,
}

// progresses are the reasons of events that tell that the kubelet has got past
// volumes and sandbox: trouble before them is over.
var progresses = map[string]bool{
	"SuccessfulAttachVolume": true,
	"Pulling":                true,
	"Pulled":                 true,
	"Created":                true,
	"Started":                true,
}

// Tells tells whether the event says anything of why a Pod does or does not get on.
func Tells(e *corev1.Event) bool {
	return troubles[e.Reason] != "" || progresses[e.Reason]
}

// ReadTrouble is what a Pod's events, in any order, tell of why it does not get on;
// nil when they tell nothing, or when what was in the way is over. Of an event of
// trouble and one of progress at the same time, which have seconds only, the latter
// counts: trouble that lasts is said again.
func ReadTrouble(events []corev1.Event) *Refusal {
	var newest *corev1.Event
	for i := range events {
		e := &events[i]
		if !Tells(e) {
			continue
		}
		if newest == nil || newerEvent(e, newest) {
			newest = e
		}
	}
	if newest == nil || progresses[newest.Reason] {
		return nil
	}
	return &Refusal{Reason: troubles[newest.Reason], Message: newest.Message}
}

func newerEvent(e, than *corev1.Event) bool {
	at, before := eventTime(e), eventTime(than)
	return at.After(before) || at.Equal(before) && progresses[e.Reason]
}

// eventTime is when the event was last seen; there are two kinds of events, with
// different fields for it.
func eventTime(e *corev1.Event) time.Time {
	switch {
	case e.Series != nil:
		return e.Series.LastObservedTime.Time
	case !e.LastTimestamp.IsZero():
		return e.LastTimestamp.Time
	}
	return e.EventTime.Time
}
