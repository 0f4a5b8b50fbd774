package plugin

import (
	"fmt"
	"net/url"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/swath-dev/swath/api/v1alpha1"
	"github.com/swath-dev/swath/internal/contract"
)

func TestExitCodeOfWatchTellsHowItEnded(t *testing.T) {
	p := newPerson(t)
	for name, test := range map[string]struct {
		args []string
		then func(*running, *v1alpha1.TrainingJob)
		code int
		says string
	}{
		"succeeds": {
			then: func(_ *running, job *v1alpha1.TrainingJob) {
				p.record(job, v1alpha1.PhaseSucceeded, func(status *v1alpha1.TrainingJobStatus) { status.TrainedModel = "model-a" })
			},
			code: 0, says: "model model-a",
		},
		"fails": {
			then: func(_ *running, job *v1alpha1.TrainingJob) {
				p.record(job, v1alpha1.PhaseFailed, func(status *v1alpha1.TrainingJobStatus) { status.Error = "sample 3 is broken" })
			},
			code: 3, says: "fails failed: sample 3 is broken",
		},
		"is-cancelled": {
			then: func(_ *running, job *v1alpha1.TrainingJob) { p.record(job, v1alpha1.PhaseCancelled, nil) },
			code: 4, says: "is-cancelled was cancelled",
		},
		"is-deleted": {
			then: func(_ *running, job *v1alpha1.TrainingJob) {
				if err := admin.Delete(t.Context(), job); err != nil {
					t.Error(err)
				}
			},
			code: 4, says: "was deleted",
		},
		// It may be over before anything is shown: the machine may be slow.
		"takes-too-long": {args: []string{"--timeout", "10s"}, code: 124, says: "TrainingJob takes-too-long goes on"},
		"is-interrupted": {then: signalled(syscall.SIGINT), code: 130, says: "interrupted: TrainingJob is-interrupted goes on; look again with: kubectl swath watch -n " + p.namespace},
		"is-terminated":  {then: signalled(syscall.SIGTERM), code: 143, says: "TrainingJob is-terminated goes on"},
	} {
		job := p.job(name, v1alpha1.PhaseRunning, nil)
		watching := p.start(append([]string{"watch", name}, test.args...)...)
		if test.then != nil {
			watching.until("running")
			test.then(watching, job)
		}
		code, stdout, stderr := watching.end()
		if code != test.code || !strings.Contains(stdout+stderr, test.says) {
			t.Errorf("%s: exit code %d, printed:\n%s%s", name, code, stdout, stderr)
		}
	}
}

func signalled(which os.Signal) func(*running, *v1alpha1.TrainingJob) {
	return func(watching *running, _ *v1alpha1.TrainingJob) {
		if err := watching.Process.Signal(which); err != nil {
			watching.t.Error(err)
		}
	}
}

func TestWatchOutlivesTheWayToTheAPIServer(t *testing.T) {
	p := newPerson(t)
	server, err := url.Parse(adminConfig.Host)
	if err != nil {
		t.Fatal(err)
	}
	way := newWire(t, server.Host)
	config, err := clientcmd.BuildConfigFromFlags("", p.kubeconfig)
	if err != nil {
		t.Fatal(err)
	}
	config.Host = way.address
	writeKubeconfig(t, p.kubeconfig, config, p.namespace)
	job := p.job("job", v1alpha1.PhaseQueued, nil)
	watching := p.start("watch", "job")
	watching.until("queued")
	way.cut()
	watching.until("reconnecting: ")
	p.record(job, v1alpha1.PhaseRunning, nil)
	way.join()
	watching.until("running")
	p.record(job, v1alpha1.PhaseSucceeded, func(status *v1alpha1.TrainingJobStatus) { status.TrainedModel = "model-a" })
	if code, stdout, stderr := watching.end(); code != 0 || !strings.Contains(stdout, "model model-a") {
		t.Errorf("exit code %d, printed:\n%s%s", code, stdout, stderr)
	}
}

// Warnings are shown once each, as they come, with nothing in them that moves the cursor.
func TestWatchShowsTheLossAndTheWarnings(t *testing.T) {
	p := newPerson(t)
	job := p.job("job", v1alpha1.PhaseQueued, func(status *v1alpha1.TrainingJobStatus) { status.Warnings = []string{"class 2 has\x1b[2J 3 samples"} })
	watching := p.start("watch", "job")
	watching.until("queued")
	p.record(job, v1alpha1.PhaseRunning, func(status *v1alpha1.TrainingJobStatus) {
		status.Progress = &v1alpha1.Progress{Summary: "epoch 7/45, mean IoU 0.912", Metrics: map[string]string{contract.MetricValidLoss: "0.25"}}
	})
	watching.until("epoch 7/45, mean IoU 0.912  validation loss 0.25")
	p.record(job, v1alpha1.PhaseSucceeded, func(status *v1alpha1.TrainingJobStatus) {
		status.TrainedModel, status.Warnings = "model-a", append(status.Warnings, "the model is not better than always saying the most frequent class")
	})
	code, stdout, stderr := watching.end()
	const want = "warning: class 2 has [2J 3 samples\nwarning: the model is not better than always saying the most frequent class\n"
	if code != 0 || stderr != want {
		t.Errorf("exit code %d, printed:\n%s%s", code, stdout, stderr)
	}
}

