//go:build !linux

package main

import "time"

type floor struct{}

func newFloor(string) (*floor, error) { return nil, errLinuxOnly }

func (*floor) median(int) (time.Duration, error) { return 0, errLinuxOnly }

func (*floor) close() {}
