package plugin

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/go-logr/logr"
	"github.com/spf13/cobra"
	"k8s.io/cli-runtime/pkg/genericiooptions"
	"sigs.k8s.io/controller-runtime/pkg/log"
)

// The exit codes; whatever is not among them is codeError. docs/kubectl-plugin.md has them as a table.
const (
	codeError     = 1
	codeFailed    = 3
	codeCancelled = 4
	// codeTimeout is that of timeout(1).
	codeTimeout = 124
	// codeSignal is what shells add to the number of the signal that ended a program.
	codeSignal = 128
)

// exitError is an error that has an exit code of its own.
type exitError struct {
	code int
	error
}

func (e *exitError) Unwrap() error { return e.error }

// signalError is the cause of a context that a signal has ended.
type signalError struct{ os.Signal }

func (e *signalError) Error() string {
	if e.Signal == os.Interrupt {
		return "interrupted"
	}
	return "ended by the signal " + e.String()
}

func (e *signalError) code() int {
	if number, ok := e.Signal.(syscall.Signal); ok {
		return codeSignal + int(number)
	}
	return codeError
}

// timeoutError is the cause of a context whose --timeout has passed.
type timeoutError struct{ time.Duration }

func (e *timeoutError) Error() string { return fmt.Sprintf("--timeout %v has passed", e.Duration) }

// Main runs the command line of a process (its own name first) and returns the exit code.
func Main(streams genericiooptions.IOStreams, line []string) int {
	// Without a logger the client complains after a while, in the middle of what is shown.
	log.SetLogger(logr.Discard())
	ctx, stop := untilSignal(context.Background())
	defer stop()
	streams = plain(streams)
	command := NewCommand(streams)
	command.SetArgs(arguments(line))
	err := command.ExecuteContext(ctx)
	if err == nil {
		return 0
	}
	var own *exitError
	var signalled *signalError
	if !errors.As(err, &own) && errors.As(context.Cause(ctx), &signalled) {
		// What the command was doing was cut off, and says no more than that.
		err = &exitError{signalled.code(), signalled}
	}
	fmt.Fprintln(streams.ErrOut, "error:", err)
	if errors.As(err, &own) {
		return own.code
	}
	return codeError
}

// arguments are those of the command. Under the name kubectl_complete-swath, by which kubectl looks for the completion of
// its plugin, the program completes.
func arguments(line []string) []string {
	if strings.TrimSuffix(filepath.Base(line[0]), ".exe") == "kubectl_complete-swath" {
		return append([]string{cobra.ShellCompRequestCmd}, line[1:]...)
	}
	return line[1:]
}

// untilSignal gives a context that ends with the first signal, so that the command ends in order. From then on signals do
// what they always do, so that the second one ends the process at once.
func untilSignal(parent context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancelCause(parent)
	received := make(chan os.Signal, 1)
	signal.Notify(received, os.Interrupt, syscall.SIGTERM)
	go func() {
		select {
		case which := <-received:
			signal.Stop(received)
			cancel(&signalError{which})
		case <-ctx.Done():
		}
	}()
	return ctx, func() {
		signal.Stop(received)
		cancel(nil)
	}
}

// withTimeout ends the context after the time of --timeout; 0 is none.
func withTimeout(ctx context.Context, timeout time.Duration) (context.Context, context.CancelFunc) {
	if timeout <= 0 {
		return context.WithCancel(ctx)
	}
	return context.WithTimeoutCause(ctx, timeout, &timeoutError{timeout})
}

// stoppedWaiting explains why waiting for a job has ended before the job did, with the exit code that says so; rest says
// what becomes of the job.
func stoppedWaiting(ctx context.Context, err error, rest string) error {
	var signalled *signalError
	var late *timeoutError
	switch cause := context.Cause(ctx); {
	case errors.As(cause, &signalled):
		return &exitError{signalled.code(), fmt.Errorf("%w: %s", signalled, rest)}
	case errors.As(cause, &late):
		return &exitError{codeTimeout, fmt.Errorf("%w: %s", late, rest)}
	}
	return err
}
