package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"time"

	"google.golang.org/grpc/health/grpc_health_v1"

	"github.com/mycarerecord/edge-agent/agent"
	"github.com/mycarerecord/edge-agent/agent/care"
	"github.com/mycarerecord/edge-agent/agent/config"
	"github.com/mycarerecord/edge-agent/agent/consent/feed"
	"github.com/mycarerecord/edge-agent/cmd/internal/edge"
	"github.com/mycarerecord/edge-agent/connectors/all"
)

// startup measures the released program: its size, how long it takes from its
// start until it serves, and its memory, with the flags of a practice and with
// those of a whole region.
func (b *bench) startup() error {
	path, err := b.buildAgent()
	if err != nil {
		return err
	}
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	b.add("mcr-agent, stripped", "size", float64(info.Size())/(1<<20), 30, " MiB")
	if err := b.started(path, "100,000", 100_000, b.rounds, startMarks{ready: 300, idle: 35}); err != nil {
		return err
	}
	return b.started(path, "2,000,000", 2_000_000, 3, startMarks{ready: 1000, idle: 100, filled: 20, store: 300})
}

// startMarks are the most that may be taken.
type startMarks struct {
	ready  float64 // milliseconds from the start until it serves
	idle   float64 // MiB of resident memory
	filled float64 // seconds until a snapshot is on disk; not measured if 0
	store  float64 // MB of the consent store
}

// started measures an agent with so many consent flags.
func (b *bench) started(path, name string, flags, rounds int, marks startMarks) error {
	configPath, err := b.writeConfig("started" + strconv.Itoa(flags))
	if err != nil {
		return err
	}
	site, err := config.Load(configPath, all.Registry())
	if err != nil {
		return err
	}
	ledger, err := manyFlags(flags)
	if err != nil {
		return err
	}
	filled, err := b.startOnce(path, configPath, site.Listen.Address, ledger) // it is given the flags
	if err != nil {
		return err
	}
	var ready, idle []float64
	for range rounds {
		one, err := b.startOnce(path, configPath, site.Listen.Address, ledger)
		if err != nil {
			return err
		}
		ready, idle = append(ready, float64(one.serving.Milliseconds())), append(idle, float64(one.rss)/(1<<20))
	}
	what := "mcr-agent, " + name + " consent flags"
	b.add(what, "start to serving, median", median(ready), marks.ready, " ms")
	b.add(what, "resident memory when idle", median(idle), marks.idle, " MiB")
	if marks.filled == 0 {
		return nil
	}
	store, err := os.Stat(agent.ConsentPath(site))
	if err != nil {
		return err
	}
	b.add(what, "snapshot sent and on disk", filled.vouched.Seconds(), marks.filled, " s")
	b.add(what, "memory after the snapshot", float64(filled.rss)/(1<<20), marks.idle, " MiB")
	b.add(what, "most memory during the snapshot", float64(filled.peak)/(1<<20), marks.idle, " MiB")
	b.add(what, "consent store", float64(store.Size())/1e6, marks.store, " MB")
	return nil
}

// manyFlags returns a region's ledger of many dissents, of NHS numbers that
// begin with 8, which nobody has.
func manyFlags(flags int) (*feed.Ledger, error) {
	now := time.Now()
	ledger := feed.NewLedger("bench", 1, now)
	made := 0
	for i := 8000000000; made < flags; i++ {
		number, err := care.ParseNHSNumber(strconv.Itoa(i))
		if err != nil {
			continue
		}
		made++
		if _, err := ledger.Admit(care.Directive{NHSNumber: number, Kind: care.Dissent, Effective: now}); err != nil {
			return nil, err
		}
	}
	return ledger, nil
}

// oneStart is how one start went.
type oneStart struct {
	vouched time.Duration // how long the region took to fill it or to vouch
	serving time.Duration // from the start
	rss     int64         // bytes, when it had come to rest
	peak    int64         // bytes, the most until then
}

// startOnce starts the agent, lets the region vouch for its flags as soon as it
// listens, waits until it serves, and looks at its memory when it has come to
// rest.
func (b *bench) startOnce(path, configPath, address string, ledger *feed.Ledger) (one oneStart, err error) {
	command := exec.Command(path, "run", "--config", configPath)
	log, err := os.Create(filepath.Join(b.folder, "started.log"))
	if err != nil {
		return one, err
	}
	defer log.Close()
	command.Stderr = log
	began := time.Now()
	if err := command.Start(); err != nil {
		return one, err
	}
	defer func() {
		_ = command.Process.Signal(os.Interrupt)
		err = errors.Join(err, command.Wait())
	}()
	conn, err := b.dial(address)
	if err != nil {
		return one, err
	}
	defer conn.Close()
	health, region := grpc_health_v1.NewHealthClient(conn), edge.NewClient(conn)
	for time.Since(began) < time.Minute {
		ctx, stop := context.WithTimeout(context.Background(), time.Minute)
		if one.vouched == 0 {
			asked := time.Now()
			if _, err := region.Sync(ctx, ledger, nil); err == nil {
				one.vouched = time.Since(asked)
			}
		}
		reply, err := health.Check(ctx, &grpc_health_v1.HealthCheckRequest{})
		stop()
		if err == nil && reply.GetStatus() == grpc_health_v1.HealthCheckResponse_SERVING {
			one.serving = time.Since(began)
			time.Sleep(2 * time.Second) // to come to rest; nothing is timed here
			one.rss, one.peak, err = memoryOf(strconv.Itoa(command.Process.Pid))
			return one, err
		}
		conn.ResetConnectBackoff()
		time.Sleep(time.Millisecond)
	}
	return one, fmt.Errorf("the agent did not serve within a minute; see %s", log.Name())
}
