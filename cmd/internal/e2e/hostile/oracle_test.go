//go:build e2e

package hostile

import (
	"cmp"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"github.com/mycarerecord/edge-agent/cmd/internal/edge"
	"github.com/mycarerecord/edge-agent/connectors/memory"
	edgev1 "github.com/mycarerecord/edge-agent/proto/mcr/edge/v1"
)

// Whoever asks for a restricted patient must not be able to tell that from
// asking for somebody of whom the site has never heard: not by the answer's
// bytes and not by its time. oracleCalls of both kinds are made, in random
// order, and a classifier that is as good as tossing a coin has an AUC of 0.5.
const (
	oracleCalls  = 20000
	mayTell      = 0.55 // the AUC that no classifier may pass
	oracleWindow = 4000 // calls of one window
	oracleSeed   = 4
)

// sample is one refusal as the caller saw it.
type sample struct {
	began      time.Time
	restricted bool
	latency    float64 // in microseconds
	size       float64 // bytes of the status
	step       float64 // journal entries from this refusal to the caller's next
	rest       string  // the status without what differs from call to call
}

// TestNoOracle asks on one connection, one call after the other, and on four
// at once, for records and where they are. A journal on a disk shows what a
// disk may give away; one in memory hides less behind the disk's own noise.
func TestNoOracle(t *testing.T) {
	inMemory := func() string {
		dir, err := os.MkdirTemp("/dev/shm", "mcr")
		must(t, err)
		t.Cleanup(func() { _ = os.RemoveAll(dir) })
		return dir
	}
	for _, test := range []struct {
		name    string
		state   string
		callers int
		ask     asker
	}{
		{"record, one connection, journal on disk", shortDir(t), 1, askRecord},
		{"record, one connection", inMemory(), 1, askRecord},
		{"record, four connections", inMemory(), 4, askRecord},
		{"locate, one connection", inMemory(), 1, askLocate},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := siteWith(t, test.state, memorySource)
			s.start(t)
			s.fill(t)
			all := s.listen(t, test.callers, test.ask)
			for i := range all {
				if all[i].rest != all[0].rest {
					t.Fatalf("refusal %d differs from the first:\n%q\n%q", i, all[i].rest, all[0].rest)
				}
			}
			for what, by := range map[string]func(sample) float64{
				"latency": func(h sample) float64 { return h.latency },
				"size":    func(h sample) float64 { return h.size },
				"step":    func(h sample) float64 { return h.step },
			} {
				worst, in := tells(all, by)
				t.Logf("%s: AUC %.3f at most (%s)", what, worst, in)
				if worst > mayTell {
					t.Errorf("%s tells restricted from unknown with AUC %.3f (%s)", what, worst, in)
				}
			}
			wantSeen(t, all)
		})
	}
}

// asker makes one call.
type asker func(context.Context, *edge.Client, *edgev1.Context) error

// wantSeen adds 100 microseconds to one group and wants the difference noticed;
// on a machine that is busy with other tests, one of up to 400.
func wantSeen(t *testing.T, all []sample) {
	t.Helper()
	for added := 100.0; added <= 400; added *= 2 {
		got, _ := tells(all, func(h sample) float64 {
			if h.restricted {
				return h.latency + added
			}
			return h.latency
		})
		if t.Logf("a difference of %.0f microseconds gives AUC %.3f", added, got); got > 0.6 {
			return
		}
	}
	t.Error("the test is too coarse to see a difference")
}

func askRecord(ctx context.Context, c *edge.Client, who *edgev1.Context) error {
	_, err := c.GetRecord(ctx, &edgev1.GetRecordRequest{Context: who})
	return err
}

func askLocate(ctx context.Context, c *edge.Client, who *edgev1.Context) error {
	_, err := c.Locate(ctx, &edgev1.LocatePatientRequest{Context: who})
	return err
}

// listen makes the calls from so many connections and returns what was heard,
// in the order in which the calls were made.
func (s *site) listen(t *testing.T, callers int, ask asker) []sample {
	t.Helper()
	heardBy := make([][]sample, callers)
	var done sync.WaitGroup
	for caller := range callers {
		c := listener{client: s.as(t, recordsURI), ask: ask, restricted: asking(member(t, memory.CastToRestrict)), id: caller}
		done.Go(func() {
			if err := c.listen(oracleCalls / callers); err != nil {
				t.Error(err)
			}
			heardBy[caller] = c.heard
		})
	}
	done.Wait()
	all := slices.Concat(heardBy...)
	slices.SortFunc(all, func(a, b sample) int { return a.began.Compare(b.began) })
	if len(all) != oracleCalls {
		t.Fatalf("%d of %d calls were refused", len(all), oracleCalls)
	}
	return all
}

// listener is one caller who tries to tell who is restricted.
type listener struct {
	client     *edge.Client
	ask        asker
	restricted *edgev1.Context // asks for the restricted patient
	id         int
	heard      []sample
}

