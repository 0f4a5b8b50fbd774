package plugin

import (
	"bytes"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/creack/pty"
	"github.com/mattn/go-runewidth"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/swath-dev/swath/api/v1alpha1"
)

func pemOf(certificate *x509.Certificate) string {
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: certificate.Raw}))
}

// onTerminal gives what is written to a terminal of the given width.
func onTerminal(t *testing.T, columns uint16, write func(io.Writer)) string {
	t.Helper()
	master, terminal, err := pty.Open()
	if err != nil {
		t.Skipf("this machine has no pseudo terminals: %v", err)
	}
	defer master.Close()
	if err := pty.Setsize(terminal, &pty.Winsize{Rows: 24, Cols: columns}); err != nil {
		t.Fatal(err)
	}
	shown := make(chan string)
	go func() {
		data, _ := io.ReadAll(master) // Linux ends it with an error.
		shown <- string(data)
	}()
	write(terminal)
	if err := terminal.Close(); err != nil {
		t.Fatal(err)
	}
	return <-shown
}

func TestTerminalGetsOneLineThatFits(t *testing.T) {
	long := "running  [############............]  epoch 7/40, mean IoU 0.912  船船船船船船  validation loss 0.25\nsecond line\x1b[2J  1m30s left"
	for _, columns := range []uint16{20, 40, 80, 200} {
		text := onTerminal(t, columns, func(out io.Writer) {
			line := newLiveLine(out)
			line.show(long)
			line.note(out, "beside it")
			line.show("succeeded")
			line.end()
		})
		shown := strings.Split(strings.ReplaceAll(text, "beside it\r\n", ""), eraseLine)
		if len(shown) < 3 {
			t.Fatalf("%d columns: the line is not written over: %q", columns, text)
		}
		for _, part := range shown {
			if width := runewidth.StringWidth(strings.TrimRight(part, "\r\n")); width >= int(columns) {
				t.Errorf("%d columns: a line of %d: %q", columns, width, part)
			}
		}
		if strings.Count(text, "\n") != 2 || strings.Contains(text, "\x1b[2J") {
			t.Errorf("%d columns: more than the note and the end goes on to a next line: %q", columns, text)
		}
	}
}

func TestPipeGetsWholeLines(t *testing.T) {
	var out bytes.Buffer
	line := newLiveLine(&out)
	long := strings.Repeat("x", 300)
	for _, text := range []string{"queued", "queued", long, "two\nlines"} {
		line.show(text)
	}
	line.end()
	if want := "queued\n" + long + "\ntwo lines\n"; out.String() != want {
		t.Errorf("printed %q", out.String())
	}
}

func TestTransferIsShownOnTerminalsOnly(t *testing.T) {
	name := strings.Repeat("long", 50) + ".h5"
	var pipe bytes.Buffer
	if _, err := io.Copy(io.Discard, newTransfer(strings.NewReader("abc"), &pipe, name, 3)); err != nil || pipe.Len() > 0 {
		t.Errorf("a pipe gets %q (%v)", pipe.String(), err)
	}
	text := onTerminal(t, 50, func(out io.Writer) {
		if _, err := io.Copy(io.Discard, newTransfer(strings.NewReader("abc"), out, name, 3)); err != nil {
			t.Error(err)
		}
	})
	if !strings.HasSuffix(text, eraseLine) {
		t.Errorf("the line stays: %q", text)
	}
	for _, part := range strings.Split(text, eraseLine) {
		if runewidth.StringWidth(part) >= 50 {
			t.Errorf("a line of %d: %q", runewidth.StringWidth(part), part)
		}
	}
}

func TestPlaceBehindTheFirstTenIsShown(t *testing.T) {
	job := &v1alpha1.TrainingJob{Status: v1alpha1.TrainingJobStatus{Phase: v1alpha1.PhaseQueued, Conditions: []metav1.Condition{
		{Type: v1alpha1.ConditionRunning, Reason: v1alpha1.ReasonWaitingForSlot, Message: "2 jobs run already"},
	}}}
	now := time.Unix(1700000000, 0)
	for want, place := range map[string]queuePlace{
		"queued  2 jobs run already":          {},
		"queued  place 11 of 14 in the queue": {Position: 11, Length: 14},
	} {
		if got := describe(job, place, now); got != want {
			t.Errorf("place %d: %q, not %q", place.Position, got, want)
		}
	}
	job.Status.Phase = v1alpha1.PhaseRunning
	if got := describe(job, queuePlace{Position: 11, Length: 14}, now); strings.Contains(got, "place") {
		t.Errorf("once it runs: %q", got)
	}
}

func TestExitCodesTellTheOutcomesApart(t *testing.T) {
	in := func(phase v1alpha1.Phase) *v1alpha1.TrainingJob {
		return &v1alpha1.TrainingJob{Status: v1alpha1.TrainingJobStatus{Phase: phase}}
	}
	for name, test := range map[string]struct {
		err  error
		want int
	}{
		"failed":    {outcome(in(v1alpha1.PhaseFailed), "a", nil), 3},
		"cancelled": {outcome(in(v1alpha1.PhaseCancelled), "a", nil), 4},
		"deleted":   {outcome(nil, "a", fmt.Errorf("watching: %w", errGone)), 4},
	} {
		var own *exitError
		if !errors.As(test.err, &own) || own.code != test.want {
			t.Errorf("%s: %v", name, test.err)
		}
	}
	if err := outcome(in(v1alpha1.PhaseSucceeded), "a", nil); err != nil {
		t.Errorf("succeeded: %v", err)
	}
}
