package training

import (
	"bufio"
	"fmt"
	"os"
	"strconv"
	"strings"
)

// MemoryError says that a training cannot fit in the memory that it has.
type MemoryError struct{ Need, Limit int64 }

func (e *MemoryError) Error() string {
	return fmt.Sprintf("training needs about %s of memory and may use %s; raise the memory limit, or lower batchSize or modelSize",
		Bytes(e.Need), Bytes(e.Limit))
}

// Bytes writes a number of bytes for people.
func Bytes(n int64) string {
	switch {
	case n >= 10<<30:
		return fmt.Sprintf("%.0f GiB", float64(n)/(1<<30))
	case n >= 1<<30:
		return fmt.Sprintf("%.1f GiB", float64(n)/(1<<30))
	case n >= 1<<20:
		return fmt.Sprintf("%d MiB", (n+1<<20-1)>>20)
	}
	return fmt.Sprintf("%d KiB", (n+1<<10-1)>>10)
}

// MemoryLimit is how many bytes this process may use: the limit of its control group, or all memory of the machine.
func MemoryLimit() int64 {
	limit := machineMemory()
	for _, path := range []string{"/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"} {
		text, err := os.ReadFile(path)
		if err != nil {
			continue
		}
		n, err := strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64)
		if err == nil && n > 0 && n < limit {
			limit = n
		}
	}
	return limit
}

// unknownMemory is taken where the system does not say how much there is.
const unknownMemory = 4 << 30

func machineMemory() int64 { return kibibytes("/proc/meminfo", "MemTotal:", unknownMemory) }

// PeakMemory is the largest resident size of this process so far, in bytes; 0 where the system does not say.
func PeakMemory() int64 { return kibibytes("/proc/self/status", "VmHWM:", 0) }

// ResidentMemory is the resident size of this process, in bytes; 0 where the system does not say.
func ResidentMemory() int64 { return kibibytes("/proc/self/status", "VmRSS:", 0) }

// kibibytes reads a line such as "VmHWM:  1234 kB" of a file.
func kibibytes(path, key string, fallback int64) int64 {
	file, err := os.Open(path)
	if err != nil {
		return fallback
	}
	defer file.Close()
	for lines := bufio.NewScanner(file); lines.Scan(); {
		fields := strings.Fields(lines.Text())
		if len(fields) >= 2 && fields[0] == key {
			if n, err := strconv.ParseInt(fields[1], 10, 64); err == nil {
				return n << 10
			}
		}
	}
	return fallback
}
