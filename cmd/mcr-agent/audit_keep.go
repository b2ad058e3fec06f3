package main

import (
	"context"
	"fmt"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/mycarerecord/edge-agent/agent"
	"github.com/mycarerecord/edge-agent/agent/care"
	edgev1 "github.com/mycarerecord/edge-agent/proto/mcr/edge/v1"
)

// auditArchive moves closed segments to the archive folder.
type auditArchive struct {
	siteFlag
	OlderThan time.Duration `default:"720h" placeholder:"DURATION" help:"Move only segments whose last entry is older than this."`
}

// Help shows examples.
func (auditArchive) Help() string {
	return `Moves closed segments of the journal to the folder journal.archive_folder of agent.yaml, such as one on a larger or safer disk. Every entry is compared with the journal's tree before the original is removed, and that they were moved is itself an entry; a damaged segment is moved as it is, and the entry is an alert. Archived entries are searched, reported and verified like the others as long as the folder is there.

Examples:
  mcr-agent audit archive
  mcr-agent audit archive --older-than 2160h`
}

// Run moves them.
func (c auditArchive) Run(s *streams) error {
	line, err := c.open(s)
	if err != nil {
		return err
	}
	defer line.close()
	before := time.Now().Add(-c.OlderThan)
	reply, err := line.audit.ArchiveJournal(context.Background(), &edgev1.ArchiveJournalRequest{Before: timestamppb.New(before)})
	if err != nil {
		return refusedBy(err)
	}
	if reply.GetSegments() == 0 {
		fmt.Fprintln(s.out, "There was nothing to move: no closed segment is that old.")
		return nil
	}
	fmt.Fprintf(s.out, "Moved to the archive folder: %s.\n", care.Count(reply.GetSegments(), "segment"))
	return nil
}

// auditRenew begins a new journal in the place of one that lost entries.
type auditRenew struct {
	siteFlag
	Reason string `required:"" placeholder:"TEXT" help:"What happened and who decided to begin anew. It becomes the first entry."`
}

// Help shows examples.
func (auditRenew) Help() string {
	return `For a journal that lost entries, so that nothing is released any more (reasons ROLLED_BACK, REWRITTEN, NO_HEAD and DAMAGED), when no whole copy of it is left. Stop the agent first. The old folder is kept beside the new one. Witnesses will refuse the new journal until they are told: tell the region.

Examples:
  mcr-agent audit verify
  mcr-agent audit renew --reason "disk failed on 3 March, no backup; decided by A. Example, practice manager"`
}

// Run begins the new journal.
func (c auditRenew) Run(s *streams) error {
	site, err := c.load()
	if err != nil {
		return err
	}
	if err := agent.RenewJournal(site, c.Reason, logger("warn", s.err)); err != nil {
		return err
	}
	fmt.Fprintln(s.out, "A new journal was begun; the old one is beside it. Start the agent, and tell the region: its witness refuses the new journal until it is told.")
	return nil
}
