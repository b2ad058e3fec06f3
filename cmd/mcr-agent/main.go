// Command mcr-agent is the My Care Record edge agent: the service beside one
// organisation's record system, and the command line of the people who look
// after it.
package main

import "os"

func main() { os.Exit(run(os.Args[1:], os.Stdin, os.Stdout, os.Stderr)) }
