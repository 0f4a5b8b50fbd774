package contract

import (
	"encoding/json"
	"errors"
	"maps"
	"math"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"
)

// full is a message with everything in it: so many warnings of so many bytes, and
// an error, a summary and hyperparameters of so many.
func full(warnings, warning, errorText, summary, hyperparameters int) Message {
	return Message{
		Job: "trainingjob-5ms9ja6hk2x0", Start: 2, Stage: StageTrain,
		Error:    strings.Repeat("e", errorText),
		Training: &File{SHA256: strings.Repeat("a", 64), Bytes: 1, Samples: 2},
		Warnings: slices.Repeat([]string{strings.Repeat("w", warning)}, warnings),
		Summary:  strings.Repeat("s", summary),
		Model:    "model-5ms9ja6hk2x0", Manifest: strings.Repeat("b", 64),
		Epoch: 45, Epochs: 45, Step: 900, Steps: 900, BestEpoch: 33,
		Metrics:         map[string]float64{MetricValidMeanIoU: 0.9351234567890123, MetricValidLoss: 0.0625},
		Hyperparameters: json.RawMessage(`"` + strings.Repeat("h", hyperparameters) + `"`),
	}
}

// What counts least goes first, and never what proves a result.
func TestALongMessageIsShortenedInOrder(t *testing.T) {
	cases := map[string]struct {
		message Message
		// These are the number of warnings and the lengths that are left of a warning,
		// hyperparameters, summary and error.
		warnings, warning, hyperparameters, summary, errorText int
	}{
		"all fits":                     {full(2, 900, 20, 20, 20), 2, 900, 22, 20, 20},
		"warnings are cut":             {full(5, 700, 20, 20, 20), 5, 240, 22, 20, 20},
		"and cut more":                 {full(14, 700, 20, 20, 20), 14, 120, 22, 20, 20},
		"the last warnings go":         {full(40, 700, 20, 20, 400), 17, 120, 402, 20, 20},
		"then hyperparameters":         {full(40, 700, 20, 20, 3000), 4, 120, 0, 20, 20},
		"a long summary is cut":        {full(0, 0, 20, 900, 20), 0, 0, 22, 128, 20},
		"a long error is cut":          {full(0, 0, 900, 20, 20), 0, 0, 22, 20, 600},
		"before it the summary goes":   {withLongNames(full(0, 0, 900, 120, 20), 10), 0, 0, 22, 0, 600},
		"and the error is cut more":    {withLongNames(full(0, 0, 900, 20, 20), 300), 0, 0, 22, 0, 120},
		"an error as long as there is": {full(0, 0, 600, 20, 20), 0, 0, 22, 20, 600},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			data, err := c.message.Encode()
			if err != nil {
				t.Fatal(err)
			}
			if len(data) > MaxMessageBytes {
				t.Errorf("the message has %d bytes", len(data))
			}
			got, err := Decode(string(data))
			if err != nil {
				t.Fatal(err)
			}
			warning := 0
			if len(got.Warnings) > 0 {
				warning = len(got.Warnings[0])
			}
			if len(got.Warnings) != c.warnings || warning != c.warning || len(got.Hyperparameters) != c.hyperparameters ||
				len(got.Summary) != c.summary || len(got.Error) != c.errorText {
				t.Errorf("left are %d warnings of %d bytes, hyperparameters of %d, a summary of %d, an error of %d",
					len(got.Warnings), warning, len(got.Hyperparameters), len(got.Summary), len(got.Error))
			}
			if got.WarningsLeftOut() != len(c.message.Warnings)-c.warnings {
				t.Errorf("%d warnings are said to be left out", got.WarningsLeftOut())
			}
			if !proves(got, c.message) || got.BestEpoch != 33 || got.Epochs != 45 || !maps.Equal(got.Metrics, c.message.Metrics) {
				t.Errorf("what proves or tells the result is lost: %s", data)
			}
		})
	}
}

// proves reports whether got proves what the message does.
func proves(got, message Message) bool {
	return got.Job == message.Job && got.Start == message.Start && got.Stage == message.Stage && got.Model == message.Model &&
		got.Manifest == message.Manifest && *got.Training == *message.Training
}

func withLongNames(m Message, n int) Message {
	m.ResultsFile = "file-" + strings.Repeat("f", n)
	return m
}

