// Command kubectl-swath is the kubectl plugin of Swath: put it into the PATH and call it as kubectl swath.
package main

import (
	"os"

	"github.com/swath-dev/swath/internal/plugin"
)

func main() {
	os.Exit(plugin.Main(plugin.SystemStreams(), os.Args))
}