// listen makes so many calls, each by the toss of a coin for the restricted
// patient or for a number that the site does not have, of somebody who is
// otherwise the same.
func (l *listener) listen(calls int) error {
	toss := rand.New(rand.NewPCG(oracleSeed, uint64(l.id)))
	unknown := proto.CloneOf(l.restricted)
	unknown.Subject.NhsNumber = "9990000018"
	before := uint64(0)
	for i := range calls {
		who, h := unknown, sample{restricted: toss.IntN(2) == 0}
		if h.restricted {
			who = l.restricted
		}
		who.RequestId = fmt.Sprintf("oracle-%d-%07d", l.id, i)
		ctx, stop := context.WithTimeout(context.Background(), time.Minute)
		h.began = time.Now()
		err := l.ask(ctx, l.client, who)
		h.latency = float64(time.Since(h.began)) / float64(time.Microsecond)
		stop()
		refusal, ok := edge.RefusalOf(err)
		if !ok || refusal.GetRequestId() != who.RequestId {
			return fmt.Errorf("call %d was not refused: %w", i, err)
		}
		if i > 0 {
			l.heard[i-1].step = float64(refusal.GetJournalSequence() - before)
		}
		before = refusal.GetJournalSequence()
		h.size, h.rest = bytesOf(err)
		l.heard = append(l.heard, h)
	}
	return nil
}

// bytesOf returns the size of a refusal's status, and the status without the
// request's id and the number of its entry, which differ by nature.
func bytesOf(err error) (size float64, rest string) {
	st := status.Convert(err).Proto()
	size = float64(proto.Size(st))
	refusal := new(edgev1.Refusal)
	if len(st.GetDetails()) != 1 || st.GetDetails()[0].UnmarshalTo(refusal) != nil {
		return size, "no refusal, or more than one"
	}
	refusal.RequestId, refusal.JournalSequence = "", 0
	return size, fmt.Sprint(st.GetCode(), st.GetMessage(), refusal.String())
}

// tells returns the AUC of the best classifier by one quantity, and where: over
// all calls, and over each window of them, by rank and by the best threshold,
// either side of which may mean "restricted".
func tells(all []sample, by func(sample) float64) (worst float64, in string) {
	note := func(auc float64, where string) {
		if auc > worst {
			worst, in = auc, where
		}
	}
	note(byRank(all, by), "rank, all calls")
	note(byThreshold(all, by), "threshold, all calls")
	for from := 0; from+oracleWindow <= len(all); from += oracleWindow / 4 {
		window := all[from:][:oracleWindow]
		note(byRank(window, by), fmt.Sprint("rank, calls from ", from))
		note(byThreshold(window, by), fmt.Sprint("threshold, calls from ", from))
	}
	return worst, in
}

// sorted calls visit for each distinct value in ascending order, with how many
// calls of each group have it.
func sorted(all []sample, by func(sample) float64, visit func(restricted, unknown float64)) {
	all = slices.Clone(all)
	slices.SortFunc(all, func(a, b sample) int { return cmp.Compare(by(a), by(b)) })
	for i := 0; i < len(all); {
		var count [2]float64
		value := by(all[i])
		for ; i < len(all) && by(all[i]) == value; i++ {
			if all[i].restricted {
				count[0]++
			} else {
				count[1]++
			}
		}
		visit(count[0], count[1])
	}
}

// byRank is the AUC of the quantity itself: the statistic of Mann and Whitney
// over the number of pairs, ties counting a half.
func byRank(all []sample, by func(sample) float64) float64 {
	var wins, restricted, unknown float64
	sorted(all, by, func(r, u float64) {
		wins += r * (unknown + u/2)
		restricted, unknown = restricted+r, unknown+u
	})
	auc := wins / (restricted * unknown)
	return max(auc, 1-auc)
}

// byThreshold is the AUC of the best yes or no: a half of one plus the largest
// distance between the two groups' distributions (Kolmogorov and Smirnov).
func byThreshold(all []sample, by func(sample) float64) float64 {
	var total [2]float64
	sorted(all, by, func(r, u float64) { total[0], total[1] = total[0]+r, total[1]+u })
	var below [2]float64
	apart := 0.0
	sorted(all, by, func(r, u float64) {
		below[0], below[1] = below[0]+r, below[1]+u
		apart = max(apart, below[0]/total[0]-below[1]/total[1], below[1]/total[1]-below[0]/total[0])
	})
	return (1 + apart) / 2
}

// TestTells wants the classifier to find differences that are known.
func TestTells(t *testing.T) {
	toss := rand.New(rand.NewPCG(oracleSeed, 0))
	for name, test := range map[string]struct {
		value     func(restricted bool, i int) float64
		low, high float64
	}{
		"nothing":                      {func(bool, int) float64 { return 1 }, 0.5, 0.5},
		"the same noise":               {func(bool, int) float64 { return toss.Float64() }, 0.5, mayTell},
		"everything":                   {func(r bool, _ int) float64 { return map[bool]float64{true: 1}[r] }, 1, 1},
		"everything, the other way":    {func(r bool, _ int) float64 { return map[bool]float64{false: 1}[r] }, 1, 1},
		"a window only":                {func(r bool, i int) float64 { return map[bool]float64{true: 1}[r && i > 9000 && i < 13000] }, 0.9, 1},
		"the same middle, other tails": {func(r bool, _ int) float64 { return (toss.Float64() - 0.5) * map[bool]float64{true: 2, false: 1}[r] }, 0.6, 0.7},
	} {
		all := make([]sample, oracleCalls)
		for i := range all {
			all[i].restricted = toss.IntN(2) == 0
			all[i].latency = test.value(all[i].restricted, i)
		}
		if got, in := tells(all, func(h sample) float64 { return h.latency }); got < test.low || got > test.high {
			t.Errorf("%s: AUC %.3f (%s), want %v to %v", name, got, in, test.low, test.high)
		}
	}
}
