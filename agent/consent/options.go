package consent

import (
	"context"
	"fmt"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/mycarerecord/edge-agent/agent/care"
	"github.com/mycarerecord/edge-agent/agent/consent/feed"
	"github.com/mycarerecord/edge-agent/agent/consent/rule"
	"github.com/mycarerecord/edge-agent/agent/sitekey"
)

// LongestMaxAge is the most that any maximum age may be. There is no way to
// ignore age.
const LongestMaxAge = 90 * 24 * time.Hour

// MaxSources is how many sources a store can keep directives of.
const MaxSources = 13

// maxSourceName is the longest name of a source in bytes.
const maxSourceName = 64

// Source is a record system whose directives are read into the store. Nothing
// is released before each source was read, or when a reading is too old.
type Source struct {
	Name   string        // as in the site's configuration; 1 to 64 bytes, each once
	MaxAge time.Duration // how long a reading holds; above 0, at most LongestMaxAge
}

// Options is how a store is opened.
type Options struct {
	Key        sitekey.Key   // the site's key; required
	Model      rule.Model    // the region's rule; required
	MaxAge     time.Duration // how long the region's word holds; above 0, at most LongestMaxAge
	Sources    []Source      // at most MaxSources
	OnlyKept   bool          // leave out the sources of which the store has kept nothing: for who opens it without them
	RegionKeys []string      // verifier keys of the region (https://c2sp.org/signed-note); without any, pushes need no signature
	Anchor     uint64        // highest epoch that the journal has seen; 0 if none

	// Now is the wall clock and Uptime the time since the machine started, sleep
	// included. Both are the machine's if nil.
	Now    func() time.Time
	Uptime func() time.Duration

	// Check checks the file before it is opened, in a process of its own, so
	// that a file which crashes the check does not crash the agent. An error
	// with Reason DAMAGED says that the file is not to be used. If nil, the file
	// is checked in this process.
	Check func(ctx context.Context) error

	// OnDoubt is told whenever the store comes to be relied on no longer, or for
	// another reason, and again with "" when it can be relied on. Calls come one
	// after the other, in order, and may use the store.
	OnDoubt func(reason string)

	Log hclog.Logger // no log if nil
}

// complete checks the options and fills in what was left out.
func (o *Options) complete() error {
	if why := o.fault(); why != "" {
		return failure(care.BadRequest, "OPTIONS", why, nil)
	}
	if err := feed.CheckKeys(o.RegionKeys); err != nil {
		return err
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Uptime == nil {
		o.Uptime = uptime
	}
	if o.OnDoubt == nil {
		o.OnDoubt = func(string) {}
	}
	if o.Log == nil {
		o.Log = hclog.NewNullLogger()
	}
	return nil
}

// fault returns what is wrong with the options, or nothing.
func (o *Options) fault() string {
	switch {
	case o.Key.IsZero():
		return "the site key is missing"
	case o.Model != rule.OptOut && o.Model != rule.AskPermission:
		return "the consent model is missing"
	case o.MaxAge <= 0 || o.MaxAge > LongestMaxAge:
		return "the maximum age must be above 0 and at most 90 days"
	case len(o.Sources) > MaxSources:
		return fmt.Sprintf("there are more than %d sources", MaxSources)
	}
	seen := make(map[string]bool)
	for _, source := range o.Sources {
		switch {
		case source.Name == "" || len(source.Name) > maxSourceName || seen[source.Name]:
			return "the name of a source is missing, too long or not its own"
		case source.MaxAge <= 0 || source.MaxAge > LongestMaxAge:
			return "the maximum age of each source must be above 0 and at most 90 days"
		}
		seen[source.Name] = true
	}
	return ""
}
