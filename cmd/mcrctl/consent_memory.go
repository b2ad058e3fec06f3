package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"time"

	"github.com/mycarerecord/edge-agent/agent/consent/feed"
	"github.com/mycarerecord/edge-agent/cmd/internal/edge"
	edgev1 "github.com/mycarerecord/edge-agent/proto/mcr/edge/v1"
)

// memoryName is the file in a region's folder that remembers its sites.
const memoryName = "consent-state.json"

// memoryFlags say which agent is called, and where is remembered what it told.
type memoryFlags struct {
	regionFlags
	Memory string `placeholder:"FILE" complete:"file" group:"Agent" help:"File that remembers what sites told, by which a site that was put back from the past is noticed; without it, consent-state.json in --region's folder. Keep it as long as the sites."`
}

// memory is what is remembered of one site's consent cache.
type memory struct {
	Epoch    uint64    `json:"epoch"`              // the highest that it told
	Sequence uint64    `json:"sequence,omitempty"` // of the last push from here
	Digest   []byte    `json:"digest,omitempty"`   // of what that push led to
	Listed   time.Time `json:"listed,omitzero"`    // when the list that was last pushed was right
}

// memories is the file, by name of the site.
type memories struct {
	Sites map[string]memory `json:"sites"`
}

// push notes what a push led to.
func (m *memory) push(set *edgev1.ConsentSet, listed time.Time) {
	m.Sequence, m.Digest, m.Listed = set.GetSequence(), set.GetDigest(), listed
}

// digest returns the digest of what was last pushed from here.
func (m *memory) digest() (d feed.Digest, err error) {
	if len(m.Digest) != len(d) {
		return d, errors.New("nothing was pushed to the site from here that could still be right; push the flags: mcrctl consent push")
	}
	return feed.Digest(m.Digest), nil
}

// remembering calls a function with a client that knows what the site told
// before, and notes what it told this time, also when the function fails. A
// site that was put back from the past is told of with exit code 6. Without a
// place to remember, only functions are called that do not need it.
func (f *memoryFlags) remembering(p *program, needed bool, do func(ctx context.Context, client *edge.Client, m *memory) error) error {
	region, err := f.region()
	if err != nil {
		return err
	}
	path := f.Memory
	if path == "" && f.Region != "" {
		path = filepath.Join(f.Region, memoryName)
	}
	if path == "" && needed {
		return errors.New("--memory is missing: the file that remembers what sites told")
	}
	all, err := readMemories(path)
	if err != nil {
		return err
	}
	site := siteName(region)
	m := all.Sites[site]
	err = f.call(func(ctx context.Context, client *edge.Client) error {
		client.Remember(m.Epoch)
		err := do(ctx, client, &m)
		m.Epoch = client.KnownEpoch()
		return err
	})
	all.Sites[site] = m
	if healed(err) {
		fmt.Fprintln(p.stderr, err)
		err = exit(exitHistory)
	}
	if path == "" {
		return err
	}
	if failed := all.write(path); failed != nil {
		p.failed(err) // so that it is told, too
		return failed
	}
	return err
}

// healed reports whether an error is that of a site that was put back from the
// past, and nothing else went wrong.
func healed(err error) bool {
	_, behind := errors.AsType[*edge.Behind](err)
	return behind
}

// siteName is by what a site is remembered: the name that its certificate
// proves.
func siteName(region edge.Region) string {
	if region.ServerName != "" {
		return region.ServerName
	}
	if host, _, err := net.SplitHostPort(region.Address); err == nil {
		return host
	}
	return region.Address
}

func readMemories(path string) (all memories, err error) {
	none := memories{Sites: make(map[string]memory)}
	if path == "" {
		return none, nil
	}
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return none, nil
	}
	if err == nil {
		err = json.Unmarshal(text, &all)
	}
	if err != nil || all.Sites == nil {
		return all, fmt.Errorf("%s cannot be read; without it a site that was put back from the past goes unnoticed, so restore it from its backup", path)
	}
	return all, nil
}

func (all memories) write(path string) error {
	text, err := json.MarshalIndent(all, "", "  ")
	if err != nil {
		return err
	}
	if err := writeWhole(path, append(text, '\n')); err != nil {
		return fmt.Errorf("%s cannot be written, so what the site told is not remembered: %w", path, err)
	}
	return nil
}
