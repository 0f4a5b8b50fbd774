package lifecycle_test

import (
	"slices"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/swath-dev/swath/api/v1alpha1"
	"github.com/swath-dev/swath/internal/lifecycle"
)

// happened is an event about a Pod, so many seconds after its start.
func happened(reason string, seconds int) corev1.Event {
	at := metav1.Time{Time: start.Add(time.Duration(seconds) * time.Second)}
	return corev1.Event{Reason: reason, Message: reason + " happened", LastTimestamp: at}
}

// Trouble counts until the kubelet has got past it: a slow pull of an image after a
// mount that failed once is no missing volume.
func TestTroubleIsOverOnceThePodGetsOn(t *testing.T) {
	series := corev1.Event{Reason: "FailedMount", Message: "again", EventTime: metav1.MicroTime{Time: start}, Series: &corev1.EventSeries{LastObservedTime: metav1.MicroTime{Time: start.Add(time.Minute)}}}
	cases := map[string]struct {
		events []corev1.Event
		want   string
	}{
		"nothing is known":                       {nil, ""},
		"it was scheduled":                       {[]corev1.Event{happened("Scheduled", 0)}, ""},
		"a mount fails":                          {[]corev1.Event{happened("Scheduled", 5), happened("FailedMount", 4)}, v1alpha1.ReasonVolumeUnavailable},
		"a mount failed, now an image is pulled": {[]corev1.Event{happened("FailedMount", 1), happened("Pulling", 9)}, ""},
		"in the same second":                     {[]corev1.Event{happened("FailedMount", 9), happened("Pulling", 9)}, ""},
		"a volume could not be attached and is":  {[]corev1.Event{happened("FailedAttachVolume", 1), happened("SuccessfulAttachVolume", 9)}, ""},
		"attached, but not mounted":              {[]corev1.Event{happened("SuccessfulAttachVolume", 2), happened("FailedMount", 9)}, v1alpha1.ReasonVolumeUnavailable},
		"a sandbox fails after a mount did":      {[]corev1.Event{happened("FailedMount", 2), happened("FailedCreatePodSandBox", 9)}, v1alpha1.ReasonSandboxFailed},
		"a series goes on":                       {[]corev1.Event{happened("SuccessfulAttachVolume", 30), series}, v1alpha1.ReasonVolumeUnavailable},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			for _, order := range []string{"as listed", "the other way round"} {
				got := ""
				if refusal := lifecycle.ReadTrouble(c.events); refusal != nil {
					got = refusal.Reason
				}
				if got != c.want {
					t.Errorf("%s: the trouble is %q, want %q", order, got, c.want)
				}
				slices.Reverse(c.events)
			}
		})
	}
}

// The events of a Pod that takes long to start are read within seconds at first, and
// then ever more rarely.
func TestEventsAreReadEverMoreRarely(t *testing.T) {
	job := makeJob()
	job.Status.Prepares = 1
	o := observe(job, makePod(v1alpha1.RolePrepare, 1))
	reads := map[string]int{}
	for o.Now.Before(start.Add(time.Hour)) {
		d := lifecycle.Decide(o)
		if d.Wake.IsZero() {
			t.Fatalf("nobody looks again after %s", o.Now.Sub(start))
		}
		o.Job.Status, o.Now = d.Status, d.Wake
		if o.Now.Before(start.Add(time.Minute)) {
			reads["the first minute"]++
		}
		reads["the first hour"]++
	}
	if first, all := reads["the first minute"], reads["the first hour"]; first < 4 || all > 25 {
		t.Errorf("the events are read %v, want at least 4 times in the first minute and at most 25 in all", reads)
	}
}
