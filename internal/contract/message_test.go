package contract

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"unicode/utf8"
)

// full is a message with everything in it, each part with that many bytes.
func full(warning, errorText, summary, hyperparameters int) Message {
	return Message{
		Job: "trainingjob-5ms9ja6hk2x0", Start: 2, Stage: StageTrain,
		Error:    strings.Repeat("e", errorText),
		Training: &File{SHA256: strings.Repeat("a", 64), Bytes: 1, Samples: 2},
		Warnings: []string{strings.Repeat("w", warning), strings.Repeat("w", warning)},
		Summary:  strings.Repeat("s", summary),
		Model:    "model-5ms9ja6hk2x0", Manifest: strings.Repeat("b", 64),
		Hyperparameters: json.RawMessage(`"` + strings.Repeat("h", hyperparameters) + `"`),
	}
}

// What counts least goes first, and never what proves a result.
func TestALongMessageIsShortenedInOrder(t *testing.T) {
	cases := map[string]struct {
		message Message
		// These are the lengths that are left of warnings, hyperparameters, summary
		// and error.
		warnings, warning, hyperparameters, summary, errorText int
	}{
		"all fits":                  {full(20, 20, 20, 20), 2, 20, 22, 20, 20},
		"warnings are cut":          {full(400, 20, 20, 20), 2, 120, 22, 20, 20},
		"warnings go":               {full(120, 500, 20, 20), 0, 0, 22, 20, 500},
		"then hyperparameters":      {full(120, 500, 20, 300), 0, 0, 0, 20, 500},
		"then the summary":          {full(120, 500, 300, 300), 0, 0, 0, 0, 500},
		"then the error is cut":     {full(120, 900, 300, 300), 0, 0, 0, 0, 600},
		"and the error is cut more": {withLongNames(full(120, 900, 300, 300)), 0, 0, 0, 0, 120},
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
			if got.Job != c.message.Job || got.Start != 2 || got.Model != c.message.Model || got.Manifest != c.message.Manifest || *got.Training != *c.message.Training {
				t.Errorf("what proves the result is lost: %s", data)
			}
		})
	}
}

func withLongNames(m Message) Message {
	m.ResultsFile = "file-" + strings.Repeat("f", 300)
	return m
}

func TestEncodingLeavesTheMessageAsItIs(t *testing.T) {
	m := full(900, 900, 900, 900)
	if _, err := m.Encode(); err != nil {
		t.Fatal(err)
	}
	if len(m.Warnings) != 2 || len(m.Warnings[0]) != 900 || len(m.Error) != 900 {
		t.Errorf("the message has become %+v", m)
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
			Training: &File{SHA256: strings.Repeat("a", 64), Bytes: max(0, count), Samples: max(0, count)},
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
