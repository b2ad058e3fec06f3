package agent

import (
	"context"
	"errors"

	"github.com/mycarerecord/edge-agent/agent/care"
)

// RestoreConsent gives a consent store that was lost what the site itself has
// said: what the journal still holds, and a list that the actor vouches is
// complete. It is for a journal that does not hold all of it; the agent must
// not be running. After it the region's flags and those of record systems are
// still to come.
func RestoreConsent(ctx context.Context, o Options, actor string, list []care.Directive) error {
	a, err := NewDesk(ctx, o)
	if err != nil {
		return err
	}
	return errors.Join((desk{a}).rebuild(ctx, actor, list), a.close())
}
