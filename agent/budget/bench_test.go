package budget

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/mycarerecord/edge-agent/agent/care"
)

// crowd returns a keeper with a full hour of a region: 3,000 users who asked
// for 20 patients each.
func crowd() (*Keeper, *clock) {
	c := new(clock)
	k := New(Rules{wide, wide, wide}, Options{Uptime: c.uptime})
	for i := range 60000 {
		r := asks("b", fmt.Sprintf("R%02d", i%50), fmt.Sprint("user-", i%3000), number(i*13))
		_ = k.ask(r, care.OK)
	}
	return k, c
}

// BenchmarkKnown asks again for a patient who was served.
func BenchmarkKnown(b *testing.B) {
	k, _ := crowd()
	r := asks("b", "R07", "user-7", number(7*13))
	_ = k.ask(r, care.OK)
	b.ReportAllocs()
	for b.Loop() {
		if err := k.Admit(context.Background(), r); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkSettle settles a request for a patient who was served.
func BenchmarkSettle(b *testing.B) {
	k, _ := crowd()
	r := asks("b", "R07", "user-7", number(7*13))
	_ = k.ask(r, care.OK)
	b.ReportAllocs()
	for b.Loop() {
		k.Settle(r, care.OK)
	}
}

// BenchmarkNew asks for one patient after another; every 10,000 the hour is
// over.
func BenchmarkNew(b *testing.B) {
	k, c := crowd()
	all := make([]*care.Request, 10000)
	for i := range all {
		all[i] = asks("b", "R07", fmt.Sprint("user-", 7+50*(i%50)), number(i*13+5))
	}
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		if i++; i%len(all) == 0 {
			c.passed += 2 * time.Hour
		}
		if err := k.Admit(context.Background(), all[i%len(all)]); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkStopped refuses.
func BenchmarkStopped(b *testing.B) {
	k := New(only(User, with(func(l *Limits) { l.PatientsPerHour = 1 })), Options{})
	_ = k.ask(asks("b", "R07", "u", number(0)), care.OK)
	r := asks("b", "R07", "u", number(50))
	for b.Loop() {
		if k.Admit(context.Background(), r) == nil {
			b.Fatal("admitted")
		}
	}
}

// BenchmarkTurn moves a crowded hour on by five minutes; somebody's request
// waits for it.
func BenchmarkTurn(b *testing.B) {
	k, c := crowd()
	for b.Loop() {
		b.StopTimer()
		for i := range 60000 {
			_ = k.ask(asks("b", fmt.Sprintf("R%02d", i%50), fmt.Sprint("user-", i%3000), number(i*13)), care.OK)
		}
		c.passed += 65 * time.Minute
		b.StartTimer()
		k.mu.Lock()
		k.turn()
		k.mu.Unlock()
	}
}
