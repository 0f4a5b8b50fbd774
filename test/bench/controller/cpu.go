//go:build linux

package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// clockTick is the unit of processor times in /proc: Linux tells programs that a second has 100 of them, whatever the
// kernel's own clock does.
const clockTick = 10 * time.Millisecond

// processorTimes are the processor times that the benchmark's processes have used so far, by their names. Unlike the
// time on the wall they hardly depend on what else the machine does.
func processorTimes() (map[string]time.Duration, error) {
	stats, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		return nil, fmt.Errorf("looking for the benchmark's processes: %w", err)
	}
	times := map[string]time.Duration{}
	for _, path := range stats {
		content, err := os.ReadFile(path)
		if err != nil {
			continue // It has ended in between.
		}
		// The name is in parentheses, and may have some itself.
		_, after, _ := strings.Cut(string(content), "(")
		end := strings.LastIndex(after, ")")
		if end < 0 {
			continue
		}
		fields := strings.Fields(after[end+1:])
		if len(fields) < 13 || fields[1] != strconv.Itoa(os.Getpid()) {
			continue
		}
		user, err := strconv.ParseInt(fields[11], 10, 64)
		if err != nil {
			return nil, fmt.Errorf("reading %s: %w", path, err)
		}
		system, err := strconv.ParseInt(fields[12], 10, 64)
		if err != nil {
			return nil, fmt.Errorf("reading %s: %w", path, err)
		}
		times[after[:end]] += time.Duration(user+system) * clockTick
	}
	return times, nil
}

// spent is what was used since.
func spent(before, after map[string]time.Duration) map[string]time.Duration {
	difference := map[string]time.Duration{}
	for name, t := range after {
		difference[name] = t - before[name]
	}
	return difference
}
