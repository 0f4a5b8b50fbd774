//go:build linux

package main

import (
	"fmt"
	"os"
	"runtime"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// conditions are those under which the figures were measured: versions, machine and settings. What instructions a figure of PyTorch was
// measured with stands beside the figure.
type conditions map[string]string

// flagsThatMatter are the instructions that the engines know what to do with.
var flagsThatMatter = []string{"avx2", "fma", "avx512f", "avx512bw", "avx512vl", "avx512_vnni", "avx512_bf16", "amx_tile"}

func (s settings) conditions() conditions {
	model, flags := cpuOf(read("/proc/cpuinfo"))
	c := conditions{
		"date": time.Now().UTC().Format(time.DateOnly), "go": runtime.Version(), "cpu": model, "cpu flags": flags,
		"cores": fmt.Sprint(runtime.NumCPU()), "threads": fmt.Sprint(s.threads), "clock": s.clock, "rounds": fmt.Sprint(s.rounds), "precision": "float32",
		"layout": "PyTorch channels_last", "onnxruntime": "left out",
	}
	var name unix.Utsname
	if err := unix.Uname(&name); err == nil {
		c["kernel"] = unix.ByteSliceToString(name.Release[:])
	}
	return c
}

// addVersions adds what the processes say of themselves.
func (c conditions) addVersions(found []measured) {
	for _, f := range found {
		for name, version := range f.answer.Versions {
			if name != "capability" && version != "" {
				c[name] = version
			}
		}
	}
}

// cpuOf finds the processor and those of its flags that matter in the text of /proc/cpuinfo.
func cpuOf(info string) (model, flags string) {
	model = runtime.GOARCH
	for line := range strings.Lines(info) {
		name, value, _ := strings.Cut(line, ":")
		switch value = strings.TrimSpace(value); strings.TrimSpace(name) {
		case "model name":
			model = value
		case "flags":
			var has []string
			for _, f := range flagsThatMatter {
				if strings.Contains(" "+value+" ", " "+f+" ") {
					has = append(has, f)
				}
			}
			return model, strings.Join(has, " ")
		}
	}
	return model, ""
}

// loadAverage is the machine's over the last minute. Beside our own two threads there should be none: a busy machine slows those most that
// wait for each other in a spinning loop, as PyTorch's do.
func loadAverage() string {
	minute, _, _ := strings.Cut(read("/proc/loadavg"), " ")
	return minute
}

func read(path string) string {
	data, err := os.ReadFile(path)
	if err != nil {
		return "unknown"
	}
	return string(data)
}