func TestSecondInterruptEndsAtOnce(t *testing.T) {
	p := newPerson(t)
	// Opening it takes until somebody writes to it, which nobody does.
	pipe := p.kubeconfig + "-pipe"
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	uploading := p.start("upload", pipe, "--gateway", "http://127.0.0.1:1", "--gateway-token", "t")
	sent := 0
	eventually(t, "the program ends", func() (string, bool) {
		select {
		case <-uploading.ended:
			return "", true
		default:
		}
		// The first may come before the program listens, or two may count as one.
		_ = uploading.Process.Signal(os.Interrupt)
		sent++
		return fmt.Sprint(sent, " interrupts"), false
	})
	if status, ok := uploading.ProcessState.Sys().(syscall.WaitStatus); !ok || status.Signal() != syscall.SIGINT {
		t.Errorf("it ended so: %v", uploading.ProcessState)
	}
}

func TestPlaceBehindTheFirstTenComesFromTheGateway(t *testing.T) {
	p := newPerson(t, "get")
	gateway := startGateway(t)
	waits := func(status *v1alpha1.TrainingJobStatus) {
		status.Conditions = []metav1.Condition{{
			Type: v1alpha1.ConditionRunning, Status: metav1.ConditionFalse, Reason: v1alpha1.ReasonWaitingForSlot,
			Message: "2 jobs run already", LastTransitionTime: metav1.Now(),
		}}
	}
	var last *v1alpha1.TrainingJob
	for i := range 12 {
		last = p.job(fmt.Sprintf("job-%02d", i), v1alpha1.PhaseQueued, waits)
	}
	watching := p.start("watch", last.Name, "--gateway", gateway)
	watching.until("2 jobs run already")
	watching.until(" of 12 in the queue")
	p.record(last, v1alpha1.PhaseRunning, func(status *v1alpha1.TrainingJobStatus) { status.Conditions = nil })
	watching.until("running\n")
	p.record(last, v1alpha1.PhaseSucceeded, nil)
	if code, stdout, stderr := watching.end(); code != 0 || strings.Count(stdout, "in the queue") != 1 {
		t.Errorf("exit code %d, printed:\n%s%s", code, stdout, stderr)
	}
	// Without the gateway the sentence of the operator stays, and it is said once why.
	lonely := p.job("lonely", v1alpha1.PhaseQueued, waits)
	watching = p.start("watch", lonely.Name, "--gateway", "http://127.0.0.1:1")
	watching.until("the place in the queue is not known")
	p.record(lonely, v1alpha1.PhaseCancelled, nil)
	if code, stdout, stderr := watching.end(); code != 4 || strings.Count(stderr, "not known") != 1 {
		t.Errorf("exit code %d, printed:\n%s%s", code, stdout, stderr)
	}
}

func TestCancelWaitsNoLongerThanItIsTold(t *testing.T) {
	p := newPerson(t)
	job := p.job("job", v1alpha1.PhaseRunning, nil)
	begun := time.Now()
	code, stdout, stderr := p.run("cancel", "job", "--wait", "--timeout", "1s")
	if code != 124 || !strings.Contains(stderr, "TrainingJob job is still being cancelled") {
		t.Errorf("after %v exit code %d, printed:\n%s%s", time.Since(begun), code, stdout, stderr)
	}
	cancelling := p.start("cancel", "job", "--wait")
	cancelling.until("is being cancelled")
	if err := admin.Get(t.Context(), keyOf(job), job); err != nil {
		t.Fatal(err)
	}
	p.record(job, v1alpha1.PhaseCancelled, nil)
	if code, stdout, stderr := cancelling.end(); code != 0 || !strings.Contains(stdout, "job cancelled") {
		t.Errorf("exit code %d, printed:\n%s%s", code, stdout, stderr)
	}
	if code, _, stderr := p.run("resume", "job"); code != 1 || !strings.Contains(stderr, "job is already cancelled") {
		t.Errorf("resuming it is answered %d %s", code, stderr)
	}
}
