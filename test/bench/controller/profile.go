//go:build linux

package main

// profile does nothing yet.
func (b *bench) profile(run controllerRun, name string) func() error {
	return func() error { return nil }
}
