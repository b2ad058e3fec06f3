package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"time"

	"golang.org/x/mod/sumdb/note"

	"github.com/mycarerecord/edge-agent/agent/care"
	"github.com/mycarerecord/edge-agent/agent/consent/feed"
	"github.com/mycarerecord/edge-agent/cmd/internal/edge"
	"github.com/mycarerecord/edge-agent/cmd/internal/view"
	edgev1 "github.com/mycarerecord/edge-agent/proto/mcr/edge/v1"
)

// pushFlags say what a push of a file is, and whose word.
type pushFlags struct {
	manifestFlags
	AsOf asOf `placeholder:"TIME" group:"What" help:"When the region knew the flags of the file to be right, such as 2026-03-01T02:00:00Z; without it, when the file was last written."`
}

// manifestFlags say which state a push leads to, and whose word it is.
type manifestFlags struct {
	Sequence uint64 `placeholder:"NUMBER" group:"What" help:"Number of this state of the region's flags, greater than that of every earlier push; without it, one more than the site's last."`
	Name     string `name:"region-name" placeholder:"NAME" group:"What" help:"Name of the region in the manifest; without it, the name of the signing key, or REGION."`
	Sign     string `placeholder:"KEYFILE" complete:"file" group:"What" help:"File of the region's signing key, which consent key makes. Sites whose agent.yaml has consent.region_keys take nothing else."`
}

// push returns what is known of the push before the site is asked.
func (f *manifestFlags) push(asOf time.Time) (edge.Push, error) {
	signer, err := f.signer()
	return edge.Push{Region: f.Name, Sequence: f.Sequence, AsOf: asOf, Signer: signer}, err
}

func (f *manifestFlags) signer() (note.Signer, error) {
	if f.Sign == "" {
		return nil, nil
	}
	secret, err := readSigningKey(f.Sign)
	if err != nil {
		return nil, err
	}
	return note.NewSigner(secret)
}

// asOf is a time on the command line.
type asOf time.Time

// UnmarshalText reads a time with its offset.
func (t *asOf) UnmarshalText(text []byte) error {
	at, err := time.Parse(time.RFC3339, string(text))
	if err != nil {
		return errors.New("it is not a time with its offset, such as 2026-03-01T02:00:00Z")
	}
	*t = asOf(at)
	return nil
}

func (t asOf) time() time.Time { return time.Time(t) }

// flagsOf yields the flags of a file. Errors name the file.
func flagsOf(path string, file io.Reader) iter.Seq2[care.Directive, error] {
	return func(yield func(care.Directive, error) bool) {
		for d, err := range feed.ParseFile(file) {
			if err != nil {
				err = fmt.Errorf("%s: %w", path, err)
			}
			if !yield(d, err) {
				return
			}
		}
	}
}

// open opens a file of flags and tells when they were right. Now is never
// assumed: an old file must not make old flags look fresh.
func (f *pushFlags) open(p *program, path string) (io.ReadCloser, time.Time, error) {
	if path == "-" {
		if f.AsOf.time().IsZero() {
			return nil, time.Time{}, fmt.Errorf("from stdin, --as-of must say when these flags were right")
		}
		return io.NopCloser(p.stdin), f.AsOf.time(), nil
	}
	file, err := os.Open(path)
	if err != nil {
		return nil, time.Time{}, fmt.Errorf("%s cannot be read; check the path and your rights", path)
	}
	if !f.AsOf.time().IsZero() {
		return file, f.AsOf.time(), nil
	}
	info, err := file.Stat()
	if err != nil {
		_ = file.Close()
		return nil, time.Time{}, fmt.Errorf("%s does not tell when it was written; give --as-of", path)
	}
	return file, info.ModTime(), nil
}

// consentPush is the command "consent push".
type consentPush struct {
	File string `arg:"" complete:"file" help:"CSV file with the header nhs_number,directive,effective,by and, if needed, recorded, organisations, sections, code_system, code; - is stdin."`
	pushFlags
	formatFlag
	memoryFlags
}

// Help returns the examples.
func (*consentPush) Help() string {
	return `The file is a snapshot: flags of the region that are not in it are gone. The site uses the old ones until the new ones are complete and on its disk. A directive is DISSENT, CONSENT, RESTRICTION or UNRESTRICTED. A fault in any line gives the whole push up. A push that broke off goes on where it was when it is run again with the same file.

Then mcrctl compares what the site holds with the file. When the site was put back from the past the push is done all the same, and the exit code is 6. It is 7 when the push is done and the site releases nothing all the same: CONSENT IN DOUBT says why.

Examples:

    mcrctl consent push flags.csv --region ./region --sign region.key

    mcrctl consent push - --sequence 812 --as-of 2026-03-01T02:00:00Z --region ./region < flags.csv`
}

