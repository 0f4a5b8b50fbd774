package contract

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"
)

// MaxMessageBytes is the largest size of a termination message: with it the
// messages of all containers of a Pod fit in what the kubelet keeps.
const MaxMessageBytes = 1024

// Message is what a stage says when it ends, as JSON at
// TerminationMessagePath. It names the job and the start it is about, so that a
// message of another one is never taken for it.
type Message struct {
	Job   string `json:"job"`
	Start int32  `json:"start"`
	Stage Stage  `json:"stage"`

	// Error is the sentence for status.error; empty after success.
	Error string `json:"error,omitempty"`

	// Training and Validation are the files as validate found them.
	Training   *File `json:"training,omitempty"`
	Validation *File `json:"validation,omitempty"`
	// Warnings are what the user should know though all is well.
	Warnings []string `json:"warnings,omitempty"`

	// Model is the ID of the stored model and Manifest the SHA-256 of its
	// manifest (hexadecimal): train's proof of success.
	Model    string `json:"model,omitempty"`
	Manifest string `json:"manifest,omitempty"`
	// ResultsFile is the ID of the results file.
	ResultsFile string `json:"resultsFile,omitempty"`
	// Summary is the last progress in a few words, so that a short training
	// that nobody asked for progress shows how it ended.
	Summary string `json:"summary,omitempty"`
	// Hyperparameters are those that were used, by their names in the
	// TrainingJob.
	Hyperparameters json.RawMessage `json:"hyperparameters,omitempty"`
}

// File is a file as it was validated.
type File struct {
	SHA256  string `json:"sha256"`
	Bytes   int64  `json:"bytes"`
	Samples int64  `json:"samples"`
}

// Encode gives the message as JSON of at most MaxMessageBytes: warnings go
// first when it is too long, then hyperparameters and summary, and the error is
// cut at the end.
func (m Message) Encode() ([]byte, error) {
	shorten := []func(){
		func() {
			for i, w := range m.Warnings {
				m.Warnings[i] = cut(w, 120)
			}
		},
		func() { m.Warnings = nil },
		func() { m.Hyperparameters = nil },
		func() { m.Summary = "" },
		func() { m.Error = cut(m.Error, 600) },
		func() { m.Error = cut(m.Error, 120) },
	}
	m.Warnings = append([]string(nil), m.Warnings...)
	for i := 0; ; i++ {
		data, err := json.Marshal(m)
		if err != nil {
			return nil, fmt.Errorf("encoding the termination message: %w", err)
		}
		if len(data) <= MaxMessageBytes {
			return data, nil
		}
		if i == len(shorten) {
			return nil, fmt.Errorf("encoding the termination message: %d bytes are over the limit of %d", len(data), MaxMessageBytes)
		}
		shorten[i]()
	}
}

// ErrNoMessage means that a text is not a Message (it may be the end of a log).
var ErrNoMessage = errors.New("not a message of the trainer")

// Decode reads a termination message.
func Decode(text string) (Message, error) {
	var m Message
	text = strings.TrimSpace(text)
	if !strings.HasPrefix(text, "{") {
		return m, ErrNoMessage
	}
	if err := json.Unmarshal([]byte(text), &m); err != nil {
		return m, fmt.Errorf("%w: %w", ErrNoMessage, err)
	}
	if m.Job == "" || m.Stage == "" {
		return m, fmt.Errorf("%w: it names no job or no stage", ErrNoMessage)
	}
	if m.Start < 0 || m.Training.negative() || m.Validation.negative() {
		return m, fmt.Errorf("%w: it has a count below 0", ErrNoMessage)
	}
	return m, nil
}

func (f *File) negative() bool { return f != nil && (f.Bytes < 0 || f.Samples < 0) }

// cut shortens s to at most n bytes at a boundary of runes, with an ellipsis.
func cut(s string, n int) string {
	const ellipsis = "…"
	if len(s) <= n {
		return s
	}
	end := n - len(ellipsis)
	for end > 0 && !utf8.RuneStart(s[end]) {
		end--
	}
	return s[:end] + ellipsis
}
