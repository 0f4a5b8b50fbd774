package contract

import (
	"encoding/json"
	"fmt"
	"slices"
	"unicode/utf8"
)

const (
	// MaxMessageBytes is the largest size of a termination message. The kubelet
	// keeps 4 KiB of one.
	MaxMessageBytes = 3 << 10
	// maxProofBytes bounds what has to arrive whatever happens, which comes first.
	// The kubelet keeps 12 KiB for all containers of a Pod and cuts each message to
	// its share: where webhooks add containers, only this much is sure to arrive.
	maxProofBytes = 1 << 10
)

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

	// Model is the ID of the stored model and Manifest the SHA-256 of its
	// manifest (hexadecimal): train's proof of success.
	Model    string `json:"model,omitempty"`
	Manifest string `json:"manifest,omitempty"`
	// ResultsFile is the ID of the results file.
	ResultsFile string `json:"resultsFile,omitempty"`
	// Summary is how it ended in a few words, such as "epoch 45/45, mean IoU 0.935
	// at epoch 33".
	Summary string `json:"summary,omitempty"`

	// Epoch and Step are done, Epochs and Steps were to do. BestEpoch is the one
	// whose weights the model has, from 1.
	Epoch     int32 `json:"epoch,omitempty"`
	Epochs    int32 `json:"epochs,omitempty"`
	Step      int64 `json:"step,omitempty"`
	Steps     int64 `json:"steps,omitempty"`
	BestEpoch int32 `json:"bestEpoch,omitempty"`
	// Checkpoint is the step of the newest checkpoint that is stored; 0 for none.
	Checkpoint int64 `json:"checkpoint,omitempty"`
	// Metrics are those of the stored model by name, and without a model the newest
	// ones.
	Metrics map[string]float64 `json:"metrics,omitempty"`
	// Hyperparameters are those that were used, by their names in the
	// TrainingJob.
	Hyperparameters json.RawMessage `json:"hyperparameters,omitempty"`

	// Warnings are what the user should know though all is well, the most important
	// first. WarningCount is how many there are, with those that are left out since
	// they do not fit.
	WarningCount int      `json:"warningCount,omitempty"`
	Warnings     []string `json:"warnings,omitempty"`
}

// File is a file as it was validated.
type File struct {
	SHA256  string `json:"sha256"`
	Bytes   int64  `json:"bytes"`
	Samples int64  `json:"samples"`
}

// Encode gives the message as JSON of at most MaxMessageBytes, with what proves
// the result and the error in the first maxProofBytes. What counts least is
// shortened and left out first.
func (m Message) Encode() ([]byte, error) {
	m.WarningCount = max(m.WarningCount, len(m.Warnings))
	m.Warnings, m.Metrics = slices.Clone(m.Warnings), FiniteMetrics(m.Metrics)
	if err := m.shortenProof(); err != nil {
		return nil, err
	}
	for _, shorten := range []func() bool{
		func() bool { return m.cutWarnings(240) },
		func() bool { return m.cutWarnings(120) },
		func() bool { return m.dropWarning(4) },
		func() bool { return drop(&m.Hyperparameters) },
		func() bool { return m.dropWarning(0) },
		func() bool { return drop(&m.Metrics) },
	} {
		for {
			data, err := json.Marshal(m)
			if err != nil {
				return nil, fmt.Errorf("encoding the termination message: %w", err)
			}
			if len(data) <= MaxMessageBytes {
				return data, nil
			}
			if !shorten() {
				break
			}
		}
	}
	data, err := json.Marshal(m)
	if err != nil {
		return nil, fmt.Errorf("encoding the termination message: %w", err)
	}
	return data, nil
}

// shortenProof brings what proves the result, and the error, within
// maxProofBytes.
func (m *Message) shortenProof() error {
	steps := []func(){
		func() { m.Summary = cut(m.Summary, maxSummary) },
		func() { m.Error = cut(m.Error, 600) },
		func() { m.Summary = "" },
		func() { m.Error = cut(m.Error, 120) },
		func() { m.Error = cut(m.Error, 40) },
	}
	for i := 0; ; i++ {
		proof := *m
		proof.Metrics, proof.Hyperparameters, proof.Warnings = nil, nil, nil
		data, err := json.Marshal(proof)
		if err != nil {
			return fmt.Errorf("encoding the termination message: %w", err)
		}
		if len(data) <= maxProofBytes {
			return nil
		}
		if i == len(steps) {
			return fmt.Errorf("encoding the termination message: %d bytes of what has to arrive are over the limit of %d", len(data), maxProofBytes)
		}
		steps[i]()
	}
}

// cutWarnings cuts each warning to n bytes, and reports whether one was longer.
func (m *Message) cutWarnings(n int) bool {
	longer := false
	for i, warning := range m.Warnings {
		m.Warnings[i] = cut(warning, n)
		longer = longer || len(warning) > n
	}
	return longer
}

// dropWarning leaves out the last warning if there are more than n.
func (m *Message) dropWarning(n int) bool {
	if len(m.Warnings) <= n {
		return false
	}
	m.Warnings = m.Warnings[:len(m.Warnings)-1]
	return true
}

// drop leaves a part out, and reports whether it was there.
func drop[T ~[]byte | ~map[string]float64](part *T) bool {
	there := len(*part) > 0
	*part = nil
	return there
}

// WarningsLeftOut is how many warnings did not fit into the message.
func (m *Message) WarningsLeftOut() int { return max(0, m.WarningCount-len(m.Warnings)) }

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
