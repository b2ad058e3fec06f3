package main

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/mycarerecord/edge-agent/agent/audit/tree"
	"github.com/mycarerecord/edge-agent/cmd/internal/edge"
)

// auditWitness is the command "audit witness".
type auditWitness struct {
	regionFlags
	Name       string `default:"mycarerecord/region/witness" help:"Name of the witness in its countersignatures."`
	WitnessKey string `required:"" placeholder:"FILE" type:"path" help:"File of the witness's secret key, 64 hexadecimal digits. It is made if there is none."`
	State      string `placeholder:"FILE" type:"path" help:"File that remembers what was seen of this agent's journal. One for each agent."`
	ShowKey    bool   `help:"Only print the verifier key, which goes into journal.witnesses of the site's agent.yaml."`
	NewJournal bool   `help:"The site has begun a new journal and said so: forget the old one."`
}

// Help returns the examples.
func (*auditWitness) Help() string {
	return `Checks that the agent's journal still begins with every entry it had when the witness last looked, countersigns its newest head, and has the agent keep that. From then on no entry up to that head can be changed, removed or replaced at the site without being found out. Run it on a schedule, on another machine than the site's.

When the journal's history has changed nothing is countersigned and the exit code is 6.

Examples:

    mcrctl audit witness --witness-key witness.key --show-key

    mcrctl audit witness --region ./region --witness-key witness.key --state RWH01.json`
}

// Run checks and countersigns.
func (c *auditWitness) Run(p *program) error {
	seed, err := witnessSeed(c.WitnessKey)
	if err != nil {
		return err
	}
	witness, err := tree.NewWitness(c.Name, &seed)
	if err != nil {
		return err
	}
	if c.ShowKey {
		_, err := fmt.Fprintln(p.stdout, witness.VerifierKey())
		return err
	}
	if c.State == "" {
		return errors.New("--state is missing: the file that remembers what was seen of this agent's journal")
	}
	var seen edge.Witnessed
	if !c.NewJournal {
		if seen, err = readWitnessed(c.State); err != nil {
			return err
		}
	}
	return c.call(func(ctx context.Context, client *edge.Client) error {
		now, entry, err := client.Witness(ctx, witness, seen, time.Now())
		if changed, ok := errors.AsType[*edge.HistoryChanged](err); ok {
			fmt.Fprintln(p.stderr, changed.Error())
			return exit(exitHistory)
		}
		if err != nil {
			return err
		}
		if entry == 0 {
			fmt.Fprintln(p.stdout, "The journal has no new entries since the last time.")
			return nil
		}
		if err := writeWitnessed(c.State, now); err != nil {
			return err
		}
		head, _, err := tree.ParseHead(now.Head, now.VerifierKey)
		if err != nil {
			return err
		}
		fmt.Fprintf(p.stdout, "%s: all that was seen before is still there, and the entries up to %d are countersigned; the site wrote this down as entry %d.\n", head.Origin, head.Size, entry)
		return nil
	})
}

// witnessSeed reads the witness's secret key, or makes one.
func witnessSeed(path string) (seed [32]byte, err error) {
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		if _, err := rand.Read(seed[:]); err != nil {
			return seed, err
		}
		return seed, writeWhole(path, []byte(hex.EncodeToString(seed[:])+"\n"))
	}
	if err != nil {
		return seed, err
	}
	digits, err := hex.DecodeString(strings.TrimSpace(string(text)))
	if err != nil || len(digits) != len(seed) {
		return seed, fmt.Errorf("%s does not hold 64 hexadecimal digits", path)
	}
	return [32]byte(digits), nil
}

func readWitnessed(path string) (seen edge.Witnessed, err error) {
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return seen, nil
	}
	if err == nil {
		err = json.Unmarshal(text, &seen)
	}
	if err != nil {
		return seen, fmt.Errorf("%s cannot be read; without it a change of history goes unnoticed, so restore it from its backup (%w)", path, err)
	}
	return seen, nil
}

func writeWitnessed(path string, seen edge.Witnessed) error {
	text, err := json.MarshalIndent(seen, "", "  ")
	if err != nil {
		return err
	}
	return writeWhole(path, append(text, '\n'))
}

// writeWhole makes a file appear whole or not at all, for this account only.
func writeWhole(path string, text []byte) error {
	f, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".new-*")
	if err != nil {
		return err
	}
	_, err = f.Write(text)
	err = errors.Join(err, f.Sync(), f.Close())
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		_ = os.Remove(f.Name())
	}
	return err
}
