package consent

import (
	"context"

	"github.com/mycarerecord/edge-agent/agent/consent/rule"
	"github.com/mycarerecord/edge-agent/agent/consent/vault"
	"github.com/mycarerecord/edge-agent/agent/sitekey"
)

// CheckFile checks the store at path, which nobody may be writing, as vault.Check
// does, and that every entry and the state make sense. So an entry that was
// sealed by another version, or by a defect, is met in the process that checks
// and not in the agent, where it would stand in the way of all that is still to
// be told of the patient.
func CheckFile(ctx context.Context, path string, key sitekey.Key) (vault.Report, error) {
	var e rule.Entry
	return vault.Check(ctx, path, key, &vault.Sense{Entry: func(set int, value []byte) bool { return makesSense(&e, set, value) }, State: func(text []byte) bool {
		_, err := parseState(text)
		return err == nil
	}})
}

// makesSense reports whether an entry of a set can be read. e is used for that.
func makesSense(e *rule.Entry, set int, value []byte) bool {
	if set == linkSet {
		return eachEdge(value, func(*vault.Key, int64) bool { return true })
	}
	return e.Read(value) == nil
}
