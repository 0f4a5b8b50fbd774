package integration

import (
	"k8s.io/utils/ptr"

	"github.com/swath-dev/swath/api/v1alpha1"
	"github.com/swath-dev/swath/internal/contract"
)

// ending is a way for a job to go.
type ending struct {
	want v1alpha1.Phase
	// pods are the Pods that it takes; with fewer set, some of the last may never
	// be made.
	pods  []string
	fewer bool
	// since is the Pod from which on it goes another way than a model: calls that go
	// wrong before that are those of a model.
	since string
	// retries is how many it takes.
	retries int32
	// expires is set when the job goes at its time to live.
	expires bool
	// spec changes the job before it is made.
	spec func(*v1alpha1.TrainingJobSpec)
	// exit says how a container ends, where that is not with 0 and the right message.
	exit func(pod string, stage contract.Stage) int32
	// hangs is a Pod whose trainer does not end by itself, blocked one whose image
	// cannot be pulled.
	hangs, blocked string
	// user is what the user does when the job is in the phase for the first time.
	// No container takes the job out of the phase before that.
	user map[v1alpha1.Phase]func(*v1alpha1.TrainingJob)
	// resumes has the user resume the job once it is queued again.
	resumes bool
}

// The Pods of a job.
const (
	prepare1 = "ships-prepare-1"
	train1   = "ships-train-1"
	train2   = "ships-train-2"
)

var endings = map[string]ending{
	"a model": {want: v1alpha1.PhaseSucceeded, pods: []string{prepare1, train1}},
	"a model, deleted at its time": {
		want: v1alpha1.PhaseSucceeded, pods: []string{prepare1, train1}, since: train1, expires: true,
		spec: func(s *v1alpha1.TrainingJobSpec) { s.TTLSecondsAfterFinished = ptr.To[int32](600) },
	},
	"a broken file": {
		want: v1alpha1.PhaseFailed, pods: []string{prepare1}, since: prepare1,
		exit: func(_ string, stage contract.Stage) int32 {
			return map[contract.Stage]int32{contract.StageValidate: contract.ExitBadFile}[stage]
		},
	},
	"a model at the second try": {
		want: v1alpha1.PhaseSucceeded, pods: []string{prepare1, train1, train2}, since: train1, retries: 1,
		exit: func(pod string, _ contract.Stage) int32 { return map[string]int32{train1: 1}[pod] },
	},
	"retries used up": {
		want: v1alpha1.PhaseFailed, pods: []string{prepare1, train1, train2}, since: train1, retries: 1,
		spec: func(s *v1alpha1.TrainingJobSpec) { s.BackoffLimit = ptr.To[int32](1) },
		exit: func(pod string, _ contract.Stage) int32 { return map[string]int32{train1: 1, train2: 1}[pod] },
	},
	"past its deadline": {
		want: v1alpha1.PhaseFailed, pods: []string{prepare1, train1}, since: train1, hangs: train1,
		spec: func(s *v1alpha1.TrainingJobSpec) { s.ActiveDeadlineSeconds = ptr.To[int64](100) },
	},
	"no image": {want: v1alpha1.PhaseFailed, pods: []string{prepare1}, since: prepare1, blocked: prepare1},
	"suspended while it trains": {
		want: v1alpha1.PhaseSucceeded, pods: []string{prepare1, train1, train2}, since: train1, hangs: train1, resumes: true,
		user: map[v1alpha1.Phase]func(*v1alpha1.TrainingJob){v1alpha1.PhaseRunning: suspend},
	},
	"cancelled while it initializes":  cancelledIn(v1alpha1.PhaseInitializing, prepare1),
	"cancelled while it downloads":    cancelledIn(v1alpha1.PhaseDownloadingFiles, prepare1),
	"cancelled while it validates":    cancelledIn(v1alpha1.PhaseValidatingFiles, prepare1),
	"cancelled while it is queued":    cancelledIn(v1alpha1.PhaseQueued, prepare1, train1),
	"cancelled while it trains":       cancelledIn(v1alpha1.PhaseRunning, prepare1, train1),
	"cancelled while it is suspended": cancelledWhileSuspended(),
}

// cancelledIn is a job whose containers go on to a model while it is cancelled.
func cancelledIn(phase v1alpha1.Phase, pods ...string) ending {
	return ending{
		want: v1alpha1.PhaseCancelled, pods: pods, fewer: true, since: prepare1,
		user: map[v1alpha1.Phase]func(*v1alpha1.TrainingJob){phase: cancel},
	}
}

func cancelledWhileSuspended() ending {
	return ending{
		want: v1alpha1.PhaseCancelled, pods: []string{prepare1, train1}, since: train1, hangs: train1,
		user: map[v1alpha1.Phase]func(*v1alpha1.TrainingJob){v1alpha1.PhaseRunning: func(j *v1alpha1.TrainingJob) {
			suspend(j)
			cancel(j)
		}},
	}
}