// In a Pod with many containers the kubelet keeps less than a message of each.
func TestAMessageThatTheKubeletCutsStillProvesItsResult(t *testing.T) {
	m := full(9, 200, 90, 90, 200)
	data, err := m.Encode()
	if err != nil {
		t.Fatal(err)
	}
	for length := maxProofBytes; length <= len(data); length++ {
		got, err := Decode(string(data[:length]))
		if err != nil || !proves(got, m) || got.Error != m.Error || got.Summary != m.Summary {
			t.Fatalf("cut to %d of %d bytes it is read as %+v: %v", length, len(data), got, err)
		}
		if got.Epochs != 0 && got.Epochs != m.Epochs || got.Steps != 0 && got.Steps != m.Steps {
			t.Fatalf("cut to %d bytes its counts are %+v", length, got)
		}
		for _, warning := range got.Warnings {
			if warning != m.Warnings[0] {
				t.Fatalf("cut to %d bytes it has the warning %q", length, warning)
			}
		}
		if total := len(got.Warnings) + got.WarningsLeftOut(); total != 0 && total != len(m.Warnings) {
			t.Fatalf("cut to %d bytes it has %d warnings in all", length, total)
		}
	}
	if got, _ := Decode(string(data[:len(data)-20])); len(got.Warnings) != len(m.Warnings)-1 {
		t.Errorf("with the last warning cut, %d arrive", len(got.Warnings))
	}
}

// A figure or a warning that is none must not cost a job its model.
func TestWhatOnlyTellsOfTheResultNeverMakesAMessageInvalid(t *testing.T) {
	const proof = `{"job":"trainingjob-x","start":1,"stage":"train","model":"model-x",`
	for name, rest := range map[string]string{
		"an infinite metric":            `"metrics":{"validLoss":1e999}}`,
		"a metric that is a word":       `"metrics":{"validLoss":"good"}}`,
		"a metric without a name":       `"metrics":{"":1}}`,
		"more metrics than are taken":   withMetrics(33)[1:],
		"an epoch below 0":              `"epoch":-1,"epochs":3}`,
		"a best epoch after the last":   `"epoch":1,"epochs":3,"bestEpoch":2}`,
		"an epoch out of range":         `"epochs":4294967297}`,
		"a step that is no number":      `"step":"many"}`,
		"warnings that are no list":     `"warnings":{"a":["b"]}}`,
		"warnings that are numbers":     `"warnings":[1,null,[2]]}`,
		"a count of warnings that lies": `"warningCount":-7}`,
	} {
		t.Run(name, func(t *testing.T) {
			m, err := Decode(proof + rest)
			if err != nil || m.Model != "model-x" {
				t.Fatalf("it is read as %+v with the error %v", m, err)
			}
			if len(m.Metrics) > 0 || m.Epoch != 0 || m.Epochs != 0 || m.BestEpoch != 0 || len(m.Warnings) > 0 || m.WarningsLeftOut() != 0 {
				t.Errorf("it is read as %+v", m)
			}
		})
	}
}

func TestEncodingLeavesTheMessageAsItIs(t *testing.T) {
	m := full(9, 900, 900, 900, 900)
	if _, err := m.Encode(); err != nil {
		t.Fatal(err)
	}
	if len(m.Warnings) != 9 || len(m.Warnings[0]) != 900 || len(m.Error) != 900 || m.WarningCount != 0 {
		t.Errorf("the message has become %+v", m)
	}
}

// A loss that is no number ends a training, and must not end its message.
func TestFiguresThatAreNoNumbersAreLeftOut(t *testing.T) {
	m := Message{Job: "trainingjob-x", Stage: StageTrain, Error: "the loss is NaN", Metrics: map[string]float64{
		MetricLoss: math.Inf(1), MetricTrainLoss: math.NaN(), MetricValidLoss: 0.5,
	}}
	data, err := m.Encode()
	if err != nil {
		t.Fatal(err)
	}
	if got, err := Decode(string(data)); err != nil || got.Error != m.Error || len(got.Metrics) != 1 || got.Metrics[MetricValidLoss] != 0.5 {
		t.Errorf("it is read as %+v (%v)", got, err)
	}
}

func TestAMessageThatCannotBeShortEnoughIsAnError(t *testing.T) {
	m := Message{Job: strings.Repeat("j", 2000), Stage: StageTrain}
	if _, err := m.Encode(); err == nil || !strings.Contains(err.Error(), "over the limit of 1024") {
		t.Errorf("the error is %v", err)
	}
}

