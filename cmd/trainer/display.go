package main

import (
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"
	"time"

	"golang.org/x/term"

	"github.com/swath-dev/swath/internal/plaintext"
	"github.com/swath-dev/swath/internal/training"
)

// display shows how training goes: a bar on a terminal, a structured line for each epoch elsewhere.
type display struct {
	w io.Writer
	// bar is whether w is a terminal, and drawn when the bar was last drawn.
	bar   bool
	drawn time.Time
	log   *slog.Logger
}

func newDisplay(w io.Writer) *display {
	file, ok := w.(*os.File)
	return &display{
		w: w, bar: ok && term.IsTerminal(int(file.Fd())),
		log: slog.New(slog.NewTextHandler(w, nil)),
	}
}

// redraw is how often the bar is drawn at most.
const redraw = 100 * time.Millisecond

// clear begins the line again and empties it.
const clearLine = "\r\x1b[K"

func (d *display) warn(text string) {
	if d.bar {
		fmt.Fprintf(d.w, "%swarning: %s\n", clearLine, plaintext.Line(text))
		return
	}
	d.log.Warn(text)
}

// checking says on a terminal what is done before anything is known of the files. The next line is written over it.
func (d *display) checking() {
	if d.bar {
		fmt.Fprint(d.w, "reading and checking the files")
	}
}

// end clears the line that is written over, so that an error has one of its own.
func (d *display) end() {
	if d.bar {
		fmt.Fprint(d.w, clearLine)
	}
}

func (d *display) settings(session *training.Session) {
	s := session.Settings()
	if d.bar {
		fmt.Fprintf(d.w, clearLine+"%d classes, %d epochs in batches of %d, learning rate %g, seed %d\n", s.NumClasses, s.Epochs, s.BatchSize, s.LearningRate, s.Seed)
		return
	}
	d.log.Info("training", "classes", s.NumClasses, "epochs", s.Epochs, "batchSize", s.BatchSize, "learningRate", s.LearningRate, "seed", s.Seed)
}

func (d *display) resumed(step int) {
	if d.bar {
		fmt.Fprintf(d.w, "going on from the checkpoint of step %d\n", step)
		return
	}
	d.log.Info("resumed from a checkpoint", "step", step)
}

func (d *display) watch(s training.Snapshot, epoch bool) {
	switch {
	case !d.bar && epoch:
		d.log.Info("epoch", epochValues(s)...)
	case !d.bar && s.Doing != "":
		d.log.Info(s.Doing, "left", duration(s.Left))
	case d.bar && (epoch || s.Doing != "" || s.At.Sub(d.drawn) >= redraw):
		d.drawn = s.At
		d.draw(s)
	}
}

// epochValues are the keys and values of the line of an epoch.
func epochValues(s training.Snapshot) []any {
	values := []any{"epoch", s.Epoch, "epochs", s.Epochs, "step", s.Step, "steps", s.Steps}
	if row := s.Last; row != nil {
		values = append(values, "trainLoss", short(row.Train.Loss), "trainAccuracy", short(row.Train.Accuracy))
		if row.Valid != nil {
			values = append(values, "validLoss", short(row.Valid.Loss), "validAccuracy", short(row.Valid.Accuracy), "validMeanIoU", short(row.Valid.MeanIoU))
		}
		values = append(values, "learningRate", short(row.LearningRate), "weights", row.Weights, "samplesPerSecond", short(row.SamplesPerSecond))
	}
	return append(values, "left", duration(s.Left))
}

// short rounds to four significant digits.
func short(v float64) string { return fmt.Sprintf("%.4g", v) }

const barWidth = 28

func (d *display) draw(s training.Snapshot) {
	done := 0
	if s.Steps > 0 {
		done = barWidth * s.Step / s.Steps
	}
	line := fmt.Sprintf("%s%s  %s  loss %.4f  %.0f chips/s", strings.Repeat("█", done), strings.Repeat("░", barWidth-done), s.Summary(), s.Loss, s.SamplesPerSecond)
	if s.Left > 0 {
		line += "  " + duration(s.Left) + " left"
	}
	fmt.Fprint(d.w, clearLine+d.fit(line))
}

// fit cuts a line to the width of the terminal: a longer one could not be drawn over.
func (d *display) fit(line string) string {
	file, ok := d.w.(*os.File)
	if !ok {
		return line
	}
	width, _, err := term.GetSize(int(file.Fd()))
	letters := []rune(line)
	if err != nil || width < 1 || len(letters) < width {
		return line
	}
	return string(letters[:width-1])
}

func (d *display) finish(o *training.Outcome) {
	d.end()
	for _, warning := range o.NewWarnings {
		d.warn(warning)
	}
	m := o.Manifest.Metrics
	if m.Validation == nil {
		return
	}
	if d.bar {
		fmt.Fprintf(d.w, "validation: accuracy %.4f, macro F1 %.4f, mean IoU %.4f, loss %.4f (epoch %d of %d)\n",
			m.Validation.Accuracy, m.Validation.MacroF1, m.Validation.MeanIoU, m.Validation.Loss, m.Epoch, o.Manifest.Training.Epochs)
		return
	}
	d.log.Info("validation", "accuracy", short(m.Validation.Accuracy), "macroF1", short(m.Validation.MacroF1),
		"meanIoU", short(m.Validation.MeanIoU), "loss", short(m.Validation.Loss), "epoch", m.Epoch)
}

// duration is a time for people: two units at most.
func duration(d time.Duration) string {
	switch {
	case d >= time.Hour:
		return fmt.Sprintf("%dh%02dm", d/time.Hour, d%time.Hour/time.Minute)
	case d >= time.Minute:
		return fmt.Sprintf("%dm%02ds", d/time.Minute, d%time.Minute/time.Second)
	case d >= 10*time.Second:
		return fmt.Sprintf("%ds", d/time.Second)
	}
	return fmt.Sprintf("%.1fs", d.Seconds())
}
