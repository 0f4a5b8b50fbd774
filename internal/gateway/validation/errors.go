// Package validation checks JSON against schemas and reports what is wrong in the words and the form that FastAPI has, which
// programs written against the documented API read.
package validation

import (
	"fmt"
	"strings"
)

// Problem is one thing that is wrong with a request, as FastAPI reports it.
type Problem struct {
	// Loc says where: "body", "query" or "path", then keys and indexes.
	Loc []any `json:"loc" doc:"Where: body, query or path, then the keys and indexes that lead there."`
	// Msg says what.
	Msg string `json:"msg" doc:"What is wrong, for people."`
	// Type says what in one word of pydantic's, such as missing.
	Type string `json:"type" doc:"What is wrong, for programs: missing, enum, int_type, …"`
}

// Error is a request that breaks its schema.
type Error struct{ Problems []Problem }

func (e *Error) Error() string {
	texts := make([]string, len(e.Problems))
	for i, problem := range e.Problems {
		texts[i] = fmt.Sprintf("%s: %s", where(problem.Loc), problem.Msg)
	}
	return strings.Join(texts, "; ")
}

// New is an error of one problem at loc.
func New(kind, msg string, loc ...any) *Error {
	return &Error{Problems: []Problem{{Loc: loc, Msg: msg, Type: kind}}}
}

// Missing is the error of a field that is required and not there.
func Missing(loc ...any) *Error {
	return New("missing", "Field required", loc...)
}

// Value is the error of a value that breaks a rule of its own.
func Value(msg string, loc ...any) *Error {
	return New("value_error", "Value error, "+msg, loc...)
}

func where(loc []any) string {
	parts := make([]string, len(loc))
	for i, part := range loc {
		parts[i] = fmt.Sprint(part)
	}
	return strings.Join(parts, ".")
}

// Enum is the error of a word that is not one of those allowed.
func Enum(allowed []any, loc ...any) *Error {
	return New("enum", "Input should be "+oneOf(allowed), loc...)
}
