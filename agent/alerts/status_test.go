package alerts

import (
	"errors"
	"strings"
	"testing"
	"time"
)

func TestAttention(t *testing.T) {
	now := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	late, soon := now.Add(-NotifyWithin), now.Add(-NotifyWithin+time.Second)
	oldest := Alert{Number: 4, Time: late}
	for _, c := range []struct {
		name string
		s    Status
		want []string // beginnings
	}{
		{"nothing", Status{}, nil},
		{"an open alert", Status{Open: 2, Oldest: oldest}, []string{"To be dealt with: 2 privacy alerts, the first since 2026-11-22 "}},
		{"not told yet", Status{Open: 1, Oldest: oldest, Untold: 1, Since: soon}, []string{"To be dealt with: 1 privacy alert, the"}},
		{"late", Status{Open: 1, Oldest: oldest, Untold: 1, Since: late, TellFailure: commandFailed("it is broken", nil)},
			[]string{"The privacy officer was not told of 1 alert within 10 minutes: it is broken.", "To be dealt with: 1 privacy alert, the"}},
		{"late without a reason", Status{Open: 1, Oldest: oldest, Untold: 1, Since: late},
			[]string{"The privacy officer was not told of 1 alert within 10 minutes: the program", "To be dealt with: 1 privacy alert, the"}},
		{"unreadable", Status{ReadFailure: errors.New("quotes something")}, []string{"Privacy alerts cannot be read: INTERNAL_ERROR."}},
	} {
		got := c.s.Attention(now)
		if len(got) != len(c.want) {
			t.Errorf("%s: %q", c.name, got)
			continue
		}
		for i := range got {
			if !strings.HasPrefix(got[i], c.want[i]) {
				t.Errorf("%s: %q, want %q", c.name, got[i], c.want[i])
			}
		}
	}
}
