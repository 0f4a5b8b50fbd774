package s3

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"sync"
)

// build gives the path of the server's program and builds it when the cache folder lacks it.
var build = sync.OnceValues(func() (string, error) {
	_, here, _, ok := runtime.Caller(0)
	if !ok {
		return "", errors.New("finding the folder of this package")
	}
	module := filepath.Join(filepath.Dir(here), "versitygw")
	program, err := cached(module)
	if err != nil {
		return "", err
	}
	if _, err := os.Stat(program); !errors.Is(err, fs.ErrNotExist) {
		return program, err
	}
	folder := filepath.Dir(program)
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return "", err
	}
	// Built beside its place and then moved: several tests may build at once.
	scratch, err := os.MkdirTemp(folder, ".building-*")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(scratch)
	built := filepath.Join(scratch, "versitygw")
	command := exec.Command("go", "build", "-trimpath", "-ldflags", "-s -w", "-o", built, "github.com/versity/versitygw/cmd/versitygw")
	command.Dir = module
	command.Env = append(os.Environ(), "CGO_ENABLED=0", "GOWORK=off", "GOFLAGS=")
	if output, err := command.CombinedOutput(); err != nil {
		return "", fmt.Errorf("go build in %s: %w\n%s", module, err, output)
	}
	return program, os.Rename(built, program)
})

// cached is where the program of exactly this module, compiler and platform is kept.
func cached(module string) (string, error) {
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", err
	}
	var about bytes.Buffer
	fmt.Fprintln(&about, runtime.Version(), runtime.GOOS, runtime.GOARCH)
	for _, name := range []string{"go.mod", "go.sum"} {
		content, err := os.ReadFile(filepath.Join(module, name))
		if err != nil {
			return "", err
		}
		about.Write(content)
	}
	sum := sha256.Sum256(about.Bytes())
	return filepath.Join(cache, "swath", "s3", hex.EncodeToString(sum[:])[:16], "versitygw"), nil
}
