package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/mycarerecord/edge-agent/agent"
	"github.com/mycarerecord/edge-agent/agent/care"
	"github.com/mycarerecord/edge-agent/agent/consent/inbox"
	edgev1 "github.com/mycarerecord/edge-agent/proto/mcr/edge/v1"
)

// consentImport records the statements of a file.
type consentImport struct {
	siteFlag
	File     string `arg:"" type:"path" help:"CSV file with the header nhs_number,directive,effective,by and perhaps more columns."`
	DryRun   bool   `name:"dry-run" help:"Check the file and record nothing."`
	Complete bool   `help:"After the consent store was lost: the file holds all that this site has ever recorded. The agent must be stopped."`
}

// Help shows the format and examples.
func (consentImport) Help() string {
	return `The file is read and checked as a whole first: one line that is wrong, and nothing is recorded. To hand it in again does no harm.

  nhs_number,directive,effective,by
  9990000018,DISSENT,2026-03-01,Reception

directive is DISSENT, CONSENT, RESTRICTION or UNRESTRICTED; effective is a date or a time with its offset. The columns recorded, organisations, sections, code_system and code may follow.

Examples:
  mcr-agent consent import optouts.csv
  mcr-agent consent import optouts.csv --dry-run
  mcr-agent consent import everything.csv --complete`
}

// Run records the statements of the file.
func (c consentImport) Run(s *streams) error {
	all, info, err := readStatements(c.File)
	if err != nil {
		return err
	}
	switch {
	case c.DryRun:
		fmt.Fprintf(s.out, "The file is in order: %s. Nothing was recorded.\n", kindsIn(all))
		return nil
	case c.Complete:
		return c.restore(s, all)
	}
	site, err := c.open(s)
	if err != nil {
		return err
	}
	defer site.close()
	changed, entry := 0, uint64(0)
	done := 0
	for batch := range batchesOf(all) {
		reply, err := site.consent.RecordDirectives(context.Background(), &edgev1.RecordDirectivesRequest{Directives: batch, File: info.String()})
		if err != nil {
			return fmt.Errorf("%d of %s are recorded; once this is put right import the whole file again, which does no harm: %w", done, care.Count(len(all), "statement"), refusedBy(err))
		}
		done += len(batch)
		changed += int(reply.GetChanged())
		entry = reply.GetJournalSequence()
		if done < len(all) {
			fmt.Fprintf(s.err, "%d of %d\n", done, len(all))
		}
	}
	others := ""
	if changed < len(all) {
		others = " The others were known, or a later statement stands over them: see consent show."
	}
	fmt.Fprintf(s.out, "%s read and recorded, %d of them changed what is in force.%s Journal entry %d.\n", care.Count(len(all), "statement"), changed, others, entry)
	return nil
}

// readStatements reads and checks a whole file.
func readStatements(path string) ([]care.Directive, inbox.Info, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, inbox.Info{}, keyError(care.BadRequest, "UNREADABLE", path+" cannot be opened; check its path and who may read it", err)
	}
	defer func() { _ = file.Close() }() // only read from
	if is, err := file.Stat(); err != nil || is.IsDir() {
		return nil, inbox.Info{}, keyError(care.BadRequest, "UNREADABLE", path+" is not a file", err)
	}
	info, err := inbox.Describe(file)
	if err != nil {
		return nil, info, notTaken(path, err)
	}
	var all []care.Directive
	for d, err := range inbox.Parse(file, time.Now()) {
		if err != nil {
			return nil, info, notTaken(path, err)
		}
		all = append(all, d)
	}
	return all, info, nil
}

// notTaken says of a file that it is refused, as the agent would refuse it.
func notTaken(path string, err error) error {
	return &refusedError{filepath.Base(path) + ": " + care.Plain(err)}
}

// kindsIn counts statements by kind.
func kindsIn(all []care.Directive) string {
	counts := map[care.DirectiveKind]int{}
	for i := range all {
		counts[all[i].Kind]++
	}
	text := care.Count(len(all), "statement")
	for kind := care.Dissent; kind.Valid(); kind++ {
		text += fmt.Sprintf(", %d %s", counts[kind], kind)
	}
	return text
}

// Limits of one message: the agent takes 1,000 directives and 256 KiB.
const (
	perMessage   = 1000
	messageBytes = 200 << 10
)

// batchesOf yields statements in as few messages as the agent takes.
func batchesOf(all []care.Directive) func(yield func([]*edgev1.Directive) bool) {
	return func(yield func([]*edgev1.Directive) bool) {
		var batch []*edgev1.Directive
		size := 0
		for i := range all {
			m := directiveMessage(&all[i])
			if len(batch) == perMessage || size+proto.Size(m) > messageBytes {
				if !yield(batch) {
					return
				}
				batch, size = nil, 0
			}
			batch, size = append(batch, m), size+proto.Size(m)+8 // and what says how long it is
		}
		if len(batch) > 0 {
			yield(batch)
		}
	}
}

// restore hands a complete list to a store that was lost.
func (c consentImport) restore(s *streams, all []care.Directive) error {
	site, err := c.load()
	if err != nil {
		return err
	}
	if conn, err := net.Dial("unix", agent.SocketPath(site)); err == nil {
		return errors.Join(keyError(care.Conflict, "RUNNING", "the agent is running; stop it first (mcr-agent service stop)", nil), conn.Close())
	}
	err = agent.RestoreConsent(context.Background(), c.deskOptions(site, s), "site:"+account(), all)
	if err != nil {
		return err
	}
	fmt.Fprintf(s.out, "In the store now: %s of the list, and those that the journal still holds. Start the agent; the region has to send its list before anything is released.\n", care.Count(len(all), "statement"))
	return nil
}
