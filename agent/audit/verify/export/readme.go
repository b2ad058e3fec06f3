package export

import (
	"fmt"
	"strings"
	"time"
)

// readme tells the reader of an export what it is and how to verify it.
func (x *Export) readme(made time.Time) string {
	witnessed := "Nobody else has countersigned that head: the proofs are as good as the site's key."
	if len(x.Witnesses) > 0 {
		witnessed = "It was countersigned by " + strings.Join(x.Witnesses, " and ") + "."
	}
	return fmt.Sprintf(`ENTRIES %d TO %d OF THE JOURNAL %s

Made %s.

entries.jsonl  the entries, a line each, as they stand in the journal. What
               names a patient is encrypted with the site's key: only the
               site can read that. Everything else is in the clear, and is
               about people: keep this file as you would keep a record.
checkpoint     a signed statement of the whole journal when it had %d entries.
               %s
proofs.jsonl   for each entry, the proof that it is in that journal.

To verify, with the journal's public key, which you should have from somebody
other than the sender of this file:

    mcrctl audit verify THIS.zip --key KEY [--witness KEY]

How to verify without that program is written in journal-format.md, which
comes with it.
`, x.From, x.To, x.Head.Origin, made.UTC().Format("2 January 2006 15:04:05 UTC"), x.Head.Size, witnessed)
}
