package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/mycarerecord/edge-agent/agent/audit"
	"github.com/mycarerecord/edge-agent/agent/audit/tree"
	"github.com/mycarerecord/edge-agent/agent/care"
)

// appends is how many entries each turn of the journal's steps writes.
const appends = 2000

// openJournal opens a journal of its own in the folder of the run.
func (b *bench) openJournal(name string) (*audit.Journal, error) {
	box, err := audit.NewBox([32]byte{1}, "00000001")
	if err != nil {
		return nil, err
	}
	signer, err := tree.NewSigner("example.org/bench/journal", &[32]byte{2})
	if err != nil {
		return nil, err
	}
	return audit.Open(filepath.Join(b.folder, name), audit.Options{Box: box, Signer: signer})
}

// journal measures the journal by itself: group commit against one fdatasync
// for every entry, and a lone writer, in the same folder and the same rounds.
func (b *bench) journal() (err error) {
	j, err := b.openJournal("journal-alone")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, j.Close()) }()
	floor, err := newFloor(b.folder)
	if err != nil {
		return err
	}
	defer floor.close()
	var rate, p99, lone []float64
	for range b.rounds {
		single, err := floor.median(appends / 4)
		if err != nil {
			return err
		}
		began := time.Now()
		if _, err := floor.median(appends / 4); err != nil {
			return err
		}
		perEntry := time.Since(began).Seconds() / (appends / 4)
		began = time.Now()
		times, err := write(j, 64, 20*appends)
		if err != nil {
			return err
		}
		rate = append(rate, perEntry/(time.Since(began).Seconds()/(20*appends)))
		p99 = append(p99, float64(times[len(times)*99/100])/float64(single))
		if times, err = write(j, 1, appends/4); err != nil {
			return err
		}
		lone = append(lone, float64(times[len(times)/2])/float64(single))
	}
	b.add("journal, 64 writers", "durable entries/s against one fdatasync for each", median(rate), -20, "x")
	b.add("journal, 64 writers", "p99", median(p99), 6, " fdatasync")
	b.add("journal, 1 writer", "p50", median(lone), 1.3, " fdatasync")
	return nil
}

// write has writers write entries and wait for each, and returns how long each
// took, in order.
func write(j *audit.Journal, writers, entries int) ([]time.Duration, error) {
	event := care.Event{Kind: care.ReleaseDecided, Request: journalled(), ConfigHash: "0123456789abcdef"}
	took := make([]time.Duration, entries)
	errs := make([]error, writers)
	var next atomic.Int64
	var all sync.WaitGroup
	for w := range writers {
		all.Go(func() {
			for errs[w] == nil {
				i := next.Add(1) - 1
				if i >= int64(entries) {
					return
				}
				began := time.Now()
				errs[w] = j.AppendLazily(event).Wait(context.Background())
				took[i] = time.Since(began)
			}
		})
	}
	all.Wait()
	slices.Sort(took)
	return took, errors.Join(errs...)
}

// journalled is a request as brokers send it.
func journalled() *care.Request {
	number, err := care.ParseNHSNumber(sizedPatients[0].number)
	if err != nil {
		panic(fmt.Sprint("the bench's own patient: ", err))
	}
	return &care.Request{ID: "7d9b3f0e-4c1a-4f58-9a53-0a4f7c1b2e66", Received: time.Now(), Interaction: care.ReadRecord,
		Broker:    care.Broker{Name: "bench", Certificate: "ab12cd34ab12cd34ab12cd34ab12cd34", Software: "mcr-bench"},
		Requester: care.Requester{UserID: "555000111222", UserName: "Dr Bench", RoleCode: "R0260", RoleName: "General Medical Practitioner", Organisation: "Y99901", OrganisationName: "Bench"},
		Purpose:   care.Treatment, Permission: care.PermissionAsked, Sections: care.AllSections,
		Subject: care.Subject{NHSNumber: number, Family: care.NewPrivate("Sized"), BirthDate: care.Day(1970, 1, 1)},
	}
}
