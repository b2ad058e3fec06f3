package main

import (
	"fmt"
	"runtime"
	"runtime/debug"
)

// version is the command "version".
type version struct{}

// Help returns the examples.
func (*version) Help() string {
	return `Example:

    mcrctl version`
}

// Run writes the version.
func (*version) Run(p *program) error {
	fmt.Fprintf(p.stdout, "mcrctl %s %s/%s %s\n", buildVersion(), runtime.GOOS, runtime.GOARCH, runtime.Version())
	return nil
}

// buildVersion returns the version that the Go toolchain put into the program.
func buildVersion() string {
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" {
		return info.Main.Version
	}
	return "unknown"
}
