// Package hostile tests the built mcr-agent against callers, files, disks and
// moments that mean it no good: malformed and oversized requests, certificates
// that are wrong, stolen or over, a full disk, a journal that is taken away,
// kill -9, callers who hang up, configuration with faults. It holds tests only,
// behind the build tag e2e:
//
//	go test -tags e2e ./cmd/internal/e2e/hostile
//
// They build the program as it is released and watch it from outside: over the
// wire, through its journal, its log and its exit code, and through the
// operating system (/proc, strace). The flags -releases, -stalls and -soak make
// some of them longer; see .ci/long. They run on Linux and need root (some tests
// mount a small disk), e2fsprogs, strace, and for the client of another ecosystem
// python3-grpcio, python3-protobuf and protobuf-compiler. What is missing fails
// the test; nothing is skipped.
package hostile
