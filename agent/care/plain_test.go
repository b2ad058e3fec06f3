package care_test

import (
	"errors"
	"fmt"
	"io"
	"testing"

	"github.com/mycarerecord/edge-agent/agent/care"
)

// People are shown what is wrong, not in which part of the program it was
// found, however deep the error lies.
func TestPlain(t *testing.T) {
	fault := &care.Error{Kind: care.BadRequest, Op: "consent/feed", Reason: "LINE", Detail: "line 2 is wrong", Err: io.EOF}
	other := &care.Error{Kind: care.Conflict, Op: "audit.Open", Detail: "another agent runs"}
	for _, c := range []struct {
		err  error
		want string
	}{
		{fault, "BAD_REQUEST (LINE): line 2 is wrong"},
		{&care.Error{Kind: care.Internal, Op: "x"}, "INTERNAL_ERROR"},
		{fmt.Errorf("a.csv: %w", fault), "a.csv: BAD_REQUEST (LINE): line 2 is wrong"},
		{fmt.Errorf("old: %w", fmt.Errorf("a.csv: %w; see help", fault)), "old: a.csv: BAD_REQUEST (LINE): line 2 is wrong; see help"},
		{errors.Join(fault, nil, other), "BAD_REQUEST (LINE): line 2 is wrong\nCONFLICT: another agent runs"},
		{errors.Join(other, other), "CONFLICT: another agent runs\nCONFLICT: another agent runs"},
		{io.EOF, "EOF"},
	} {
		if got := care.Plain(c.err); got != c.want {
			t.Errorf("%v is shown as %q, want %q", c.err, got, c.want)
		}
	}
	if want := "consent/feed: BAD_REQUEST (LINE): line 2 is wrong"; fault.Error() != want {
		t.Errorf("the log has %q, want %q", fault.Error(), want)
	}
}

func TestCount(t *testing.T) {
	for want, got := range map[string]string{
		"0 alerts": care.Count(0, "alert"), "1 alert": care.Count(1, "alert"), "2 alerts": care.Count(uint64(2), "alert"),
		"1 entry": care.Count(uint32(1), "entry"), "3 entries": care.Count(3, "entry"),
		"1 access": care.Count(1, "access"), "4 accesses": care.Count(int64(4), "access"),
	} {
		if got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
