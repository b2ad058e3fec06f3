// Command mcr-bench measures the agent against bare grpc-go that streams the
// same bytes: policy, consent, a journal on disk and a source in memory, over
// mutual TLS on loopback.
//
// Absolute times on a shared machine mean little, so everything is a ratio
// within one run. Both servers are processes of their own and take turns
// within every round; CPU is compared by the least of all rounds, throughput
// and latency by the median of the paired ratios. Bare grpc-go also runs
// against itself: when that ratio is not close to 1, the machine is too noisy
// to judge. Every answer is checked, and the journal's entries are counted: a
// fast wrong answer is a failure.
package main

import (
	"flag"
	"fmt"
	"os"
	"time"
)

func main() {
	if len(os.Args) > 2 && os.Args[1] == childFlag {
		os.Exit(runChild(os.Args[2]))
	}
	rounds := flag.Int("rounds", 7, "how often both sides take turns")
	work := flag.Duration("work", 700*time.Millisecond, "about how long one turn takes")
	only := flag.String("only", "", "measure one step only: same, 2KB-8, 50KB-64, 50KB-8, 1MB-8, 50KB-1, documents, count or startup")
	folder := flag.String("folder", "", "folder for the journal; must be on a real disk (default: a temporary one)")
	flag.Usage = func() {
		fmt.Fprintln(flag.CommandLine.Output(), "mcr-bench measures the agent against bare grpc-go.\n\nExample:\n  go run ./cmd/mcr-bench -rounds 7")
		flag.PrintDefaults()
	}
	flag.Parse()
	if err := run(*folder, *only, *rounds, *work); err != nil {
		fmt.Fprintln(os.Stderr, "mcr-bench:", err)
		os.Exit(1)
	}
}

// run makes a region in a folder and measures.
func run(folder, only string, rounds int, work time.Duration) error {
	made, err := os.MkdirTemp(folder, "mcr-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(made)
	b, err := newBench(made, rounds, work)
	if err != nil {
		return err
	}
	b.only = only
	defer b.close()
	return b.run(os.Stdout)
}
