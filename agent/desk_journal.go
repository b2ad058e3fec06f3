package agent

import (
	"context"
	"fmt"
	"iter"
	"slices"
	"strings"

	"github.com/mycarerecord/edge-agent/agent/audit"
	"github.com/mycarerecord/edge-agent/agent/care"
	"github.com/mycarerecord/edge-agent/agent/consent"
)

// remembered is what one entry of the journal tells of patients' choices, or a
// stretch of entries that may have told of some and cannot be read.
type remembered struct {
	entry uint64
	consent.Restored
	whole bool // a complete list was handed in: what came before is made up for
	gap   gap
}

// gap is a range of entries, both ends included: archived out of reach, deleted,
// damaged, or sealed under another key. The zero gap is none.
type gap struct{ from, to uint64 }

// choices yields what the entries from to to tell of patients' choices, of those
// that took effect, and the gaps between them. An error is the last thing
// yielded.
func (d desk) choices(ctx context.Context, from, to uint64) iter.Seq2[remembered, error] {
	return func(yield func(remembered, error) bool) {
		if from > to {
			return
		}
		next := from
		for line, err := range audit.ScanWith(JournalFolder(d.agent.site), d.agent.site.Journal.ArchiveFolder, from, to) {
			if care.ReasonOf(err) == audit.ReasonDamaged {
				continue // the entries that are missed for it make the gap
			}
			if err == nil {
				err = ctx.Err()
			}
			if err != nil {
				yield(remembered{}, err)
				return
			}
			missed := missedBefore(&line, next)
			if missed != (gap{}) && !yield(remembered{gap: missed}, nil) {
				return
			}
			next = line.Sequence + 1
			if told := d.recall(&line); told != (remembered{}) && !yield(told, nil) {
				return
			}
		}
		if next <= to {
			yield(remembered{gap: gap{next, to}}, nil)
		}
	}
}

// missedBefore returns the entries before a line that cannot be read. Numbers
// that never became entries are none if all that they were to tell was written
// later. What a journal that was begun anew does not hold cannot be counted.
func missedBefore(line *audit.Line, next uint64) gap {
	switch {
	case line.Kind == care.JournalRenewed || line.Lost > 0:
		return gap{min(next, line.Sequence), line.Sequence}
	case line.Sequence <= next:
		return gap{}
	case line.MissingFrom == next && line.MissingTo == line.Sequence-1:
		return gap{}
	}
	return gap{next, line.Sequence - 1}
}

// recall returns what one entry tells; nothing, if it tells of no choice or of
// one that took no effect. An entry of which that cannot be known is a gap.
func (d desk) recall(scanned *audit.Line) remembered {
	unreadable := remembered{gap: gap{scanned.Sequence, scanned.Sequence}}
	switch scanned.Kind {
	case care.ConsentChanged, care.ConsentLinked, care.ConsentRebuilt:
	default:
		return remembered{}
	}
	line, err := audit.Decode(scanned)
	if err == nil {
		err = d.agent.keys.Box.Reveal(&line)
	}
	if err != nil {
		return unreadable
	}
	if line.Refusal != "" {
		return remembered{}
	}
	told, ok := remembered{entry: line.Sequence}, true
	switch {
	case line.Kind == care.ConsentRebuilt:
		told.whole = line.TrueReason == completeList
	case line.Kind == care.ConsentLinked:
		told.Link, ok = linkOf(&line)
	case line.Directive != nil:
		told.Directive, ok = directiveOf(&line)
	default: // a push of the region
		return remembered{}
	}
	if !ok {
		return unreadable
	}
	return told
}

var authorities = []care.Authority{care.Region, care.Site, care.SourceFlag}

// directiveOf returns the directive of an entry that tells of one.
func directiveOf(line *audit.Line) (*care.Directive, bool) {
	said := line.Directive
	kind, known := care.ParseDirectiveKind(said.Kind)
	authority := slices.IndexFunc(authorities, func(a care.Authority) bool { return a.String() == said.Authority })
	if !known || authority < 0 || line.NHSNumber.IsZero() {
		return nil, false
	}
	d := &care.Directive{NHSNumber: line.NHSNumber, Kind: kind, Authority: authorities[authority], Source: said.Source, Effective: said.Effective,
		Recorded: said.Recorded, By: said.By, Code: care.Coding{System: said.CodeSystem, Code: said.Code}}
	for _, code := range said.Organisations {
		d.Scope.Organisations = append(d.Scope.Organisations, care.ODSCode(code))
	}
	for _, name := range said.Sections {
		section, known := care.ParseSection(name)
		if !known {
			return nil, false
		}
		d.Scope.Sections = d.Scope.Sections.With(section)
	}
	return d, true
}

// linkOf returns the link that an entry tells of.
func linkOf(line *audit.Line) (*consent.Link, bool) {
	code, by, _ := strings.Cut(line.Detail, foundBy)
	for _, what := range linkKinds {
		if what.code == code && !line.NHSNumber.IsZero() {
			return &consent.Link{Old: line.Linked, New: line.NHSNumber, What: what.kind, At: line.Received, By: by}, true
		}
	}
	return nil, false
}

// kept yields what the journal has kept of what the site said, and then a list
// that a person vouches is complete, if there is one. Without a list it ends
// with an error if anything cannot be read that no earlier list has made up for.
func (d desk) kept(ctx context.Context, list []care.Directive) iter.Seq2[consent.Restored, error] {
	return func(yield func(consent.Restored, error) bool) {
		var missed []gap
		for told, err := range d.choices(ctx, 1, d.agent.journal.Status().Entries) {
			switch {
			case err != nil:
				yield(consent.Restored{}, err)
				return
			case told.gap != gap{}:
				missed = append(missed, told.gap)
			case told.whole:
				missed = nil
			case told.Link == nil && (told.Directive == nil || told.Directive.Authority != care.Site):
			case !yield(told.Restored, nil):
				return
			}
		}
		if len(missed) > 0 && list == nil {
			yield(consent.Restored{}, incomplete(missed))
			return
		}
		for i := range list {
			if !yield(consent.Restored{Directive: &list[i], New: true}, nil) {
				return
			}
		}
	}
}

// incomplete says that the journal does not hold all that the site has said.
func incomplete(missed []gap) *care.Error {
	return &care.Error{Kind: care.ConsentUnavailable, Op: "agent.consent", Reason: "JOURNAL_INCOMPLETE",
		Detail: fmt.Sprintf("journal entries %d to %d cannot be read (gaps: %d) and may tell of statements of the site; if the consent store is lost, "+
			"stop the agent and hand in the site's own list with 'mcr-agent consent import --complete FILE'", missed[0].from, missed[0].to, len(missed))}
}
