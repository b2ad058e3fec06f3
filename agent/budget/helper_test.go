package budget

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/mycarerecord/edge-agent/agent/care"
)

// number returns the first valid test number whose base is 999000000+n or more.
func number(n int) care.NHSNumber {
	for b := 999000000 + n%1000000; ; b++ {
		sum := 0
		for i, rest := 0, b; i < 9; i, rest = i+1, rest/10 {
			sum += (rest % 10) * (i + 2)
		}
		if check := (11 - sum%11) % 11; check != 10 {
			if parsed, err := care.ParseNHSNumber(fmt.Sprintf("%09d%d", b, check)); err == nil {
				return parsed
			}
		}
	}
}

// sequence returns so many valid numbers, each the next valid one.
func sequence(t testing.TB, n int) []care.NHSNumber {
	t.Helper()
	all := make([]care.NHSNumber, 0, n)
	for i := 0; len(all) < n; i++ {
		if next := number(i); len(all) == 0 || next != all[len(all)-1] {
			all = append(all, next)
		}
	}
	return all
}

// apart returns so many numbers of which no two are neighbours.
func apart(n int) []care.NHSNumber {
	all := make([]care.NHSNumber, n)
	for i := range all {
		all[i] = number(i * 25)
	}
	return all
}

func asks(broker, organisation, user string, n care.NHSNumber) *care.Request {
	return &care.Request{Broker: care.Broker{Name: broker},
		Requester: care.Requester{UserID: user, Organisation: care.ODSCode(organisation)}, Subject: care.Subject{NHSNumber: n}}
}

// clock is the time since the start, which a test moves.
type clock struct{ passed time.Duration }

func (c *clock) uptime() time.Duration { return c.passed }

// hurried is the context of a caller who does not wait: a request that is
// slowed ends with Cancelled.
var hurried = func() context.Context {
	ctx, stop := context.WithCancel(context.Background())
	stop()
	return ctx
}()

// admit asks once and waits for nothing: a request that is to be slowed counts
// as one that has waited.
func (k *Keeper) admit(r *care.Request) error {
	err := k.Admit(hurried, r)
	if care.KindOf(err) != care.Cancelled {
		return err
	}
	b, _ := baseOf(r.Subject.NHSNumber)
	who := keysOf(r.Broker.Name, r.Requester.Organisation, r.Requester.UserID)
	_, err = k.try(&who, b, true)
	return err
}

// ask asks and, if admitted, settles.
func (k *Keeper) ask(r *care.Request, told care.Kind) error {
	err := k.admit(r)
	if err == nil {
		k.Settle(r, told)
	}
	return err
}

// wantStop fails the test unless the error is a stop for the reason, or there
// is none for the empty reason.
func wantStop(t testing.TB, err error, reason string) {
	t.Helper()
	if reason == "" {
		if err != nil {
			t.Fatalf("refused: %v", err)
		}
		return
	}
	if care.KindOf(err) != care.LimitExceeded || care.ReasonOf(err) != reason {
		t.Fatalf("got %v, want LIMIT_EXCEEDED (%s)", err, reason)
	}
}

const many = 1 << 20

// wide are limits that nothing reaches.
var wide = Limits{PatientsPerHour: many, NotFoundPerHour: many, NeighboursPerHour: many, NotFoundShare: 1, ShareFrom: many}

// only returns wide rules but for one level.
func only(l Level, limits Limits) Rules {
	r := Rules{wide, wide, wide}
	*r.of(l) = limits
	return r
}

// with returns wide limits but for one.
func with(change func(*Limits)) Limits {
	l := wide
	change(&l)
	return l
}
