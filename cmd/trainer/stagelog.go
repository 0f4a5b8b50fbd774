package main

import (
	"io"
	"log/slog"
	"sync"
)

// logTail is how much of the end of a log is kept, in bytes.
const logTail = 64 << 10

// stageLog writes structured lines, and keeps the last of them to be stored with the job: they survive its Pod.
type stageLog struct {
	*slog.Logger
	tail *tail
}

func newStageLog(w io.Writer) *stageLog {
	t := &tail{}
	return &stageLog{slog.New(slog.NewJSONHandler(io.MultiWriter(w, t), nil)), t}
}

// tail keeps the end of what is written to it.
type tail struct {
	mu    sync.Mutex
	bytes []byte
}

// Write implements io.Writer.
func (t *tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.bytes = append(t.bytes, p...)
	if len(t.bytes) > 2*logTail {
		t.bytes = append([]byte(nil), t.bytes[len(t.bytes)-logTail:]...)
	}
	return len(p), nil
}

// Bytes is the end of the log.
func (t *tail) Bytes() []byte {
	t.mu.Lock()
	defer t.mu.Unlock()
	return append([]byte(nil), t.bytes[max(0, len(t.bytes)-logTail):]...)
}