// Run pushes the file.
func (c *consentPush) Run(p *program) error {
	file, asOf, err := c.open(p, c.File)
	if err != nil {
		return err
	}
	defer file.Close()
	push, err := c.push(asOf)
	if err != nil {
		return err
	}
	return c.remembering(p, true, func(ctx context.Context, client *edge.Client, m *memory) error {
		client.Progress = progress(p.stderr, time.Now)
		state, err := client.PushSnapshot(ctx, push, flagsOf(c.File, file))
		return p.pushed(state, err, asOf, m, c.Format)
	})
}

// pushed remembers and shows what a push led to.
func (p *program) pushed(state *edgev1.ConsentState, err error, listed time.Time, m *memory, format string) error {
	if err != nil && !healed(err) {
		return err
	}
	m.push(edge.RegionSet(state), listed)
	if shown := p.showConsent(state, format); shown != nil {
		return shown
	}
	return cmp.Or(err, inDoubt(state))
}

// inDoubt is how a command ends that has told of a site whose flags are in
// doubt.
func inDoubt(state *edgev1.ConsentState) error {
	if state.GetDoubt() != "" {
		return exit(exitNotReleased)
	}
	return nil
}

func (p *program) showConsent(state *edgev1.ConsentState, format string) error {
	if format == "json" {
		return view.Message(p.stdout, state)
	}
	view.ConsentState(p.stdout, state)
	return nil
}

// Times of the lines about a long push.
const progressEvery = 5 * time.Second

// progress returns a function that tells how far a push is, every few seconds.
func progress(w io.Writer, now func() time.Time) func(sent, of uint64) {
	last := now()
	return func(sent, of uint64) {
		if t := now(); t.Sub(last) >= progressEvery {
			last = t
			fmt.Fprintf(w, "sent %d of %d directives\n", sent, of)
		}
	}
}

// consentState is the command "consent state".
type consentState struct {
	formatFlag
	memoryFlags
}

// Help returns the examples.
func (*consentState) Help() string {
	return `The exit code is 0 when the site can rely on its flags, 7 when they are in doubt, so that it releases nothing, and 6 when the site is behind what it once told: it was put back from the past.

Example:

    mcrctl consent state --region ./region`
}

// Run asks and shows the answer.
func (c *consentState) Run(p *program) error {
	return c.remembering(p, false, func(ctx context.Context, client *edge.Client, _ *memory) error {
		state, err := client.ConsentState(ctx)
		if err != nil {
			return err
		}
		if err := p.showConsent(state, c.Format); err != nil {
			return err
		}
		return cmp.Or(client.Behind(state), inDoubt(state))
	})
}

// consentBeat is the command "consent beat".
type consentBeat struct {
	manifestFlags
	AsOf asOf `placeholder:"TIME" group:"What" help:"Until when nothing has changed, such as 2026-03-01T02:00:00Z; without it, until now."`
	formatFlag
	memoryFlags
}

// Help returns the examples.
func (*consentBeat) Help() string {
	return `Says that until now, or until --as-of, nothing has changed since the last push from here, and vouches for the agent: after each of its starts it releases nothing before that. Run it every few minutes, unless there is something to push. It fails when the site does not hold what was last pushed from here.

A file that was written before the last beat is then too old to be pushed (OLD): the beat has said that there was nothing new. Stop the beats before the list is read, and begin them again after the push; or give push the --as-of at which the list is right.

The exit code is 7 when it is done and the site releases nothing all the same: CONSENT IN DOUBT says why.

Example:

    mcrctl consent beat --region ./region --sign region.key`
}

// Run renews what the site holds.
func (c *consentBeat) Run(p *program) error {
	until := c.AsOf.time()
	if until.IsZero() {
		until = time.Now() // that nothing has changed is what the command says
	}
	push, err := c.push(until)
	if err != nil {
		return err
	}
	return c.remembering(p, true, func(ctx context.Context, client *edge.Client, m *memory) error {
		digest, err := m.digest()
		if err != nil {
			return err
		}
		state, err := client.Renew(ctx, push, digest)
		if err != nil {
			return err
		}
		m.push(edge.RegionSet(state), m.Listed)
		return cmp.Or(p.showConsent(state, c.Format), inDoubt(state))
	})
}
