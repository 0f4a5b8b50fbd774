// Command pause does nothing until it is told to end. Each Pod has one such process, which holds the namespaces that
// its containers share.
package main

import (
	"os"
	"os/signal"
	"syscall"
)

func main() {
	end := make(chan os.Signal, 1)
	signal.Notify(end, syscall.SIGINT, syscall.SIGTERM)
	<-end
}
