//go:build !linux

package main

import "errors"

var errLinuxOnly = errors.New("CPU and memory of processes are measured on Linux only")

func processUsage(bool) (usage, error) { return usage{}, errLinuxOnly }

func memoryOf(string) (rss, peak int64, err error) { return 0, 0, errLinuxOnly }
