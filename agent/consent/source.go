package consent

import (
	"github.com/mycarerecord/edge-agent/agent/care"
	"github.com/mycarerecord/edge-agent/agent/consent/rule"
)

// slotOf returns the set of a source.
func (s *Store) slotOf(source string) (int, error) {
	for i := range s.opts.Sources {
		if s.opts.Sources[i].Name == source {
			return s.slots[i], nil
		}
	}
	return 0, failure(care.BadRequest, ReasonSource, "the source is not one of those whose directives are kept", nil)
}

// readFrom makes statements of what a source says; none of a consent or lifting
// that does not hold yet.
func (s *Store) readFrom(source string, d *care.Directive) ([]rule.Statement, error) {
	if d.Source != "" && d.Source != source {
		return nil, failure(care.BadRequest, "AUTHORITY", "it is of another source", nil)
	}
	said, err := explode(d, care.SourceFlag, s.latest())
	if care.ReasonOf(err) == "FUTURE_DATED" {
		return nil, nil
	}
	return said, err
}
