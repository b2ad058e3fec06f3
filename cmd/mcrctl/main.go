// Command mcrctl is the region's side of the wire on a command line: it reads
// a patient's record from an agent as a broker would, fills the site's consent
// flags, and asks how an agent is. It is a reference for people who write a
// broker, and a means of acceptance for people who install an agent.
//
// Nothing is checked here that the agent checks, so that its refusals can be
// seen. What mcrctl does check is the answer: see package edge.
package main

import "os"

func main() { os.Exit(run(os.Args[1:], os.Stdin, os.Stdout, os.Stderr)) }
