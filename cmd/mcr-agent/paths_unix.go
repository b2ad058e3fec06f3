//go:build !windows

package main

// defaultConfig returns where agent.yaml is unless a flag says otherwise.
func defaultConfig() string { return "/etc/mcr-agent/agent.yaml" }
