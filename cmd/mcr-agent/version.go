package main

import (
	"fmt"
	"runtime"
	"runtime/debug"
	"time"
)

// release is set when a release is built: -ldflags "-X main.release=1.2.3".
var release = "development"

// now is the clock of the sources.
func now() time.Time { return time.Now() }

// version returns the release, or what source it was built from.
func version() string {
	if info, ok := debug.ReadBuildInfo(); ok && release == "development" {
		for _, s := range info.Settings {
			if s.Key == "vcs.revision" && len(s.Value) >= 12 {
				return release + "-" + s.Value[:12]
			}
		}
	}
	return release
}

// versionCommand prints the version.
type versionCommand struct{}

// Run prints the version.
func (versionCommand) Run(s *streams) error {
	_, err := fmt.Fprintf(s.out, "mcr-agent %s %s/%s %s\n", version(), runtime.GOOS, runtime.GOARCH, runtime.Version())
	return err
}
