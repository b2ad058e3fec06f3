// Package proto holds the wire contract between the agent and the region's
// broker; the messages and services are in proto/mcr/edge/v1, with the
// generated Go code beside them.
//
// Generating needs buf, protoc-gen-go and protoc-gen-go-grpc; .ci/tools
// installs the versions that the project uses.
package proto

//go:generate buf generate
