package agent

import (
	"time"

	"github.com/mycarerecord/edge-agent/agent/audit"
	"github.com/mycarerecord/edge-agent/agent/care"
	"github.com/mycarerecord/edge-agent/agent/config"
)

// window is how many entries are read at once where the journal is read from
// its end.
const window = 4096

// backwards calls look with the entries of the journal, window by window from
// the newest, each window in order, until look returns false or there are no
// more. entries is how many the journal has.
func backwards(site *config.Site, entries uint64, look func([]audit.Line) bool) error {
	for to := entries; to > 0; {
		from := uint64(1)
		if to > window {
			from = to - window + 1
		}
		var lines []audit.Line
		for line, err := range audit.ReadWith(JournalFolder(site), site.Journal.ArchiveFolder, from, to) {
			if care.ReasonOf(err) == audit.ReasonDamaged {
				continue // what can be read counts
			}
			if err != nil {
				return err
			}
			lines = append(lines, line)
		}
		if len(lines) == 0 || !look(lines) {
			return nil
		}
		to = from - 1
	}
	return nil
}

// failedEpoch is above every epoch that a store reaches; one that has failed
// says it to make everyone look again.
const failedEpoch = 1 << 62

// anchorOf returns the newest epoch of the consent store that the journal has
// seen, or 0. A store that is behind it was put back from the past.
func anchorOf(site *config.Site, entries uint64) (anchor uint64, err error) {
	err = backwards(site, entries, func(lines []audit.Line) bool {
		for i := range lines {
			if epoch := lines[i].ConsentEpoch; epoch < failedEpoch {
				anchor = max(anchor, epoch)
			}
		}
		return anchor == 0
	})
	return anchor, err
}

// since calls look with the entries from a time on, oldest first.
func since(site *config.Site, entries uint64, from time.Time, look func(*audit.Line)) error {
	var windows [][]audit.Line
	err := backwards(site, entries, func(lines []audit.Line) bool {
		windows = append(windows, lines)
		return !lines[0].Time.Before(from)
	})
	for i := len(windows) - 1; i >= 0; i-- {
		for n := range windows[i] {
			if line := &windows[i][n]; !line.Time.Before(from) {
				look(line)
			}
		}
	}
	return err
}
