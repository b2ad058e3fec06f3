package main

import (
	"path/filepath"

	"golang.org/x/sys/windows"
)

// defaultConfig returns where agent.yaml is unless a flag says otherwise. The
// folder is asked for and not taken from the environment, which any user of a
// service manager can set.
func defaultConfig() string {
	folder, err := windows.KnownFolderPath(windows.FOLDERID_ProgramData, 0)
	if err != nil {
		folder = `C:\ProgramData`
	}
	return filepath.Join(folder, "mcr-agent", "agent.yaml")
}
