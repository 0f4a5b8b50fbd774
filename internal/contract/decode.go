package contract

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
)

// maxWarningCount bounds a count that is only told.
const maxWarningCount = 1 << 20

// ErrNoMessage means that a text is not a Message (it may be the end of a log).
var ErrNoMessage = errors.New("not a message of the trainer")

// Decode reads a termination message. One that the kubelet has cut is read as far
// as it goes: what proves the result comes first. What only tells of the result
// never makes a message invalid.
func Decode(text string) (Message, error) {
	var m Message
	text = strings.TrimSpace(text)
	if !strings.HasPrefix(text, "{") {
		return m, ErrNoMessage
	}
	if err := m.read(text); err != nil {
		return m, fmt.Errorf("%w: %w", ErrNoMessage, err)
	}
	if m.Job == "" || m.Stage == "" {
		return m, fmt.Errorf("%w: it names no job or no stage", ErrNoMessage)
	}
	if m.Start < 0 || m.Training.negative() || m.Validation.negative() {
		return m, fmt.Errorf("%w: it has a count below 0", ErrNoMessage)
	}
	m.bound()
	return m, nil
}

// read reads the fields of the object that the text begins with, up to its end or
// to where the text is cut.
func (m *Message) read(text string) error {
	decoder := json.NewDecoder(strings.NewReader(text))
	if _, err := decoder.Token(); err != nil {
		return err
	}
	whole := func() bool { return int(decoder.InputOffset()) < len(text) }
	for decoder.More() {
		name, err := decoder.Token()
		if err != nil {
			return unlessCut(err)
		}
		at := decoder.InputOffset()
		var value json.RawMessage
		if err := decoder.Decode(&value); err != nil {
			if name == "warnings" {
				m.readWarnings(strings.TrimLeft(text[at:], ": "))
			}
			return unlessCut(err)
		}
		// A number at the very end may go on after the cut.
		if !whole() {
			return nil
		}
		if err := m.set(fmt.Sprint(name), value); err != nil {
			return err
		}
	}
	if _, err := decoder.Token(); err != nil {
		return unlessCut(err)
	}
	if whole() {
		return errors.New("something follows it")
	}
	return nil
}

// unlessCut is nil for an error that only says that the text has ended.
func unlessCut(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return nil
	}
	return err
}

// readWarnings reads the warnings of a list one by one, so that those before a cut
// arrive. Whatever is no sentence is passed over.
func (m *Message) readWarnings(list string) {
	decoder := json.NewDecoder(strings.NewReader(list))
	if begin, err := decoder.Token(); err != nil || begin != json.Delim('[') {
		return
	}
	for decoder.More() {
		var value json.RawMessage
		if err := decoder.Decode(&value); err != nil {
			return
		}
		var warning string
		optional(value, &warning)
		if warning != "" {
			m.Warnings = append(m.Warnings, warning)
		}
	}
}

// set sets the field of that name. Only what proves the result has to be of the
// right type.
func (m *Message) set(name string, value json.RawMessage) error {
	if proof := m.proof(name); proof != nil {
		return json.Unmarshal(value, proof)
	}
	switch name {
	case "summary":
		optional(value, &m.Summary)
	case "epoch":
		optional(value, &m.Epoch)
	case "epochs":
		optional(value, &m.Epochs)
	case "step":
		optional(value, &m.Step)
	case "steps":
		optional(value, &m.Steps)
	case "checkpoint":
		optional(value, &m.Checkpoint)
	case "bestEpoch":
		optional(value, &m.BestEpoch)
	case "metrics":
		optional(value, &m.Metrics)
	case "hyperparameters":
		m.Hyperparameters = value
	case "warningCount":
		optional(value, &m.WarningCount)
	case "warnings":
		m.readWarnings(string(value))
	}
	return nil
}

// proof is the field of that name if it is one that proves the result, or says why
// there is none.
func (m *Message) proof(name string) any {
	switch name {
	case "job":
		return &m.Job
	case "start":
		return &m.Start
	case "stage":
		return &m.Stage
	case "error":
		return &m.Error
	case "training":
		return &m.Training
	case "validation":
		return &m.Validation
	case "model":
		return &m.Model
	case "manifest":
		return &m.Manifest
	case "resultsFile":
		return &m.ResultsFile
	}
	return nil
}

// optional reads a value, and leaves out one of another type.
func optional[T any](value json.RawMessage, into *T) {
	var read T
	if json.Unmarshal(value, &read) == nil {
		*into = read
	}
}

// bound leaves out what is out of bounds: a message comes from a Pod that runs on
// users' data.
func (m *Message) bound() {
	if checkCounts(m.Epoch, m.Epochs, m.Step, m.Steps) != nil || m.BestEpoch < 0 || m.BestEpoch > m.Epoch {
		m.Epoch, m.Epochs, m.Step, m.Steps, m.BestEpoch = 0, 0, 0, 0, 0
	}
	if m.Checkpoint < 0 || m.Checkpoint > maxProgressCount {
		m.Checkpoint = 0
	}
	if checkMetrics(m.Metrics) != nil {
		m.Metrics = nil
	}
	m.WarningCount = min(max(m.WarningCount, len(m.Warnings)), maxWarningCount)
	m.Summary = cut(m.Summary, maxSummary)
}

func (f *File) negative() bool { return f != nil && (f.Bytes < 0 || f.Samples < 0) }
