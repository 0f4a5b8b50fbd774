// Package version says what version a program is.
package version

import "runtime/debug"

// Version is set by the linker; see the Makefile.
var Version = ""

// String is the version of this program: the linker's, else the one of the
// module, else "dev".
func String() string {
	if Version != "" {
		return Version
	}
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" && info.Main.Version != "(devel)" {
		return info.Main.Version
	}
	return "dev"
}
