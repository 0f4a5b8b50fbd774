// Package lifecycle decides what becomes of a TrainingJob. It is pure: it gets
// what was observed as values and gives back the status to record and what to
// do next. It has no client and reads no clock.
//
// Phase and conditions are computed afresh each time. From the past only what is
// recorded for good is read: an end, the ID, the validated files, the counts of
// starts and retries, the attempts, and since when a Pod is blocked.
package lifecycle

//go:generate go run ../../hack/gendocs ../../api/v1alpha1/reasons.go ../../docs/phases.md
