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

	"github.com/mycarerecord/edge-agent/agent/care"
	"github.com/mycarerecord/edge-agent/agent/config"
	"github.com/mycarerecord/edge-agent/agent/consent/feed"
	"github.com/mycarerecord/edge-agent/cmd/internal/edge"
	"github.com/mycarerecord/edge-agent/connectors/all"
)

// flags is how many consent flags the started agent has.
const flags = 100_000

// startup measures the released program: its size, how long it takes from its
// start until it serves with 100,000 consent flags, and its memory when idle.
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
	configPath, err := b.writeConfig("started")
	if err != nil {
		return err
	}
	site, err := config.Load(configPath, all.Registry())
	if err != nil {
		return err
	}
	ledger, err := manyFlags()
	if err != nil {
		return err
	}
	if _, _, err := b.startOnce(path, configPath, site.Listen.Address, ledger); err != nil { // it is given the flags
		return err
	}
	var ready []float64
	var idle int64
	for range b.rounds {
		took, rss, err := b.startOnce(path, configPath, site.Listen.Address, ledger)
		if err != nil {
			return err
		}
		ready, idle = append(ready, float64(took.Milliseconds())), rss
	}
	b.add("mcr-agent, 100,000 consent flags", "start to serving, median", median(ready), 300, " ms")
	b.add("mcr-agent, 100,000 consent flags", "resident memory when idle", float64(idle)/(1<<20), 35, " MiB")
	return nil
}

// manyFlags returns a region's ledger of many dissents.
func manyFlags() (*feed.Ledger, error) {
	now := time.Now()
	ledger := feed.NewLedger("bench", 1, now)
	made := 0
	for i := 9991000000; made < flags; i++ {
		number, err := care.ParseNHSNumber(strconv.Itoa(i))
		if err != nil {
			continue
		}
		made++
		if _, err := ledger.Admit(care.Directive{NHSNumber: number, Kind: care.Dissent, Effective: now, Recorded: now, By: "bench"}); err != nil {
			return nil, err
		}
	}
	return ledger, nil
}

// startOnce starts the agent, lets the region vouch for its flags as soon as it
// listens, waits until it serves, and looks at its memory when it has come to
// rest.
func (b *bench) startOnce(path, configPath, address string, ledger *feed.Ledger) (took time.Duration, rss int64, err error) {
	command := exec.Command(path, "run", "--config", configPath)
	log, err := os.Create(filepath.Join(b.folder, "started.log"))
	if err != nil {
		return 0, 0, err
	}
	defer log.Close()
	command.Stderr = log
	began := time.Now()
	if err := command.Start(); err != nil {
		return 0, 0, err
	}
	defer func() {
		_ = command.Process.Signal(os.Interrupt)
		err = errors.Join(err, command.Wait())
	}()
	conn, err := b.dial(address)
	if err != nil {
		return 0, 0, err
	}
	defer conn.Close()
	health, region, vouched := grpc_health_v1.NewHealthClient(conn), edge.NewClient(conn), false
	for time.Since(began) < 20*time.Second {
		ctx, stop := context.WithTimeout(context.Background(), 5*time.Second)
		if !vouched {
			_, err := region.Sync(ctx, ledger, nil)
			vouched = err == nil
		}
		reply, err := health.Check(ctx, &grpc_health_v1.HealthCheckRequest{})
		stop()
		if err == nil && reply.GetStatus() == grpc_health_v1.HealthCheckResponse_SERVING {
			took = time.Since(began)
			time.Sleep(2 * time.Second) // to come to rest; nothing is timed here
			rss, _, err = memoryOf(strconv.Itoa(command.Process.Pid))
			return took, rss, err
		}
		conn.ResetConnectBackoff()
		time.Sleep(time.Millisecond)
	}
	return 0, 0, fmt.Errorf("the agent did not serve within 20 s; see %s", log.Name())
}
