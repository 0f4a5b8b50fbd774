package manager

import (
	"github.com/go-logr/logr"

	"github.com/swath-dev/swath/internal/namespaces"
)

// quiet is the logger without the errors that a namespace makes that is being deleted:
// nothing can be made in it, events least of all. They are logged as details.
func quiet(logger logr.Logger) logr.Logger {
	return logger.WithSink(quietSink{logger.GetSink()})
}

type quietSink struct{ logr.LogSink }

// WithValues is part of logr.LogSink.
func (q quietSink) WithValues(values ...any) logr.LogSink {
	return quietSink{q.LogSink.WithValues(values...)}
}

// WithName is part of logr.LogSink.
func (q quietSink) WithName(name string) logr.LogSink { return quietSink{q.LogSink.WithName(name)} }

// Error is part of logr.LogSink.
func (q quietSink) Error(err error, message string, values ...any) {
	switch {
	case !namespaces.IsTerminating(err):
		q.LogSink.Error(err, message, values...)
	case q.Enabled(1):
		q.Info(1, message, append(values, "cause", err.Error())...)
	}
}
