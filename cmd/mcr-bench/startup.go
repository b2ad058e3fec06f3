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
	"github.com/mycarerecord/edge-agent/agent/consent"
	"github.com/mycarerecord/edge-agent/agent/sitekey"
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
	if err := fillFlags(site); err != nil {
		return err
	}
	var ready []float64
	var idle int64
	for range b.rounds {
		took, rss, err := b.startOnce(path, configPath, site.Listen.Address)
		if err != nil {
			return err
		}
		ready, idle = append(ready, float64(took.Milliseconds())), rss
	}
	b.add("mcr-agent, 100,000 consent flags", "start to serving, median", median(ready), 300, " ms")
	b.add("mcr-agent, 100,000 consent flags", "resident memory when idle", float64(idle)/(1<<20), 35, " MiB")
	return nil
}

// fillFlags makes the consent store of a site with many dissents.
func fillFlags(site *config.Site) error {
	if err := os.MkdirAll(site.StateFolder, 0o700); err != nil {
		return err
	}
	key, err := sitekey.LoadOrCreate(filepath.Join(site.StateFolder, agent.KeyFile))
	if err != nil {
		return err
	}
	store, err := consent.Open(filepath.Join(site.StateFolder, agent.ConsentFile), consent.Options{Key: key, Model: consent.OptOut, MaxAge: 24 * time.Hour})
	if err != nil {
		return err
	}
	now := time.Now()
	all := func(yield func(care.Directive, error) bool) {
		made := 0
		for i := 9991000000; made < flags; i++ {
			number, err := care.ParseNHSNumber(strconv.Itoa(i))
			if err != nil {
				continue
			}
			made++
			if !yield(care.Directive{NHSNumber: number, Kind: care.Dissent, Authority: care.Region, Effective: now, Recorded: now, By: "bench"}, nil) {
				return
			}
		}
	}
	return errors.Join(store.Replace(context.Background(), care.Region, 1, now, all), store.Close())
}

// startOnce starts the agent, waits until it serves, and looks at its memory
// when it has come to rest.
func (b *bench) startOnce(path, configPath, address string) (took time.Duration, rss int64, err error) {
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
	health := grpc_health_v1.NewHealthClient(conn)
	for time.Since(began) < 20*time.Second {
		ctx, stop := context.WithTimeout(context.Background(), time.Second)
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
