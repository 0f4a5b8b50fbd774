package main

import (
	"os"
	"runtime/debug"
)

// collectAt is how much garbage there may be for what is in use, in per cent, unless the environment has GOGC: the pieces of
// uploads that are stored already must not pile up.
const collectAt = 50

func boundGarbage() {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(collectAt)
	}
}
