package consent

import (
	"context"
	"iter"

	"github.com/mycarerecord/edge-agent/agent/care"
	"github.com/mycarerecord/edge-agent/agent/consent/rule"
	"github.com/mycarerecord/edge-agent/agent/consent/spool"
	"github.com/mycarerecord/edge-agent/agent/consent/vault"
)

// A row of a spool is a patient's key and: the ten digits of the NHS number, and
// the stored form of an entry of one statement. The spool is sealed, and deleted
// when it was read; the digits are needed for the digest.
const numberSize = 10

// appendRow appends the row of a statement.
func appendRow(dst []byte, n care.NHSNumber, s rule.Statement) ([]byte, error) {
	var e rule.Entry
	if _, err := e.Admit(s); err != nil {
		return nil, err
	}
	return e.Append(append(dst, n.Reveal()...)), nil
}

// parseRow reads what appendRow wrote.
func parseRow(row []byte) (number [numberSize]byte, e rule.Entry, err error) {
	if len(row) <= numberSize {
		return number, e, errRow
	}
	e, err = rule.Parse(row[numberSize:])
	return [numberSize]byte(row), e, err
}

var errRow = failure(care.ConsentUnavailable, spool.ReasonDamaged, "a row of the spool makes no sense; begin anew", nil)

// gathering makes the entries of a set from the rows of a spool, and counts
// them.
type gathering struct {
	set      set // what the entries come to
	patients uint64
	text     buffers
	err      error // why it ended early

	// each is told of every entry, in its stored form too, which is valid during
	// the call.
	each func(k *vault.Key, number string, e *rule.Entry, stored []byte) error
}

// build builds a new content of a set from a spool. The caller adopts or
// discards it.
func (g *gathering) build(ctx context.Context, s *Store, set int, rows *spool.Spool) (*vault.Built, error) {
	defer s.tell()
	built, err := s.vault.Build(ctx, set, g.entries(rows.Sorted(ctx)))
	if err := first(err, g.err, rows.Err(), ctx.Err()); err != nil {
		if built != nil {
			built.Discard()
		}
		return nil, err
	}
	return built, nil
}

// entries groups rows by patient.
func (g *gathering) entries(rows iter.Seq2[spool.Key, []byte]) iter.Seq2[vault.Key, []byte] {
	return func(yield func(vault.Key, []byte) bool) {
		var p patient
		for k, row := range rows {
			number, said, err := parseRow(row)
			if err == nil && p.number != number && p.known() {
				if !g.yield(yield, &p) {
					return
				}
				p = patient{}
			}
			if err == nil {
				err = p.admit(vault.Key(k), number, said)
			}
			if g.err = err; err != nil {
				return
			}
		}
		if p.known() {
			g.yield(yield, &p)
		}
	}
}

// patient is one patient's rows, gathered.
type patient struct {
	key    vault.Key
	number [numberSize]byte
	entry  rule.Entry
}

func (p *patient) known() bool { return p.number != [numberSize]byte{} }

// admit takes the entry of one row, which has one statement.
func (p *patient) admit(k vault.Key, number [numberSize]byte, e rule.Entry) error {
	if !p.known() {
		p.key, p.number, p.entry = k, number, e
		return nil
	}
	_, err := p.entry.Admit(e.Statements()[0])
	return err
}

// yield passes an entry on and reports whether to go on.
func (g *gathering) yield(yield func(vault.Key, []byte) bool, p *patient) bool {
	number := string(p.number[:])
	g.patients++
	g.set.enter(&g.text, number, p.entry.Statements())
	g.text.value = p.entry.Append(g.text.value[:0])
	if g.each != nil {
		if g.err = g.each(&p.key, number, &p.entry, g.text.value); g.err != nil {
			return false
		}
	}
	return yield(p.key, g.text.value)
}