func TestWhatIsNoMessageIsRefused(t *testing.T) {
	cases := map[string]string{
		"nothing":                   "",
		"the end of a log":          "Traceback (most recent call last):\n  {\"job\": 1}",
		"a cut message":             `{"job":"trainingjob-x","start":1,"stage":"tra`,
		"no job":                    `{"start":1,"stage":"train"}`,
		"no stage":                  `{"job":"trainingjob-x","start":1}`,
		"a job that is a number":    `{"job":7,"start":1,"stage":"train"}`,
		"a start out of range":      `{"job":"trainingjob-x","start":4294967297,"stage":"train"}`,
		"a start below 0":           `{"job":"trainingjob-x","start":-1,"stage":"train"}`,
		"a count that is NaN":       `{"job":"trainingjob-x","start":1,"stage":"validate","training":{"samples":NaN}}`,
		"a count that is infinite":  `{"job":"trainingjob-x","start":1,"stage":"validate","training":{"samples":1e999}}`,
		"a count that is no number": `{"job":"trainingjob-x","start":1,"stage":"validate","training":{"samples":1.5}}`,
		"samples below 0":           `{"job":"trainingjob-x","start":1,"stage":"validate","training":{"samples":-1}}`,
		"bytes below 0":             `{"job":"trainingjob-x","start":1,"stage":"validate","validation":{"bytes":-1}}`,
		"more than one value":       `{"job":"trainingjob-x","start":1,"stage":"train"} {}`,
	}
	for name, text := range cases {
		t.Run(name, func(t *testing.T) {
			if m, err := Decode(text); !errors.Is(err, ErrNoMessage) {
				t.Errorf("it is read as %+v with the error %v", m, err)
			}
		})
	}
}

// Whatever a trainer has to say arrives, in valid UTF-8 and within the bound.
func FuzzEncode(f *testing.F) {
	f.Add("file-train: sample 7 is NaN", "class 2 has 3 samples only", "epoch 40/40", int32(1), int64(10))
	f.Add(strings.Repeat("\x00", 2000), strings.Repeat("€", 700), strings.Repeat("<&>", 500), int32(3), int64(0))
	f.Add(strings.Repeat("\xff", 3000), strings.Repeat("\\\"", 700), "\u2028", int32(9), int64(1)<<60)
	f.Fuzz(func(t *testing.T, errorText, warning, summary string, start int32, count int64) {
		m := Message{
			Job: "trainingjob-5ms9ja6hk2x0", Start: max(0, start), Stage: StageValidate, Error: errorText,
			Warnings: []string{warning, warning, warning}, Summary: summary,
			Training:   &File{SHA256: strings.Repeat("a", 64), Bytes: max(0, count), Samples: max(0, count)},
			Validation: &File{SHA256: strings.Repeat("b", 64), Bytes: max(0, count), Samples: max(0, count)},
		}
		data, err := m.Encode()
		if err != nil {
			t.Fatal(err)
		}
		if len(data) > MaxMessageBytes || !utf8.Valid(data) {
			t.Errorf("%d bytes, valid UTF-8: %t", len(data), utf8.Valid(data))
		}
		got, err := Decode(string(data))
		if err != nil {
			t.Fatal(err)
		}
		if got.Job != m.Job || got.Start != m.Start || got.Stage != m.Stage || *got.Training != *m.Training {
			t.Errorf("%s is read as %+v", data, got)
		}
		if errorText != "" && got.Error == "" {
			t.Errorf("the error is lost: %s", data)
		}
	})
}

// A termination message comes from a Pod that runs on users' data.
func FuzzDecode(f *testing.F) {
	f.Add(`{"job":"trainingjob-5ms9ja6hk2x0","start":1,"stage":"train","model":"model-5ms9ja6hk2x0"}`)
	f.Add(`{"job":"j","stage":"validate","training":{"samples":-9}}`)
	f.Fuzz(func(t *testing.T, text string) {
		m, err := Decode(text)
		if err != nil {
			if !errors.Is(err, ErrNoMessage) {
				t.Errorf("the error is %v", err)
			}
			return
		}
		if m.Job == "" || m.Stage == "" || m.Start < 0 || m.Training != nil && m.Training.Samples < 0 {
			t.Errorf("%q is read as %+v", text, m)
		}
	})
}
